"""One open shard that is exchanged for another between two operations, never under one."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Slot:
    """Holds the shard that is used now."""

    def __init__(self, shard: Any) -> None:
        self._shard = shard
        self._users: Counter[int] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def use(self) -> Iterator[Any]:
        """The shard; it stays open until the end of the block."""
        with self._changed:
            shard = self._shard
            self._users[id(shard)] += 1
        try:
            yield shard
        finally:
            with self._changed:
                self._users[id(shard)] -= 1
                self._changed.notify_all()

    def exchange(self, shard: Any) -> Any:
        """Put another in its place; gives the former one, as soon as nobody uses it any more."""
        with self._changed:
            former, self._shard = self._shard, shard
            self._changed.wait_for(lambda: self._users[id(former)] == 0)
            del self._users[id(former)]
        return former
