"""The state folder: whose it is, who may look, and who holds it."""

import errno
import os
import stat
from pathlib import Path

import pytest

from assistant.appliance import disk
from assistant.appliance.errors import AlreadyRunning, DiskLow, FolderUnusable
from assistant.appliance.state import StateFolder, default_folder, rotate, tail


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state = StateFolder.open(tmp_path / "state")
        secret = state.secret("admin")
    finally:
        os.umask(before)
    assert mode(state.path) == (0o711 if os.geteuid() == 0 else 0o700)
    for folder in (state.etc, state.secrets, state.log, state.run, state.models, state.index):
        assert mode(folder) == 0o700
    assert mode(secret) == 0o600


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    first = state.secret("door").read_text()
    assert len(first) >= 32
    assert StateFolder.open(tmp_path / "state").secret("door").read_text() == first
    assert state.secret("named", lambda: "given").read_text() == "given"


def test_a_secret_that_was_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    state.secret("door").chmod(0o644)
    assert mode(state.secret("door")) == 0o600


def test_a_folder_with_other_things_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "letter.txt").write_text("mine")
    with pytest.raises(FolderUnusable, match="holds other things"):
        StateFolder.open(home)
    assert mode(home) == 0o755
    assert [path.name for path in home.iterdir()] == ["letter.txt"]


def test_a_creation_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    (tmp_path / "state" / "etc").mkdir(parents=True)
    assert StateFolder.open(tmp_path / "state").log.is_dir()


def test_a_missing_parent_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="cannot be used"):
        StateFolder.open(tmp_path / "no" / "such" / "state")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that is somebody else's")
def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    StateFolder.open(tmp_path / "state")
    os.chown(tmp_path / "state", 65534, 65534)
    with pytest.raises(FolderUnusable, match="belongs to"):
        StateFolder.open(tmp_path / "state")


def test_the_default_follows_the_account() -> None:
    expected = Path("/var/lib/cloister") if os.geteuid() == 0 else Path.home() / ".local/share/cloister"
    assert default_folder() == expected


def test_the_lock_is_held_by_one_and_named(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    assert state.is_running() is None
    with state.lock():
        assert state.is_running() == os.getpid()
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), StateFolder.open(state.path).lock():
            pass
    with state.lock():
        pass
    assert state.is_running() is None


def test_a_long_log_is_put_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    with log.open("a") as writer:
        writer.write("old\n" * 100)
        writer.flush()
        rotate(log, 100)
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "door.log.1").read_text() == "old\n" * 25
    assert tail(log) == ["new"]
    assert tail(tmp_path / "none.log") == []


def test_three_old_logs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    for number in range(6):
        log.write_text(f"{number}" * 20)
        rotate(log, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "door.log",
        *(f"door.log.{n}" for n in (1, 2, 3)),
    ]
    assert (tmp_path / "door.log.1").read_text() == "5" * 10


def test_low_room_is_said_with_what_needs_it(tmp_path: Path) -> None:
    disk.require_room(tmp_path, 1, "The model")
    with pytest.raises(DiskLow, match=r"The model needs 1000000000\.0 GB in .* --data"):
        disk.require_room(tmp_path, 10**18, "The model")


def test_a_full_disk_is_recognised_behind_another_error() -> None:
    error = RuntimeError("the download failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert disk.is_disk_full(error)
    assert not disk.is_disk_full(OSError(errno.ENOENT, "No such file"))
