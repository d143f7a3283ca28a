"""Folders that are whole or absent: staged beside their place, renamed at the end, with a manifest."""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from models.errors import DiskFull, EntryDamaged, InstallBusy, NotInstalled
from models.progress import OnProgress, Phase, Progress

MANIFEST = "manifest.json"
_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class FileRecord:
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an installed folder holds. `definition` is the entry's `definition()`."""

    entry: str
    revision: str
    definition: str
    files: Mapping[str, FileRecord]
    sources: Mapping[str, FileRecord] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    installed_at: str = ""

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        with (folder / MANIFEST).open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Raises NotInstalled without a manifest, EntryDamaged when it cannot be read."""
    path = folder / MANIFEST
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        files, sources = (
            {name: FileRecord(**entry) for name, entry in raw.pop(key).items()}
            for key in ("files", "sources")
        )
        return Manifest(files=files, sources=sources, **raw)
    except FileNotFoundError:
        raise NotInstalled(f"No model is installed in {folder}; install the entry first.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EntryDamaged(f"{path} cannot be read ({error}); install the entry again.") from error


def record(path: Path, on_bytes: Callable[[int], None] | None = None) -> FileRecord:
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if on_bytes:
                on_bytes(size)
    return FileRecord(digest.hexdigest(), size)


def record_all(folder: Path, pattern: str = "**/*") -> dict[str, FileRecord]:
    files = sorted(path for path in folder.glob(pattern) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): record(path) for path in files}


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest; raises EntryDamaged naming the first fault."""
    there = {path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file()} - {
        MANIFEST
    }
    for name, expected in manifest.files.items():
        if name not in there:
            raise EntryDamaged(f"{folder / name} is missing; install {manifest.entry} again.")
        if record(folder / name) != expected:
            raise EntryDamaged(
                f"{folder / name} has changed since it was installed; install {manifest.entry} again."
            )
    if extra := sorted(there - set(manifest.files)):
        raise EntryDamaged(
            f"{folder / extra[0]} was not installed by {manifest.entry}; remove it or install again."
        )


def need_space(folder: Path, needed: int, what: str) -> None:
    """Raise DiskFull unless `needed` bytes are free where `folder` is or will be."""
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DiskFull(
            f"{what} needs {needed / 1e9:.1f} GB of free disk and {place} has {free / 1e9:.1f} GB; "
            "make room or choose another folder, then start again."
        )


@contextmanager
def full_disk_explained(folder: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"The disk that holds {folder} ran full while {what} was installed; make room."
        ) from error


@contextmanager
def only_installer(folder: Path, on_progress: OnProgress, patience: float = 3600) -> Iterator[int]:
    """Hold the right to install into `folder`; yields the lock's descriptor, to be inherited by children.

    A child that outlives a killed installer keeps the lock until it ends, so leftovers are stale.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(descriptor, folder, on_progress, time.monotonic() + patience)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, folder: Path, on_progress: OnProgress, until: float) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise InstallBusy(
                    f"Another process is still installing into {folder}; try again later."
                ) from None
            if not told:
                on_progress(
                    Progress(Phase.WAITING, f"Another process installs into {folder.name}; waiting for it")
                )
                told = True
            time.sleep(0.3)


def staging_of(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.partial"


def put_in_place(staged: Path, folder: Path) -> None:
    """Rename the finished folder to its name; what was there before goes after the new one stands."""
    retired = folder.parent / f".{folder.name}.retired"
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        folder.rename(retired)
    staged.rename(folder)
    _sync(folder.parent)
    shutil.rmtree(retired, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
