"""The queue as officers see it: what waits in their queues, and in which order."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Subquery, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.persons import accounts_of_person, shares_person
from approvals.items.presence import mark_present
from approvals.items.tables import (
    DECIDED,
    HeldItem,
    ItemKind,
    ItemState,
    Opening,
    Vote,
)
from approvals.risk.value import Tier
from gateway import Principal, Role, require

from .filters import QueueFilter, top_first, waiting_first
from .reading import pseudonym
from .routing import belongs, is_given_away
from .tables import ReviewQueue

PAGE: Final = 200
MANY: Final = 999
"""So many items of a tab are counted; that there are more is all that is known beyond."""
EVERYTHING: Final = QueueFilter()


class QueueView(StrEnum):
    """The tabs of the queue."""

    PENDING = "pending"
    MINE = "mine"
    DECIDED = "decided"
    EXPIRED = "expired"


@dataclass(frozen=True)
class QueueEntry:
    """One line of the queue: no text, no identity; the rep is a pseudonym until the item is opened.

    `own` is True when the viewer asked for it, and `voted` when they approved its text, through whatever
    account.
    """

    id: uuid.UUID
    state: ItemState
    hash: str
    tier: Tier
    reasons: tuple[tuple[str, str], ...]
    requester: str
    own: bool
    customer: str | None
    created_at: datetime
    age_seconds: float
    deadline: datetime
    position: int | None
    claimed_by: str | None
    claimed_until: datetime | None
    approvals: int
    needed: int
    voted: bool
    read: bool
    decided_at: datetime | None
    kind: ItemKind
    queue: str
    round: int
    assigned_to: str | None
    awaiting_rep: bool
    customer_waits_since: datetime | None


@dataclass(frozen=True)
class Place:
    """An item's number among the pending ones (from 1; None when it is not pending), and how many wait."""

    position: int | None
    waiting: int


async def queue(
    session: AsyncSession,
    viewer: Principal,
    view: QueueView = QueueView.PENDING,
    *,
    wanted: QueueFilter = EVERYTHING,
    order: tuple[ColumnElement[Any], ...] | None = None,
) -> Sequence[QueueEntry]:
    """One tab of the queue, at most `PAGE` lines; without an `order` the most urgent first.

    Raises `NotAllowed` unless the viewer is an officer.
    """
    require(viewer, Role.OFFICER)
    await mark_present(session, viewer)
    now = (await session.exec(select(func.now()))).one()
    numbered = _numbered()
    votes = _standing().scalar_subquery()
    person = await accounts_of_person(session, viewer.id)
    voted = _standing().where(col(Vote.reviewer).in_(person)).scalar_subquery()
    own = col(HeldItem.requester).in_(person)
    listed: Any = (
        select(HeldItem, numbered.c.position, votes, voted)
        .add_columns(own)
        .outerjoin(numbered, numbered.c.id == col(HeldItem.id))
        .where(_shown_in(view, viewer), belongs(HeldItem.queue, viewer.id), wanted.conditions())
        .order_by(*(order or _order(view)))
        .limit(PAGE)
    )
    rows = (await session.exec(listed, execution_options={"populate_existing": True})).all()
    read = await _read_by(session, viewer, [item.id for item, *_ in rows])
    return [
        _entry(item, now, position, approvals=approvals, voted=voted > 0, own=own, read=item.id in read)
        for item, position, approvals, voted, own in rows
    ]


async def place_of(session: AsyncSession, item_id: uuid.UUID) -> Place:
    """Where an item stands in its queue, for the requester's card."""
    numbered = _numbered()
    position = await session.exec(select(numbered.c.position).where(numbered.c.id == item_id))
    queue = select(HeldItem.queue).where(HeldItem.id == item_id).scalar_subquery()
    waiting = select(func.count()).select_from(HeldItem).where(HeldItem.state == ItemState.PENDING)
    count = (await session.exec(waiting.where(col(HeldItem.queue) == queue))).one()
    return Place(position.one_or_none(), count)


