"""Notices: who is to be told what, written with the fact and sent once by whoever sends.

A notice says that there is something to look at, never what it says. Its row is unique by item, occasion,
channel and recipient, so that a sweep that runs twice tells nobody twice. A mail server that took a message
whose sender then died is asked again: the message has the same id.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.events import ApprovalEvent, record_item
from approvals.items.persons import accounts_of_person
from approvals.items.tables import HeldItem, ItemKind
from gateway import Principal, log

from .plans import Channel, UnreadablePlan
from .routing import is_for_everyone, plan_of, staff
from .tables import Notice

TRIES: Final = 80  # about three days: a mail server may be away over a weekend
_LONGEST: Final = 3_600  # seconds between two tries
_SENDING: Final = timedelta(seconds=60)  # until somebody else may think that the sender has died
_PAGE: Final = 100


class Occasion(StrEnum):
    """What is told."""

    HELD = "held"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    ASSIGNED = "assigned"
    ASKED = "asked"
    ANSWERED = "answered"
    CUSTOMER_WAITS = "customer_waits"
    DECIDED = "decided"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    NOT_REWRITTEN = "not_rewritten"
    RELEASED = "released"
    NOT_SENT = "not_sent"


@dataclass(frozen=True)
class DueNotice:
    """A notice to send now, with what its message says."""

    id: uuid.UUID
    item: uuid.UUID
    event: Occasion
    channel: Channel
    recipient: str
    tries: int
    tier: str
    queue: str
    deadline: datetime
    state: str
    kind: str
    run: uuid.UUID


async def tell(
    session: AsyncSession, item: HeldItem, event: Occasion, recipients: Iterable[str], *, number: int
) -> None:
    """Write notices by the channels of the item's queue. `number` tells one occasion from the next.

    Who asked is told on their page too, whatever the officers of the queue are told by.
    """
    channels, told = await _channels(session, item.queue), list(recipients)
    if item.requester in told and Channel.PAGE not in channels:
        channels = (Channel.PAGE, *channels)
    await _write(session, item, event, told, channels, number)


async def tell_staff(session: AsyncSession, item: HeldItem, event: Occasion, *, number: int) -> None:
    """Write notices to whoever looks at the item's queue now, but not to who asked for it.

    That something new waits in a queue of every officer is told by its number on their pages already.
    """
    channels = await _channels(session, item.queue)
    if event is Occasion.HELD and await is_for_everyone(session, item.queue):
        channels = tuple(channel for channel in channels if channel is not Channel.PAGE)
    if event is Occasion.CUSTOMER_WAITS:
        channels = (Channel.PAGE,)  # who can hurry is at the queue; a mail would come too late
    if not channels:
        return
    own = await accounts_of_person(session, item.requester)
    here = [one for one in await staff(session, item.queue) if one not in own]
    await _write(session, item, event, here, channels, number)


async def _channels(session: AsyncSession, queue: str) -> Sequence[Channel]:
    """How the officers of a queue are told: on their pages, where nobody can read how it is described."""
    try:
        return (await plan_of(session, queue)).channels
    except UnreadablePlan as error:
        log.error("review.plan_unreadable", queue=queue, reason=error.sentence)
        return (Channel.PAGE,)


async def _write(
    session: AsyncSession,
    item: HeldItem,
    event: Occasion,
    recipients: Iterable[str],
    channels: Sequence[Channel],
    number: int,
) -> None:
    rows = [
        _row(item, event, number, channel, one)
        for one in dict.fromkeys(recipients)
        for channel in channels
        if channel is not Channel.WEBHOOK
    ]
    if Channel.WEBHOOK in channels:
        rows.append(_row(item, event, number, Channel.WEBHOOK, ""))
    if rows:
        await session.exec(insert(Notice).values(rows).on_conflict_do_nothing())


async def hand_out(session: AsyncSession, item: HeldItem) -> None:
    """Let what was released be sent out of the house, once a round: as a mail, or to the CRM's webhook."""
    channel = Channel.MAIL if item.kind is ItemKind.MAIL else Channel.WEBHOOK
    row = _row(item, Occasion.RELEASED, 1, channel, "outside")
    await session.exec(insert(Notice).values(row).on_conflict_do_nothing())


