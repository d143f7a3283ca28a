"""An optimised copy of a shard, made by a child process that is given both folders.

The child says `ready`, copies when it is told to, says `copied`, and `done` when the copy is optimised and
durable. It ends with the process that started it.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from gateway import log

from .errors import IndexFailed
from .files import copy_tree, sync_tree

_READY_S: Final = 60.0
_COPIED_S: Final = 900.0
_DONE_S: Final = 12 * 3600.0
_LIMITS: Final = {"ready": _READY_S, "copied": _COPIED_S, "done": _DONE_S}
_BE_IT: Final = "from retrieval.index.optimise import main; main()"
_END_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG
_NICENESS: Final = 10


class Child:
    """The child, as its parent sees it. Its methods wait, and are called outside of the event loop."""

    def __init__(self, source: Path, target: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BE_IT, str(source), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
        )

    def hear(self, word: str) -> None:
        """Wait until the child says this. Raises `IndexFailed` when it ends or takes too long."""
        assert self._process.stdout  # noqa: S101 - piped above
        ready, _, _ = select.select([self._process.stdout], [], [], _LIMITS[word])
        said = self._process.stdout.readline().decode().strip() if ready else ""
        if said != word:
            log.error("index.optimising_failed", at=word, why=self._why() if ready else "too slow")
            raise IndexFailed

    def copy(self) -> None:
        """Let it copy, and wait until it has."""
        assert self._process.stdin  # noqa: S101 - piped above
        self._process.stdin.write(b"copy\n")
        self._process.stdin.flush()
        self.hear("copied")

    def end(self) -> None:
        """End it, whatever it does, also while another thread waits to hear from it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):  # what it was told last and has not read
                if pipe is not None:
                    pipe.close()

    def _why(self) -> str:
        self._process.kill()
        _, why = self._process.communicate()
        return why.decode(errors="replace")[-500:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def main() -> None:
    """Be the child."""
    from .edge import optimise_shard

    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    os.nice(_NICENESS)
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    print("ready", flush=True)
    if sys.stdin.readline().strip() != "copy":
        return
    copy_tree(source, target)
    print("copied", flush=True)
    optimise_shard(target)
    sync_tree(target)
    print("done", flush=True)
