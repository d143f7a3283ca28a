"""Questions come first: the sync waits while one is being answered."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_AT_MOST_S: Final = 0.05  # then the sync goes on: a stream of questions must not keep it from ever ending


class QuestionsFirst:
    """A gate that is closed while a question is in work."""

    def __init__(self) -> None:
        self._questions = 0
        self._open = threading.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def question(self) -> Iterator[None]:
        """Somebody waits for what happens in this block."""
        self._questions += 1
        self._open.clear()
        self._idle.clear()
        try:
            yield
        finally:
            self._questions -= 1
            if not self._questions:
                self._open.set()
                self._idle.set()

    def wait(self) -> None:
        """In a thread of the sync, between two rows: let questions end first."""
        self._open.wait(_AT_MOST_S)

    async def give_way(self, at_most_s: float = _AT_MOST_S) -> None:
        """The same on the event loop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._idle.wait()
