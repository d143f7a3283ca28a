import errno
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import DiskFull, EntryDamaged, InstallBusy, NotInstalled, Phase, Progress
from models.folders import (
    FileRecord,
    Manifest,
    check_files,
    full_disk_explained,
    need_space,
    only_installer,
    put_in_place,
    read_manifest,
    record_all,
    staging_of,
)
from models.progress import silent


@pytest.fixture
def installed(tmp_path: Path) -> tuple[Path, Manifest]:
    folder = tmp_path / "entry"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights").write_bytes(b"w" * 5000)
    (folder / "deep" / "config.json").write_text("{}")
    manifest = Manifest("entry", "r1", "d" * 64, record_all(folder), {"wheel": FileRecord("a" * 64, 1)})
    manifest.write(folder)
    return folder, manifest


def test_a_manifest_comes_back_as_it_was_written(installed: tuple[Path, Manifest]) -> None:
    folder, manifest = installed
    assert read_manifest(folder) == manifest
    assert set(manifest.files) == {"weights", "deep/config.json"}


def test_an_untouched_folder_passes(installed: tuple[Path, Manifest]) -> None:
    check_files(*installed)


def test_a_changed_byte_is_found(installed: tuple[Path, Manifest]) -> None:
    folder, manifest = installed
    (folder / "weights").write_bytes(b"w" * 4999 + b"v")
    with pytest.raises(EntryDamaged, match="weights has changed"):
        check_files(folder, manifest)


def test_a_missing_file_is_found(installed: tuple[Path, Manifest]) -> None:
    folder, manifest = installed
    (folder / "weights").unlink()
    with pytest.raises(EntryDamaged, match="weights is missing"):
        check_files(folder, manifest)


def test_a_file_that_nobody_installed_is_found(installed: tuple[Path, Manifest]) -> None:
    folder, manifest = installed
    (folder / "modeling_evil.py").write_text("")
    with pytest.raises(EntryDamaged, match="modeling_evil"):
        check_files(folder, manifest)


@given(text=st.text(max_size=60).filter(lambda text: not text.startswith("{")))
def test_a_manifest_of_noise_is_damage_and_not_a_crash(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "manifest.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(EntryDamaged):
        read_manifest(folder)


def test_no_manifest_means_not_installed(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="install the entry first"):
        read_manifest(tmp_path)


def test_too_little_space_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"needs 1000000\.0 GB"):
        need_space(tmp_path / "not" / "yet", 10**15, "The model")


def test_a_disk_that_runs_full_on_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="ran full"), full_disk_explained(tmp_path, "the model"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), full_disk_explained(tmp_path, "the model"):
        raise PermissionError(errno.EACCES, "no")


def test_only_one_installs_at_a_time(tmp_path: Path) -> None:
    heard: list[Progress] = []
    with only_installer(tmp_path / "entry", silent):
        with (
            pytest.raises(InstallBusy, match="still installing"),
            only_installer(tmp_path / "entry", heard.append, patience=0),
        ):
            pass
        with only_installer(tmp_path / "another", silent, patience=0):
            pass
    with only_installer(tmp_path / "entry", silent, patience=0):
        pass


def test_one_who_waits_is_told_so(tmp_path: Path) -> None:
    heard: list[Progress] = []
    with (
        only_installer(tmp_path / "entry", silent),
        pytest.raises(InstallBusy),
        only_installer(tmp_path / "entry", heard.append, patience=0.5),
    ):
        pass
    assert [progress.phase for progress in heard] == [Phase.WAITING]


def test_a_child_that_outlives_its_installer_keeps_the_lock(tmp_path: Path) -> None:
    with only_installer(tmp_path / "entry", silent) as hold:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(hold,))
    with pytest.raises(InstallBusy), only_installer(tmp_path / "entry", silent, patience=0):
        pass
    child.communicate(b"\n")
    with only_installer(tmp_path / "entry", silent, patience=0):
        pass


def test_the_new_folder_takes_the_place_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "entry"
    for place, text in ((folder, "old"), (staging_of(folder), "new")):
        place.mkdir()
        (place / "file").write_text(text)
    put_in_place(staging_of(folder), folder)
    assert (folder / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]
