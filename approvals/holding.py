"""Into the queue, and out of it without a decision: held, cancelled by the requester, expired."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import BadInput, Conflict, NotFound, Principal, defer, record

from .errors import AlreadyDecided
from .events import ApprovalEvent
from .payload import Payload
from .policy import Policy
from .risk import Weighing
from .tables import HeldItem, ItemState

RESUME: Final = "run.resume"
RESUME_QUEUE: Final = "runs"


async def hold(
    session: AsyncSession,
    policy: Policy,
    *,
    run: uuid.UUID,
    conversation: uuid.UUID,
    requester: Principal,
    payload: Payload,
    weighing: Weighing,
    customer: str | None = None,
) -> HeldItem:
    """Put an answer into the queue; its hash, the policy's version and the deadline are fixed here.

    `payload` is tokenised. Holding the same payload of a run again gives the item that is there.
    Raises `BadInput` when nothing in `weighing` asks for it, `Conflict` when the run already waits
    with another payload.
    """
    if not weighing.risky:
        raise BadInput("Nothing in this answer asks for a review.")
    values = {
        "id": uuid.uuid4(),
        "run": run,
        "conversation": conversation,
        "requester": requester.id,
        "customer": customer,
        "payload": payload.as_json(),
        "payload_hash": payload.digest(),
        "current_hash": payload.digest(),
        "policy_version": policy.version,
        "hits": [hit.as_json() for hit in weighing.hits],
        "marks": [mark.as_json() for mark in weighing.marks],
        "tier": weighing.tier,
        "state": ItemState.PENDING,
        "deadline": func.now() + timedelta(minutes=policy.deadline_minutes(weighing)),
    }
    # a literal: a prepared statement's parameter cannot be matched with the partial index
    waiting = text("state = 'pending'")
    fresh = (
        insert(HeldItem).values(values).on_conflict_do_nothing(index_elements=["run"], index_where=waiting)
    )
    made = await session.exec(fresh.returning(col(HeldItem.id)))
    if made.scalar_one_or_none() is None:
        return await _held_before(session, run, payload)
    item = (await session.exec(select(HeldItem).where(HeldItem.id == values["id"]))).one()
    record(
        session,
        ApprovalEvent.HELD,
        requester,
        conversation=conversation,
        run=run,
        subject=str(item.id),
        hash=item.payload_hash,
        policy=policy.version,
        rules=list(weighing.rules),
        tier=item.tier,
        deadline=item.deadline.isoformat(),
    )
    return item


async def _held_before(session: AsyncSession, run: uuid.UUID, payload: Payload) -> HeldItem:
    found = select(HeldItem).where(HeldItem.run == run, HeldItem.state == ItemState.PENDING)
    item = (await session.exec(found)).one()
    if item.payload_hash != payload.digest():
        raise Conflict("This run already waits for a review with another text.")
    return item


async def cancel(session: AsyncSession, requester: Principal, item_id: uuid.UUID) -> HeldItem:
    """The requester takes the question back. Raises `NotFound` for another's, `AlreadyDecided`."""
    mine = (col(HeldItem.id) == item_id, col(HeldItem.requester) == requester.id)
    statement = (
        update(HeldItem)
        .where(*mine, col(HeldItem.state) == ItemState.PENDING)
        .values(state=ItemState.CANCELLED, decided_at=func.now(), effective_after=func.now())
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    item: HeldItem | None = (await session.exec(statement)).scalar_one_or_none()
    if item is None:
        there = (await session.exec(select(HeldItem.state).where(*mine))).one_or_none()
        if there is None:
            raise NotFound("There is no such item.")
        raise AlreadyDecided(there)
    await _ended(session, item, ApprovalEvent.CANCELLED, requester)
    return item


async def expire_due(session: AsyncSession, *, limit: int = 100) -> Sequence[uuid.UUID]:
    """End overdue items as not released; gives their ids. Safe to run in several workers at once."""
    due = (
        select(HeldItem.id)
        .where(HeldItem.state == ItemState.PENDING, col(HeldItem.deadline) <= func.now())
        .order_by(col(HeldItem.deadline))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(HeldItem)
        .where(col(HeldItem.id).in_(due.scalar_subquery()), col(HeldItem.state) == ItemState.PENDING)
        .values(state=ItemState.EXPIRED, decided_at=func.now(), effective_after=func.now())
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    items = (await session.exec(statement)).scalars().all()
    for item in items:
        await _ended(session, item, ApprovalEvent.EXPIRED, "deadline")
    return [item.id for item in items]


async def _ended(session: AsyncSession, item: HeldItem, event: ApprovalEvent, actor: Principal | str) -> None:
    await defer(session, RESUME, queue=RESUME_QUEUE, item=str(item.id), run=str(item.run))
    record(
        session,
        event,
        actor,
        conversation=item.conversation,
        run=item.run,
        subject=str(item.id),
        hash=item.payload_hash,
    )
