"""Timers: a moment is a column, and passing it is a conditional update that empties the column.

Whoever sweeps, how often and after whatever pause: each reminder, escalation and expiry happens once, and
none is missed. All moments are the database's; a clock that jumps forward makes them due, one that jumps
back makes nothing happen again.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import NothingToEscalateTo
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.tables import HeldItem, ItemState
from approvals.queues.notices import Occasion, tell, tell_staff
from approvals.queues.routing import waits_for_another

from .holding import expire_due
from .moves import escalate


@dataclass(frozen=True)
class Passed:
    """What came due in one sweep."""

    reminded: Sequence[uuid.UUID]
    escalated: Sequence[uuid.UUID]
    expired: Sequence[uuid.UUID]


async def sweep(session: AsyncSession, *, limit: int = 100) -> Passed:
    """Everything that is due now. Safe to run in several workers at once."""
    expired = await expire_due(session, limit=limit)
    escalated = await escalate_due(session, limit=limit)
    reminded = await remind_due(session, limit=limit)
    return Passed(reminded, escalated, expired)


async def remind_due(session: AsyncSession, *, limit: int = 100) -> Sequence[uuid.UUID]:
    """Tell whoever has an item, or looks at its queue, that half of its time has gone."""
    items = await _pass(session, HeldItem.remind_at, {"remind_at": None}, limit)
    for item in items:
        record_item(session, ApprovalEvent.REMINDED, "deadline", item)
        if item.assigned_to and await waits_for_another(session, item, ""):
            await tell(session, item, Occasion.REMINDED, [item.assigned_to], number=1)
        else:
            await tell_staff(session, item, Occasion.REMINDED, number=1)
    return [item.id for item in items]


async def escalate_due(session: AsyncSession, *, limit: int = 100) -> Sequence[uuid.UUID]:
    """Move what waits too long into the queue that its own escalates to; a lease on it ends."""
    items = await _pass(session, HeldItem.escalate_at, {"escalate_at": None}, limit)
    moved = []
    for item in items:
        try:
            await escalate(session, item, "deadline")
        except NothingToEscalateTo:  # the queue was described anew meanwhile
            continue
        moved.append(item.id)
    return moved


async def _pass(
    session: AsyncSession, moment: Any, values: dict[str, object], limit: int
) -> Sequence[HeldItem]:
    """Items whose moment has come, each given to one caller."""
    due = (
        select(HeldItem.id)
        .where(HeldItem.state == ItemState.PENDING, col(moment) <= func.now())
        .where(col(HeldItem.deadline) > func.now())
        .order_by(col(moment))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(HeldItem)
        .where(col(HeldItem.id).in_(due.scalar_subquery()), col(HeldItem.state) == ItemState.PENDING)
        .values(values)
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).scalars().all()
