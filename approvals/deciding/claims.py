"""Claims: a lease on an item with a fencing token, so that nobody reads in vain or decides on a lost lease.

Each claim gives the item's next `fence`. Whoever claims again, also the same person in another window,
takes the lease from the earlier claim: a decision or a renewal that names its fence is refused.
"""

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import (
    AlreadyDecided,
    AssignedToAnother,
    ClaimedByAnother,
    LeaseLost,
)
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.presence import mark_present
from approvals.items.tables import HeldItem, ItemState
from approvals.queues.reading import get_item
from approvals.queues.routing import belongs, is_given_away, may_review, waits_for_another
from approvals.risk.policy import Policy
from gateway import Conflict, NotFound, Principal, Role, require

from .refusals import refused_person


async def claim(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    *,
    fence: int | None = None,
) -> HeldItem:
    """Take the lease on an item; with `fence`, keep the one that has it.

    Raises `NotAllowed`, `NotFound` (also for an item of a queue that is not the reviewer's), `OwnRequest`,
    `SamePerson`, `AlreadyDecided`, `ClaimedByAnother`, `AssignedToAnother`, and `LeaseLost` for a fence that
    holds no longer.
    """
    require(reviewer, Role.OFFICER)
    await mark_present(session, reviewer)
    item = await get_item(session, reviewer, item_id)
    refusal = await refused_person(session, item, reviewer)
    if refusal is not None:
        raise refusal
    if not await may_review(session, item.queue, reviewer.id):
        raise NotFound("There is no such item.")
    mine = col(HeldItem.claimed_by) == reviewer.id
    running = col(HeldItem.claimed_until) > func.now()
    number: Any = HeldItem.fence
    if fence is None:
        free = col(HeldItem.claimed_by).is_(None) | ~running | mine
        to_have, number = free, number + 1
    else:
        to_have = mine & running & (col(HeldItem.fence) == fence)
    statement = (
        update(HeldItem)
        .where(
            col(HeldItem.id) == item_id,
            col(HeldItem.state) == ItemState.PENDING,
            col(HeldItem.requester) != reviewer.id,
            belongs(HeldItem.queue, reviewer.id),
            ~is_given_away(reviewer.id),
            to_have,
        )
        .values(
            claimed_by=reviewer.id,
            claimed_until=func.now() + timedelta(minutes=policy.review.claim_minutes),
            fence=number,
        )
        .returning(HeldItem)
    )
    claimed = await _updated(session, statement)
    if claimed is None:
        raise await _why_not(session, reviewer, item_id, fence)
    if fence is None:
        record_item(session, ApprovalEvent.CLAIMED, reviewer, claimed, fence=claimed.fence)
    return claimed


async def release_claim(
    session: AsyncSession, reviewer: Principal, item_id: uuid.UUID, *, fence: int | None = None
) -> HeldItem:
    """Give one's lease back; giving back what one does not hold (any more) changes nothing.

    Raises `NotAllowed`, `NotFound`.
    """
    require(reviewer, Role.OFFICER)
    mine = (col(HeldItem.id) == item_id) & (col(HeldItem.claimed_by) == reviewer.id)
    if fence is not None:
        mine &= col(HeldItem.fence) == fence
    statement = update(HeldItem).where(mine).values(claimed_by=None, claimed_until=None).returning(HeldItem)
    item = await _updated(session, statement)
    if item is None:
        return await get_item(session, reviewer, item_id)
    record_item(session, ApprovalEvent.CLAIM_RELEASED, reviewer, item, fence=item.fence)
    return item


async def _why_not(
    session: AsyncSession, reviewer: Principal, item_id: uuid.UUID, fence: int | None
) -> Conflict:
    item = await get_item(session, reviewer, item_id)
    if item.state is not ItemState.PENDING:
        return AlreadyDecided(item.state, item.decided_by)
    if await waits_for_another(session, item, reviewer.id):
        return AssignedToAnother(item.assigned_to or "")
    if fence is not None:
        return LeaseLost()
    return ClaimedByAnother(item.claimed_by or "", item.claimed_until)


async def _updated(session: AsyncSession, statement: ReturningUpdate[HeldItem]) -> HeldItem | None:
    done = await session.exec(statement, execution_options={"populate_existing": True})
    return done.scalar_one_or_none()
