"""A disk without room: who is told, and what."""

import sys
from pathlib import Path

import pytest

from assistant.appliance import Backoff, Child, ChildFailed, DiskLow, HttpProbe, StateFolder
from assistant.appliance.disk import shortage
from assistant.appliance.display import PlainReporter
from assistant.appliance.keeper import Keeper


def test_a_shortage_names_the_folder_and_what_is_free(tmp_path: Path) -> None:
    sentence = shortage(tmp_path, 10**18)
    assert sentence
    assert str(tmp_path) in sentence
    assert "Make room" in sentence
    assert shortage(tmp_path, 1) is None


@pytest.mark.parametrize(("least", "code"), [(10**18, DiskLow.exit_code), (1, ChildFailed.exit_code)])
async def test_a_child_that_fails_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, code: int
) -> None:
    monkeypatch.setattr("assistant.appliance.keeper._FULL", least)
    broken = Child(
        "door",
        [sys.executable, "-c", "raise SystemExit(4)"],
        HttpProbe("http://127.0.0.1:9/"),
        restart=Backoff(first=0.01, attempts=1),
    )
    keeper = Keeper(broken, StateFolder.open(tmp_path / "state"), PlainReporter(sys.stdout))
    with pytest.raises(ChildFailed) as failed:
        await keeper.become_ready()
    assert failed.value.exit_code == code
    assert ("almost full" in str(failed.value)) == (code == DiskLow.exit_code)
    await keeper.stop()
