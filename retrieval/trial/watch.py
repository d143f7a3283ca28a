"""Where the time of one question goes."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, TypeVar

T = TypeVar("T")


class Watch:
    """Adds up seconds by stage; what overlaps within a stage counts once."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._running: dict[str, int] = {}
        self._since: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time that passes in the block."""
        if not self._running.get(name):
            self._since[name] = time.perf_counter()
        self._running[name] = self._running.get(name, 0) + 1
        try:
            yield
        finally:
            self._running[name] -= 1
            if not self._running[name]:
                self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - self._since[name]

    def take(self) -> dict[str, float]:
        """Seconds by stage since the last call."""
        taken, self._seconds = self._seconds, {}
        return taken


class Watched:
    """Another object, the waiting on whose coroutines counts as a stage."""

    def __init__(self, whom: object, watch: Watch, stage: str) -> None:
        self._whom = whom
        self._watch = watch
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._whom, name)
        return partial(self._timed, found) if iscoroutinefunction(found) else found

    async def _timed(self, call: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        with self._watch.stage(self._stage):
            return await call(*args, **kwargs)