async def pending_count(session: AsyncSession, viewer: Principal | None = None) -> int:
    """How many items wait, in the viewer's queues or in all: the badge in the navigation."""
    waiting = select(func.count()).select_from(HeldItem).where(HeldItem.state == ItemState.PENDING)
    if viewer is not None:
        waiting = waiting.where(belongs(HeldItem.queue, viewer.id))
    return (await session.exec(waiting)).one()


async def counts(session: AsyncSession, viewer: Principal) -> Mapping[QueueView, int]:
    """How many items each tab has, at most `MANY` + 1: each officer's page asks again every few seconds.

    Raises `NotAllowed` unless the viewer is an officer.
    """
    require(viewer, Role.OFFICER)
    named = select(ReviewQueue.name).where(belongs(ReviewQueue.name, viewer.id))
    each = counting((await session.exec(named)).all(), viewer)
    row: Any = (await session.exec(each)).one()
    return dict(zip(QueueView, row, strict=True))


def counting(queues: Sequence[str], viewer: Principal) -> Any:
    """The query of `counts`: a column a tab, and of each no more than its bound is read."""
    columns = []
    for view in QueueView:
        some = select(HeldItem.id).where(col(HeldItem.queue).in_(queues), _shown_in(view, viewer))
        columns.append(select(func.count()).select_from(some.limit(MANY + 1).subquery()).scalar_subquery())
    return select(*columns)


async def waiting_by_queue(session: AsyncSession, viewer: Principal) -> Mapping[str, int]:
    """How many items wait in each of the viewer's queues that has any."""
    counted = (
        select(HeldItem.queue, func.count())
        .where(HeldItem.state == ItemState.PENDING, belongs(HeldItem.queue, viewer.id))
        .group_by(HeldItem.queue)
    )
    return {name: number for name, number in await session.exec(counted)}


async def rules_in(session: AsyncSession, viewer: Principal, view: QueueView) -> Sequence[str]:
    """The rules that hold what a tab shows, by name."""
    hit = func.jsonb_array_elements(col(HeldItem.hits)).table_valued("value", joins_implicitly=True)
    named: Any = select(hit.c.value.op("->>")("rule")).select_from(HeldItem, hit).distinct()
    found = await session.exec(named.where(_shown_in(view, viewer), belongs(HeldItem.queue, viewer.id)))
    return sorted(found)


async def next_item(
    session: AsyncSession,
    viewer: Principal,
    item_id: uuid.UUID,
    *,
    wanted: QueueFilter = EVERYTHING,
    back: bool = False,
) -> uuid.UUID | None:
    """The pending item after this one that still needs the viewer; the first one at the end of the queue.

    With `back`, the one before it; the last one at the beginning.
    """
    now_free = col(HeldItem.claimed_until).is_(None) | (col(HeldItem.claimed_until) <= func.now())
    numbered = _numbered(by_queue=False)
    person = await accounts_of_person(session, viewer.id)
    voted = _standing().where(col(Vote.reviewer).in_(person)).scalar_subquery()
    here = select(numbered.c.position).where(numbered.c.id == item_id).scalar_subquery()
    following = (
        select(HeldItem.id)
        .join(numbered, numbered.c.id == col(HeldItem.id))
        .where(HeldItem.id != item_id, col(HeldItem.requester).not_in(person))
        .where(now_free | (col(HeldItem.claimed_by) == viewer.id), voted == 0)
        .where(belongs(HeldItem.queue, viewer.id))
        .where(~is_given_away(viewer.id))
        .where(wanted.conditions())
        .order_by(*_walk(numbered.c.position, func.coalesce(here, 0), back=back))
    )
    return (await session.exec(following.limit(1))).one_or_none()


def _walk(position: Any, here: Any, *, back: bool) -> tuple[ColumnElement[Any], ...]:
    if back:
        return (position < here).desc(), position.desc()
    return (position > here).desc(), position.asc()


