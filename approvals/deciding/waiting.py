"""The rep says that the customer is waiting for what is held, and takes it back."""

import uuid

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import AlreadyDecided, DeadlinePassed
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.tables import HeldItem, ItemState
from approvals.queues.notices import Occasion, tell_staff
from gateway import NotFound, Principal


async def say_customer_waits(
    session: AsyncSession, requester: Principal, item_id: uuid.UUID, *, waits: bool
) -> HeldItem:
    """Mark a pending item, or take the mark back; what is so already stays and is not recorded again.

    The officers on duty are told on their pages, once a draft however often it is marked. Raises `NotFound`
    for another's item, `AlreadyDecided`, `DeadlinePassed`.
    """
    found = (
        select(HeldItem, func.now())
        .where(HeldItem.id == item_id, HeldItem.requester == requester.id)
        .with_for_update()
    )
    row = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if row is None:
        raise NotFound("There is no such item.")
    item, now = row
    if item.state is not ItemState.PENDING:
        raise AlreadyDecided(item.state, item.decided_by)
    if item.deadline <= now:
        raise DeadlinePassed
    if waits is (item.customer_waits_since is not None):
        return item
    item.customer_waits_since = now if waits else None
    session.add(item)
    await session.flush()
    event = ApprovalEvent.CUSTOMER_WAITS if waits else ApprovalEvent.CUSTOMER_WAITS_NO_LONGER
    record_item(session, event, requester, item)
    if waits:
        await tell_staff(session, item, Occasion.CUSTOMER_WAITS, number=1)
    return item