def _row(item: HeldItem, event: Occasion, number: int, channel: Channel, recipient: str) -> dict[str, object]:
    row: dict[str, object] = {
        "id": uuid.uuid4(),
        "item": item.id,
        "occasion": f"{event}:{item.round}:{number}",
        "event": event,
        "channel": channel,
        "recipient": recipient,
    }
    return row | {"sent_at": func.now() if channel is Channel.PAGE else None}  # a page reads the row itself


async def notices_for(session: AsyncSession, viewer: Principal) -> Sequence[Notice]:
    """What the viewer's page tells, the newest first; none that was seen."""
    found = (
        select(Notice)
        .where(Notice.recipient == viewer.id, Notice.channel == Channel.PAGE)
        .where(col(Notice.seen_at).is_(None))
        .order_by(col(Notice.at).desc(), col(Notice.id))
        .limit(_PAGE)
    )
    return (await session.exec(found)).all()


async def mark_seen(session: AsyncSession, viewer: Principal, notices: Sequence[uuid.UUID]) -> int:
    """The viewer has seen these; gives how many of them were theirs and new."""
    seen = (
        update(Notice)
        .where(col(Notice.id).in_(notices), col(Notice.recipient) == viewer.id)
        .where(col(Notice.seen_at).is_(None))
        .values(seen_at=func.now())
        .returning(col(Notice.id))
    )
    return len((await session.exec(seen)).all())


async def take_due_notices(session: AsyncSession, *, limit: int = 20) -> Sequence[DueNotice]:
    """Notices to send now, each for this caller alone until a minute has passed."""
    due = (
        select(Notice.id)
        .where(
            col(Notice.sent_at).is_(None),
            col(Notice.given_up_at).is_(None),
            col(Notice.next_try) <= func.now(),
        )
        .order_by(col(Notice.next_try))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(Notice)
        .where(col(Notice.id).in_(due.scalar_subquery()))
        .values(tries=Notice.tries + 1, next_try=func.now() + _SENDING)
        .returning(col(Notice.id))
    )
    ids = (await session.exec(taken)).scalars().all()
    found = select(Notice, HeldItem).join(HeldItem, col(HeldItem.id) == col(Notice.item))
    rows = await session.exec(
        found.where(col(Notice.id).in_(ids)).order_by(col(Notice.at), col(Notice.id)),
        execution_options={"populate_existing": True},
    )
    return [_due(notice, item) for notice, item in rows]


def _due(notice: Notice, item: HeldItem) -> DueNotice:
    return DueNotice(
        id=notice.id,
        item=item.id,
        event=Occasion(notice.event),
        channel=Channel(notice.channel),
        recipient=notice.recipient,
        tries=notice.tries,
        tier=item.tier,
        queue=item.queue,
        deadline=item.deadline,
        state=item.state,
        kind=item.kind,
        run=item.run,
    )


async def mark_sent(session: AsyncSession, notice: uuid.UUID) -> None:
    """It was taken by the other side; that something left the house is recorded."""
    sent = update(Notice).where(col(Notice.id) == notice, col(Notice.sent_at).is_(None))
    values = sent.values(sent_at=func.now(), fault=None).returning(col(Notice.item), col(Notice.event))
    row = (await session.exec(values)).one_or_none()
    if row is not None and row.event == Occasion.RELEASED:
        record_item(session, ApprovalEvent.SENT, "work", await session.get_one(HeldItem, row.item))


async def mark_failed(session: AsyncSession, notice: DueNotice, fault: str, *, final: bool = False) -> None:
    """It was not taken: it is tried again after a while that doubles up to an hour, or given up.

    When what was released is given up, that is recorded, and who asked for it is told.
    """
    over = final or notice.tries >= TRIES
    values: dict[str, object] = {"fault": fault[:200]}
    if over:
        values["given_up_at"] = func.now()
    else:
        wait = min(5 * 2 ** min(notice.tries, 20), _LONGEST)
        values["next_try"] = func.now() + timedelta(seconds=wait)
    failed = update(Notice).where(
        col(Notice.id) == notice.id, col(Notice.sent_at).is_(None), col(Notice.given_up_at).is_(None)
    )
    row = (await session.exec(failed.values(values).returning(col(Notice.id)))).one_or_none()
    if row is not None and over and notice.event is Occasion.RELEASED:
        item = await session.get_one(HeldItem, notice.item)
        record_item(session, ApprovalEvent.NOT_SENT, "work", item)
        await tell(session, item, Occasion.NOT_SENT, [item.requester], number=1)
