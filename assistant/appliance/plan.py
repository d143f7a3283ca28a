"""What `up` starts, as values: children that are kept running, and steps that are done once."""

import graphlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .launch import Account
from .probes import Probe

OnProgress = Callable[[str, float | None], None]
"""Called with what is being done (may be empty) and the share that is done: 0 to 1, or None if unknown.

It may be called from any thread, and raises `StepCancelled` once the appliance is stopping.
"""


class StepCancelled(BaseException):
    """The appliance stops; the step should clean up and end. No Exception, so that no step swallows it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a child is started again, in seconds, and when to speak of it."""

    first: float = 0.5
    factor: float = 2.0
    most: float = 30.0
    steady_after: float = 60.0  # a child that was ready for so long starts again from `first`
    attempts: int = 3  # tries to become ready before the start is given up, and failures before a warning

    def delay(self, failures: int) -> float:
        """Return the wait after the given number of failures in a row (1 or more)."""
        return min(self.most, self.first * self.factor ** min(failures - 1, 30))


@dataclass(frozen=True, slots=True)
class Child:
    """A process that is started, watched and stopped.

    `argv` and `env` may be functions: they are called at every start, when what they depend on is there.
    `env` is added to the supervisor's own. A `background` child does not hold up "ready", and its failure
    does not stop the appliance. One that is not ready any more for `silent_after` seconds is told of.
    """

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    ready: Probe
    env: Mapping[str, str] | Callable[[], Mapping[str, str]] = field(default_factory=dict)
    title: str = ""
    depends_on: tuple[str, ...] = ()
    background: bool = False
    ready_timeout: float = 60.0
    silent_after: float = 20.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 15.0
    restart: Backoff = Backoff()
    account: Account | None = None
    before_start: Callable[[], None] | None = None  # runs in a thread before every start

    @property
    def label(self) -> str:
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done once at every start: an installation, a migration. It must be repeatable.

    `run` is a coroutine function or a plain function (then it has a thread of its own). What it raises ends
    the start with the error's text, or leaves out what depends on it where the step is `background`.
    `room` is how many bytes it needs on the disk; it is asked only when `is_done` says no.
    """

    name: str
    title: str
    run: Callable[[OnProgress], Awaitable[None] | None]
    depends_on: tuple[str, ...] = ()
    background: bool = False
    room: int = 0
    is_done: Callable[[], bool] | None = None

    @property
    def label(self) -> str:
        return self.title


Item = Child | Step


def in_order(items: Sequence[Item]) -> list[Item]:
    """Return the items so that each comes after what it depends on.

    Raises ValueError for a name that is double or unknown, for a circle, and where something that "ready"
    waits for depends on something in the background.
    """
    named = {item.name: item for item in items}
    if len(named) != len(items):
        raise ValueError("two items of the plan have one name")
    for item in items:
        for need in item.depends_on:
            if need not in named:
                raise ValueError(f"{item.name} depends on {need}, which is not in the plan")
            if named[need].background and not item.background:
                raise ValueError(f"{item.name} depends on {need}, which runs in the background")
    try:
        order = graphlib.TopologicalSorter({item.name: item.depends_on for item in items}).static_order()
        return [named[name] for name in order]
    except graphlib.CycleError as error:
        raise ValueError(f"the plan goes in a circle: {error.args[1]}") from error


def needs_of(items: Sequence[Item]) -> dict[str, set[str]]:
    """Return for each name everything it depends on, directly or not."""
    needs: dict[str, set[str]] = {}
    for item in in_order(items):
        needs[item.name] = set(item.depends_on).union(*(needs[name] for name in item.depends_on))
    return needs
