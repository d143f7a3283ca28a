"""Room on the disk of the state folder."""

import errno
import shutil
from pathlib import Path

from .errors import DiskLow

_FULL = {errno.ENOSPC, errno.EDQUOT}


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise DiskLow unless `needed` bytes are free where `folder` lies; `what` names what needs them."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskLow(
            f"{what} needs {in_words(needed)} in {folder}, and {in_words(free)} are free. "
            "Make room there, or choose a folder on another disk with --data."
        )


def disk_full(folder: Path) -> DiskLow:
    """Return the error for a disk that filled up while something was written to it."""
    free = shutil.disk_usage(folder).free
    return DiskLow(
        f"The disk of {folder} is full ({in_words(free)} free). Make room there and start again; "
        "what was already installed is kept."
    )


def shortage(folder: Path, least: int) -> str | None:
    """Return a sentence when fewer than `least` bytes are free where `folder` lies, None otherwise."""
    free = shutil.disk_usage(folder).free
    if free >= least:
        return None
    return f"The disk of {folder} is almost full: {in_words(free)} are free. Make room there."


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether a full disk (or quota) is at the root of `error`."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def in_words(size: int) -> str:
    """Return a size in bytes for people: `1.5 GB`, decimal units."""
    value = float(size)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
