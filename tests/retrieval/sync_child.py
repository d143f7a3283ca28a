"""A retrieval process in a child, for a test to kill: `SETTINGS [once]`, or `nursery`.

It follows for ten minutes; with `once` it ends after the first comparison. CRASH_AT=POINT,NUMBER in its
environment kills it when it comes to that point for that time: the product's methods are wrapped here and
know nothing of it.

A `nursery` has loaded everything and forks a child for each line SETTINGS\tCRASH_AT; it writes the child's
number, and when that has ended how. Its children delete without asking: much is deleted while none is there.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway import configure_logging, load_settings
from retrieval import HashedWords, RetrievalSettings, create_retrieval_app
from retrieval.sync import DecodingFeed, Mirror, Passes, brake


class Crash:
    """Kills this process at a point, as if it had been killed there."""

    def __init__(self, wanted: str) -> None:
        self._point, _, number = wanted.partition(",")
        self._left = int(number or "1")

    def install(self) -> None:
        """Wrap what the product calls at the points."""
        self._around(Passes, "_write", "before page", "after page")
        self._around(Mirror, "put", "before put", "after put")
        self._around(Mirror, "drop", "before drop", "after drop")
        self._around(Mirror, "flush", "before flush", "after flush")
        self._around(DecodingFeed, "confirm", "before confirm", "after confirm")
        self._around(DecodingFeed, "_prepare", "before slot", "after slot")
        if self._point == "half put":
            self._halve()

    def _at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def _around(self, owner: type, name: str, before: str, after: str) -> None:
        wrapped: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def call(one: Any, *arguments: Any, **named: Any) -> Any:
            self._at(before)
            found = await wrapped(one, *arguments, **named)
            self._at(after)
            return found

        setattr(owner, name, call)

    def _halve(self) -> None:
        """Some rows of a page are in the index, others are not."""
        wrapped = Mirror.put

        async def put(one: Mirror, rows: Any) -> None:
            await wrapped(one, rows[: len(rows) // 2])
            self._at("half put")
            await wrapped(one, rows[len(rows) // 2 :])

        Mirror.put = put  # type: ignore[method-assign,assignment]


async def follow(settings_file: Path, crash_at: str, *, once: bool = False) -> None:
    configure_logging("retrieval", "WARNING")
    if crash_at:
        Crash(crash_at).install()
    settings = load_settings(settings_file, RetrievalSettings)
    app = create_retrieval_app(settings, HashedWords())
    async with app.router.lifespan_context(app) as state:
        assert state is not None
        await state["follower"].caught_up.wait()
        if not once:
            await asyncio.sleep(600)


def nursery() -> None:
    """Loading everything takes longer than most of what is killed."""
    import qdrant_edge  # noqa: F401 - so that no child has to

    brake._FEW = 1_000_000  # type: ignore[misc]
    while line := sys.stdin.readline():
        settings, _, crash_at = line.rstrip("\n").partition("\t")
        child = os.fork()
        if child == 0:
            asyncio.run(follow(Path(settings), crash_at))
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        nursery()
    else:
        asyncio.run(follow(Path(sys.argv[1]), os.environ.get("CRASH_AT", ""), once="once" in sys.argv))
