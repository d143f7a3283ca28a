"""What following asks of whatever tells it of changes: a stream of the CRM's log, or a look at its clocks."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

Mode = Literal["decoding", "watermark"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What committed transactions changed, as kinds and keys: the rows themselves are read again.

    `changes` names every row that was touched: inserted, updated, deleted, under its old key and its new one.
    Of the kinds in `whole` anything may have changed. Nothing up to `position` is missing; whoever confirms
    it is not told of it again. `lag` is how many seconds ago the oldest of it was committed, 0 when there is
    nothing.
    """

    changes: Mapping[str, Set[str]] = field(default_factory=dict)
    whole: Set[str] = frozenset()
    position: int = 0
    lag: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.changes or self.whole)


class Loss(NamedTuple):
    """Why nothing is told of the time before: as a code for the record, and in words that end a sentence."""

    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed has begun. Kinds in `whole` must be compared before its changes suffice; `lost` says why it can
    tell nothing of the time before."""

    whole: frozenset[str]
    lost: Loss | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """How a feed is, for the status. `notices` are sentences for an administrator."""

    mode: Mode
    because: str = ""
    slot: str | None = None
    wal_status: str | None = None
    retained_bytes: int | None = None
    safe_bytes: int | None = None
    notices: tuple[str, ...] = ()


class ChangeFeed(Protocol):
    """Tells of changes at least once and in the order of their commits.

    `covered` are the kinds of which it tells every change, deletions included: nothing else need look after
    them. Every method raises `CrmUnavailable` when the CRM does not answer; then `open` begins again at the
    position that was confirmed last.
    """

    @property
    def covered(self) -> frozenset[str]: ...

    async def open(self) -> Opened:
        """Begin to listen."""

    async def next(self, max_wait: float) -> Batch:
        """What is there; waits at most `max_wait` seconds for something."""

    async def confirm(self, position: int, sound: frozenset[str]) -> None:
        """Everything up to here is durable in the index, where of `sound` kinds nothing is missing."""

    async def state(self) -> FeedState:
        """How it is at this moment."""

    async def close(self) -> None:
        """Stop listening."""
