"""The model server's environment, before it is built: which build of torch pip would take."""

import platform
import zipfile
from pathlib import Path

import pytest

from models import EngineInstallFailed
from models.engine import _create, _require_cpu_build
from models.folders import only_installer
from models.progress import silent


def wheel_of_torch(folder: Path, version: str) -> None:
    """An index of one wheel, as `--find-links` takes it."""
    name = f"torch-{version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{name}.dist-info/RECORD", "")


def look(tmp_path: Path, version: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("links", "scratch"):
        (tmp_path / name).mkdir()
    wheel_of_torch(tmp_path / "links", version)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with only_installer(tmp_path / "engine", silent) as hold:
        python = _create(tmp_path / "engine", tmp_path / "scratch", silent, hold)
        _require_cpu_build(python, tmp_path / "scratch", silent, hold)


def test_a_build_for_gpus_is_refused_before_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineInstallFailed, match="index of CPU builds"):
        look(tmp_path, "2.13.0", "x86_64", monkeypatch)


@pytest.mark.parametrize(("version", "machine"), [("2.13.0+cpu", "x86_64"), ("2.13.0", "aarch64")])
def test_a_build_for_processors_is_taken(
    version: str, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(tmp_path, version, machine, monkeypatch)
