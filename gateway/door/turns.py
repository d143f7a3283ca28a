"""Places that are few, given out fairly: each caller in turn, and whatever can wait behind the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_QUESTIONS_AT_A_TIME: Final = 4
"""So many go before background work that waits gets a place, so that it is not kept out for ever."""


class NoRoom(Exception):
    """More wait than may wait."""


class Turns:
    """`places` at once; of those who wait, each caller's next in turn, however many each of them has."""

    def __init__(self, places: int, at_most: int) -> None:
        self._free = places
        self._at_most = at_most
        self._under_way = 0
        self._passed = 0
        self._lines: dict[bool, dict[str, deque[asyncio.Future[None]]]] = {False: {}, True: {}}

    @asynccontextmanager
    async def one(self, whose: str, *, background: bool = False) -> AsyncIterator[None]:
        """A place as long as the block runs. Raises `NoRoom` when too many have one or wait for it."""
        if self._under_way >= self._at_most:
            raise NoRoom
        self._under_way += 1
        try:
            await self._wait(whose, background)
            try:
                yield
            finally:
                self._free += 1
                self._call_next()
        finally:
            self._under_way -= 1

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
