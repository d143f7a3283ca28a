"""Detectors over long texts: in a thread of their own, some characters at a time, requests in turn."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from gateway.errors import PartUnavailable
from redaction import DetectorFailed

One = TypeVar("One")
T = TypeVar("T")
_INLINE: Final = 2_000
_AT_A_TIME: Final = 8_000


class LongWork:
    """Pure Python keeps the interpreter to itself, so more threads would only make the event loop wait for
    each of them. One thread takes a stretch of one request, then of the next.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "detectors")

    async def each(
        self, work: Callable[[One], T], items: Sequence[One], size: Callable[[One], int]
    ) -> list[T]:
        """`work` on each item, in their order; few characters at once and in place, many in the thread.

        Raises `PartUnavailable` with the name of the detector that failed.
        """
        try:
            if sum(map(size, items)) <= _INLINE:
                return [work(item) for item in items]
            loop, done = asyncio.get_running_loop(), list[T]()
            for stretch in _stretches(items, size):
                done += await loop.run_in_executor(self._thread, _all, work, stretch)
            return done
        except DetectorFailed as error:
            raise PartUnavailable(error.detector, str(error)) from error

    def close(self) -> None:
        """End the thread when it has done what it does."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _all(work: Callable[[One], T], items: Sequence[One]) -> list[T]:
    return [work(item) for item in items]


def _stretches(items: Sequence[One], size: Callable[[One], int]) -> Iterator[Sequence[One]]:
    """Neighbours of some thousand characters together; a longer item by itself."""
    stretch: list[One] = []
    characters = 0
    for item in items:
        if stretch and characters + size(item) > _AT_A_TIME:
            yield stretch
            stretch, characters = [], 0
        stretch.append(item)
        characters += size(item)
    if stretch:
        yield stretch
