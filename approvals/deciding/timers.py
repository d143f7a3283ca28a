"""Timers: a moment is a column, and passing it is a conditional update that empties the column.

Whoever sweeps, how often and after whatever pause: each reminder, escalation and expiry happens once, and
none is missed. All moments are the database's; a clock that jumps forward makes them due, one that jumps
back makes nothing happen again. Each item passes by itself: one that fails keeps no other waiting.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import NothingToEscalateTo
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.tables import HeldItem, ItemState
from approvals.queues.notices import Occasion, tell, tell_staff
from approvals.queues.routing import waits_for_another
from gateway import log

from .holding import ENDS_NOW, ended
from .moves import escalate

_AGAIN: Final = timedelta(minutes=1)

Values = dict[str, Any]
Step = Callable[[AsyncSession, HeldItem], Awaitable[bool]]
"""What happens at a moment; false when there was nothing to do after all."""


@dataclass(frozen=True)
class Passed:
    """What came due in one sweep."""

    reminded: Sequence[uuid.UUID]
    escalated: Sequence[uuid.UUID]
    expired: Sequence[uuid.UUID]


async def sweep(session: AsyncSession, *, limit: int = 100) -> Passed:
    """Everything that is due now. Safe to run in several workers at once.

    What fails is logged and left as it was; a reminder or an escalation is tried again in a minute.
    """
    expired = await _expire_due(session, limit)
    escalated = await _pass(session, HeldItem.escalate_at, _escalate, limit)
    reminded = await _pass(session, HeldItem.remind_at, _remind, limit)
    return Passed(reminded, escalated, expired)


async def _expire_due(session: AsyncSession, limit: int) -> Sequence[uuid.UUID]:
    """End overdue items as not released."""
    due = await _due(session, HeldItem.deadline, limit)
    ends: Values = {"state": ItemState.EXPIRED, **ENDS_NOW}
    return [one for one in due if await _apart(session, one, ends, _expire)]


async def _expire(session: AsyncSession, item: HeldItem) -> bool:
    await ended(session, item, ApprovalEvent.EXPIRED, "deadline")
    await tell(session, item, Occasion.EXPIRED, [item.requester], number=item.round)
    return True


async def _escalate(session: AsyncSession, item: HeldItem) -> bool:
    """Move what waits too long into the queue that its own escalates to; a lease on it ends."""
    try:
        await escalate(session, item, "deadline")
    except NothingToEscalateTo:  # the queue was described anew meanwhile
        return False
    return True


async def _remind(session: AsyncSession, item: HeldItem) -> bool:
    """Tell whoever has an item, or looks at its queue, that half of its time has gone."""
    record_item(session, ApprovalEvent.REMINDED, "deadline", item)
    if item.assigned_to and await waits_for_another(session, item, ""):
        await tell(session, item, Occasion.REMINDED, [item.assigned_to], number=1)
    else:
        await tell_staff(session, item, Occasion.REMINDED, number=1)
    return True


async def _pass(session: AsyncSession, moment: Any, step: Step, limit: int) -> Sequence[uuid.UUID]:
    """Items that still wait and whose moment has passed now."""
    due = await _due(session, moment, limit, col(HeldItem.deadline) > func.now())
    later: Values = {moment.key: func.now() + _AGAIN}
    return [one for one in due if await _apart(session, one, {moment.key: None}, step, failed=later)]


async def _due(
    session: AsyncSession, moment: Any, limit: int, *conditions: ColumnElement[bool]
) -> Sequence[uuid.UUID]:
    """Items whose moment has come, each given to one caller."""
    due = (
        select(HeldItem.id)
        .where(HeldItem.state == ItemState.PENDING, col(moment) <= func.now(), *conditions)
        .order_by(col(moment))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(due)).all()


async def _apart(
    session: AsyncSession, item_id: uuid.UUID, values: Values, step: Step, failed: Values | None = None
) -> bool:
    """Whether the step was taken. When it fails, the item has the values `failed` and nothing else is new."""
    try:
        async with session.begin_nested():
            return await step(session, await _changed(session, item_id, values))
    except Exception as error:  # noqa: BLE001 the others must not wait behind this one
        log.error("review.moment_failed", exc_info=error, item=str(item_id), step=step.__name__)
    if failed:
        await _changed(session, item_id, failed)
    return False


async def _changed(session: AsyncSession, item_id: uuid.UUID, values: Values) -> HeldItem:
    statement = update(HeldItem).where(col(HeldItem.id) == item_id).values(values).returning(HeldItem)
    done = await session.exec(statement, execution_options={"populate_existing": True})
    item: HeldItem = done.scalar_one()
    return item
