"""How many rows a second go by, of late."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

_WINDOW_S: Final = 10.0


class Rates:
    """Rows a second by kind, over the last ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def add(self, kind: str, rows: int) -> None:
        """So many rows were looked at just now."""
        self._seen.setdefault(kind, deque()).append((self._clock(), rows))

    def of(self, kind: str) -> float | None:
        """Rows a second; None when there were none."""
        seen, now = self._seen.get(kind, deque()), self._clock()
        while seen and seen[0][0] < now - _WINDOW_S:
            seen.popleft()
        if not seen:
            return None
        return sum(rows for _, rows in seen) / max(now - seen[0][0], 1.0)
