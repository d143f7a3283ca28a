"""Places that are few, given out fairly: each caller in turn, and whatever can wait behind the others."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeVar

T = TypeVar("T")

_QUESTIONS_AT_A_TIME: Final = 4
"""So many go before background work that waits gets a place, so that it is not kept out for ever."""


class NoRoom(Exception):
    """More wait than may wait."""


class Turns:
    """`places` at once; of those who wait, each caller's next in turn, however many each of them has.

    At most `at_most` have a place or wait for one, and at most `each` of one caller.
    """

    def __init__(self, places: int, at_most: int, *, each: int | None = None) -> None:
        self._free = places
        self._at_most = at_most
        self._each = at_most if each is None else each
        self._under_way: Counter[str] = Counter()
        self._passed = 0
        self._lines: dict[bool, dict[str, deque[asyncio.Future[None]]]] = {False: {}, True: {}}
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self, whose: str, work: Callable[[], Coroutine[Any, Any, T]], *, background: bool = False
    ) -> T:
        """What `work` gives, in a place of its own. Raises `NoRoom`.

        Work that has begun goes on when its caller leaves, and keeps its place to its end: a thread or a
        process that is busy cannot be called off, and the next would wait behind it.
        """
        async with AsyncExitStack() as place:
            await place.enter_async_context(self.one(whose, background=background))
            running = asyncio.create_task(_within(place.pop_all(), work))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return await asyncio.shield(running)

    def close(self) -> None:
        """End what runs, also what nobody waits for any more."""
        for running in self._running:
            running.cancel()

    @asynccontextmanager
    async def one(self, whose: str, *, background: bool = False) -> AsyncIterator[None]:
        """A place as long as the block runs. Raises `NoRoom` when too many have one or wait for it."""
        if self._under_way.total() >= self._at_most or self._under_way[whose] >= self._each:
            raise NoRoom
        self._under_way[whose] += 1
        try:
            await self._wait(whose, background)
            try:
                yield
            finally:
                self._free += 1
                self._call_next()
        finally:
            self._under_way[whose] -= 1
            if not self._under_way[whose]:
                del self._under_way[whose]

    async def _wait(self, whose: str, background: bool) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[background].setdefault(whose, deque()).append(called)
        self._call_next()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._free += 1
                self._call_next()
            raise

    def _call_next(self) -> None:
        while self._free and (called := self._next()) is not None:
            if not called.done():
                self._free -= 1
                called.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        questions, rest = self._lines[False], self._lines[True]
        background = bool(rest) and (not questions or self._passed >= _QUESTIONS_AT_A_TIME)
        lines = rest if background else questions
        if not lines:
            return None
        self._passed = 0 if background else self._passed + 1
        whose = next(iter(lines))
        line = lines.pop(whose)
        called = line.popleft()
        if line:
            lines[whose] = line  # behind the others
        return called


async def _within(place: AsyncExitStack, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    async with place:
        return await work()