async def standing_approvals(session: AsyncSession, item_id: uuid.UUID) -> int:
    """How many officers have approved what would be released now, and have not taken it back."""
    counted = _standing().join(HeldItem, col(HeldItem.id) == col(Vote.item)).where(HeldItem.id == item_id)
    return int((await session.exec(counted)).one())


def _urgency() -> tuple[ColumnElement[Any], ...]:
    return top_first(), waiting_first(), col(HeldItem.deadline).asc(), col(HeldItem.id).asc()


def _standing() -> Any:
    """Counts the votes for an item's text as it stands; while it waits, none of whoever asked for it."""
    waits = col(HeldItem.state) == ItemState.PENDING
    return (
        select(func.count())
        .select_from(Vote)
        .where(
            Vote.item == HeldItem.id,
            col(Vote.undone_at).is_(None),
            Vote.payload_hash == HeldItem.current_hash,
            Vote.round == HeldItem.round,
            or_(~waits, ~shares_person(Vote.reviewer, HeldItem.requester)),
        )
    )


async def _read_by(
    session: AsyncSession, viewer: Principal, items: Sequence[uuid.UUID]
) -> frozenset[uuid.UUID]:
    """Which of these items' texts, as they stand, the viewer has opened."""
    opened = (
        select(Opening.item)
        .join(HeldItem, col(HeldItem.id) == col(Opening.item))
        .where(col(Opening.item).in_(items), Opening.reviewer == viewer.id)
        .where(col(Opening.payload_hash) == col(HeldItem.current_hash))
    )
    return frozenset(await session.exec(opened))


def _numbered(*, by_queue: bool = True) -> Subquery:
    within = HeldItem.queue if by_queue else None
    position = func.row_number().over(partition_by=within, order_by=_urgency()).label("position")
    return select(HeldItem.id, position).where(HeldItem.state == ItemState.PENDING).subquery()


def _shown_in(view: QueueView, viewer: Principal) -> ColumnElement[bool]:
    state = col(HeldItem.state)
    match view:
        case QueueView.PENDING:
            return state == ItemState.PENDING
        case QueueView.MINE:
            held = (col(HeldItem.claimed_by) == viewer.id) & (col(HeldItem.claimed_until) > func.now())
            return (state == ItemState.PENDING) & (held | (col(HeldItem.assigned_to) == viewer.id))
        case QueueView.DECIDED:
            return state.in_((*DECIDED, ItemState.CANCELLED))
        case QueueView.EXPIRED:
            return state == ItemState.EXPIRED


def _order(view: QueueView) -> tuple[ColumnElement[Any], ...]:
    if view in (QueueView.PENDING, QueueView.MINE):
        return _urgency()
    return col(HeldItem.decided_at).desc(), col(HeldItem.id).asc()


def _entry(
    item: HeldItem,
    now: datetime,
    position: int | None,
    *,
    approvals: int,
    voted: bool,
    own: bool,
    read: bool,
) -> QueueEntry:
    created = item.created_at or now
    leased = item.claimed_until is not None and item.claimed_until > now
    return QueueEntry(
        id=item.id,
        state=item.state,
        hash=item.current_hash,
        tier=item.tier,
        reasons=item.reasons(),
        requester=pseudonym(item.requester),
        own=own,
        customer=item.customer,
        created_at=created,
        age_seconds=(now - created).total_seconds(),
        deadline=item.deadline,
        position=position,
        claimed_by=item.claimed_by if leased else None,
        claimed_until=item.claimed_until if leased else None,
        approvals=approvals,
        needed=item.needed,
        voted=voted,
        read=read,
        decided_at=item.decided_at,
        kind=item.kind,
        queue=item.queue,
        round=item.round,
        assigned_to=item.assigned_to,
        awaiting_rep=item.awaiting_rep,
        customer_waits_since=item.customer_waits_since,
    )
