"""The one folder in which an appliance keeps everything it has."""

import fcntl
import json
import os
import pwd
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk import disk_full, is_disk_full
from .errors import AlreadyRunning, FolderUnusable

_MARKER = Path("etc", "state.json")
_PRIVATE = ("etc", "secrets", "models", "index", "anchors", "log", "run")
_CLUSTERS = ("postgres", "crm")
_ENGINES = "engines"
_KEPT_LOGS = 3


def default_folder() -> Path:
    """Return where state lies unless `--data` says otherwise."""
    return Path("/var/lib/cloister") if os.geteuid() == 0 else Path.home() / ".local/share/cloister"


class StateFolder:
    """The state folder and its parts. Everything in it belongs to the account that runs the appliance,
    except the clusters that root hands to PostgreSQL's account."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.etc = path / "etc"
        self.secrets = path / "secrets"
        self.models = path / "models"
        self.engines = path / _ENGINES
        self.index = path / "index"
        self.anchors = path / "anchors"
        self.log = path / "log"
        self.run = path / "run"
        self.postgres = path / "postgres"
        self.crm = path / "crm"

    @classmethod
    def open(cls, path: Path | None = None) -> "StateFolder":
        """Create the folder where it is missing and return it.

        Only root's folder may be entered by others (0711: PostgreSQL's account passes through), never
        listed. Raises FolderUnusable for a folder that is somebody else's or holds something else, DiskLow.
        """
        state = cls((path or default_folder()).expanduser().absolute())
        try:
            if path is None:
                state.path.parent.mkdir(parents=True, exist_ok=True)
            state._create()
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(_existing(state.path)) from error
            raise FolderUnusable(
                f"The state folder {state.path} cannot be used: {error.strerror}. Choose another with --data."
            ) from error
        return state

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process alone. The kernel lets go when the process ends, however it ends.

        Raises AlreadyRunning.
        """
        handle = os.open(self.run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(handle, 20).decode("ascii", "replace").strip()
                raise AlreadyRunning(
                    f"Cloister already runs in {self.path}"
                    + (f" (pid {holder})" if holder else "")
                    + ". Stop it first, or choose another folder with --data and another --port."
                ) from None
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
            yield
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def is_running(self) -> int | None:
        """Return the pid of the supervisor that holds this folder, None when nobody does."""
        try:
            handle = os.open(self.run / "supervisor.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(handle, 20) or b"0") or None
        finally:
            os.close(handle)
        return None

    def secret(self, name: str, make: Callable[[], str] | None = None) -> Path:
        """Return the file of a secret, made once (by default 32 random bytes, URL-safe) and 0600 for ever."""
        path = self.secrets / name
        if path.exists():
            path.chmod(0o600)
        else:
            write_private(path, (make or _random_secret)())
        return path

    def log_file(self, name: str, *, limit: int = 10_000_000) -> Path:
        """Return STATE/log/NAME.log, put aside first when it is longer than `limit` bytes."""
        path = self.log / f"{name}.log"
        rotate(path, limit)
        return path

    def _create(self) -> None:
        created = not self.path.exists()
        self.path.mkdir(mode=0o700, exist_ok=True)
        if not created:
            self._require_ours()
        shared = 0o711 if os.geteuid() == 0 else 0o700
        _set_mode(self.path, shared)
        for name in (*_PRIVATE, _ENGINES):
            folder = self.path / name
            folder.mkdir(mode=0o700, exist_ok=True)
            _set_mode(folder, shared if name == _ENGINES else 0o700)
        if not (self.path / _MARKER).exists():
            write_private(self.path / _MARKER, json.dumps({"version": 1}) + "\n")

    def _require_ours(self) -> None:
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise FolderUnusable(
                f"The state folder {self.path} belongs to {_account_name(owner)}. Run Cloister as them, "
                "or choose another folder with --data."
            )
        if not (self.path / _MARKER).exists() and not self._is_blank():
            raise FolderUnusable(
                f"{self.path} holds other things than a Cloister appliance. Choose an empty or new folder "
                "with --data."
            )

    def _is_blank(self) -> bool:
        """Whether there is nothing here but what a start that was cut off had made."""
        known = {*_PRIVATE, *_CLUSTERS, _ENGINES}
        return all(
            entry.name in known and entry.is_dir() and not any(entry.iterdir())
            for entry in self.path.iterdir()
        )


def write_private(path: Path, text: str) -> None:
    """Write a file that never has more rights than 0600, and that a reader never sees half written."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def rotate(log: Path, limit: int) -> None:
    """Put a log longer than `limit` bytes aside as `.1` (older ones move on, three are kept).

    The file itself is copied and emptied, not renamed, so that a child that appends to it goes on doing so.
    """
    if not log.exists() or log.stat().st_size <= limit:
        return
    for number in range(_KEPT_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    with log.open("rb") as file:
        file.seek(-limit, os.SEEK_END)
        _write_private_bytes(log.with_name(f"{log.name}.1"), file.read())
    os.truncate(log, 0)


def _write_private_bytes(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def tail(log: Path, lines: int = 12) -> list[str]:
    """Return the last lines of a log, none when it does not exist."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _random_secret() -> str:
    return secrets.token_urlsafe(32)


def _set_mode(folder: Path, mode: int) -> None:
    if folder.stat().st_mode & 0o7777 != mode:
        folder.chmod(mode)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the account {uid}"
