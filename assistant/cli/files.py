"""Files that a command writes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import IO

from .exits import Exit, leave


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone that takes the place of `path` once everything is in it.

    Where the block fails, what was there stays as it was. A device or a pipe is written to at once.
    Ends with 1 where nothing can be written.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            beside = Path(file.name)
            try:
                yield file
                file.flush()
                beside.replace(target)
            except BaseException:  # whatever ends it, also Ctrl-C: half a file stays nowhere
                beside.unlink()
                raise
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be written: {reason}.").format(file=path, reason=error.strerror))
