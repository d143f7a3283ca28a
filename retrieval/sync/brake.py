"""Stops deletions that look like an accident: a kind that loses much of itself within an hour."""

import time
from collections import deque
from collections.abc import Callable, Set
from typing import Final

from retrieval.settings import MAY_DELETE

FEW: Final = 3
_WINDOW_S: Final = 3600.0
_SAMPLE_S: Final = 60.0


class Brake:
    """Remembers how many rows each kind had within the last hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, deque[tuple[float, int]]] = {}

    def lets(self, kind: str, known: Set[str], gone: Set[str], fresh: int) -> bool:
        """Whether `gone` rows may leave the `known` ones while `fresh` ones come."""
        before = self._most(kind, len(known))
        left = len(known) - len(gone & known) + fresh
        return before - left <= max(FEW, MAY_DELETE * before)

    def released(self, kind: str) -> None:
        """A person said that it is right: count from here."""
        self._counts.pop(kind, None)

    def _most(self, kind: str, count: int) -> int:
        now = self._clock()
        counts = self._counts.setdefault(kind, deque())
        while counts and now - counts[0][0] > _WINDOW_S:
            counts.popleft()
        if not counts or now - counts[-1][0] > _SAMPLE_S:
            counts.append((now, count))
        elif count > counts[-1][1]:
            counts[-1] = (counts[-1][0], count)
        return max(most for _, most in counts)
