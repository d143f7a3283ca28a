"""Which lines of a queue an officer wants to see, and in which order: asked of the whole queue, in SQL."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from approvals.items.tables import HeldItem, ItemKind
from approvals.risk.value import Tier


class QueueSort(StrEnum):
    """What a list is ordered by; `-` before it turns it round."""

    DEADLINE = "deadline"
    RISK = "risk"
    AGE = "age"
    QUEUE = "queue"


@dataclass(frozen=True)
class QueueFilter:
    """What a line must be; what is empty is not asked.

    `text` is looked for in the customer's reference and in the rep's pseudonym: a queue shows no names, so
    nobody can be looked for by name.
    """

    queue: str = ""
    rule: str = ""
    tier: Tier | None = None
    kind: ItemKind | None = None
    text: str = ""
    customer_waits: bool = False

    def conditions(self) -> ColumnElement[bool]:
        """All of it, as one condition on `HeldItem`."""
        wanted: list[ColumnElement[bool]] = []
        if self.queue:
            wanted.append(col(HeldItem.queue) == self.queue)
        if self.rule:
            wanted.append(col(HeldItem.hits).op("@>")(cast(literal([{"rule": self.rule}], JSONB), JSONB)))
        if self.tier:
            wanted.append(col(HeldItem.tier) == self.tier)
        if self.kind:
            wanted.append(col(HeldItem.kind) == self.kind)
        if self.customer_waits:
            wanted.append(col(HeldItem.customer_waits_since).is_not(None))
        if self.text:
            customer = func.coalesce(col(HeldItem.customer), "")
            either = [one.icontains(self.text, autoescape=True) for one in (customer, _pseudonym())]
            wanted.append(or_(*either))
        return and_(literal(True), *wanted)


def order_of(sort: QueueSort, *, descending: bool = False) -> tuple[ColumnElement[Any], ...]:
    """The order, and within it what a customer is waiting for, then the deadline.

    Deadlines of one minute are equal.
    """
    keys: dict[QueueSort, Any] = {
        QueueSort.DEADLINE: func.date_trunc("minute", col(HeldItem.deadline)),
        QueueSort.RISK: top_first(),
        QueueSort.AGE: col(HeldItem.created_at),
        QueueSort.QUEUE: col(HeldItem.queue),
    }
    key = keys[sort].desc() if descending else keys[sort].asc()
    return key, waiting_first(), col(HeldItem.deadline).asc(), col(HeldItem.id).asc()


def top_first() -> ColumnElement[int]:
    """A number that orders by tier."""
    return case((col(HeldItem.tier) == Tier.TOP, 0), else_=1)


def waiting_first() -> ColumnElement[int]:
    """A number that orders what a customer is waiting for before what none is."""
    return case((col(HeldItem.customer_waits_since).is_(None), 1), else_=0)


def _pseudonym() -> ColumnElement[str]:
    """`queue.pseudonym` in SQL."""
    hashed = func.encode(func.sha256(func.convert_to(col(HeldItem.requester), "UTF8")), "hex")
    return literal("rep-").op("||")(func.left(hashed, 4))
