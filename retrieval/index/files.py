"""Files that must be whole after a fall of power, and copies of folders that are mostly holes."""

import os
from pathlib import Path
from typing import Final

_PIECE: Final = 8 << 20


def write_durably(path: Path, text: str) -> None:
    """Replace a small file: after a crash it is the old one or the new one, and after this the new one."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make a folder and everything in it durable."""
    for parent, _, names in os.walk(folder):
        for name in names:
            handle = os.open(Path(parent, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(parent))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder; holes in its files stay holes. `target` must not be there."""
    target.mkdir(mode=0o700)
    for one in source.iterdir():
        if one.is_dir():
            copy_tree(one, target / one.name)
        else:
            _copy_file(one, target / one.name)


def bytes_in(folder: Path) -> int:
    """What a folder takes up on the disk; files that vanish meanwhile are left out."""
    found = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found += Path(parent, name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return found


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        size = os.fstat(reading.fileno()).st_size
        writing.truncate(size)
        at = 0
        while at < size:
            try:
                start = os.lseek(reading.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing but a hole up to the end
                return
            at = os.lseek(reading.fileno(), start, os.SEEK_HOLE)
            while start < at:
                done = os.copy_file_range(
                    reading.fileno(), writing.fileno(), min(_PIECE, at - start), start, start
                )
                if done == 0:
                    return
                start += done
