"""Into the queue, and out of it without a decision: held, held again, cancelled by the requester."""

import uuid
from typing import Any, Final

from sqlalchemy import func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import AlreadyDecided
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.payload import Payload
from approvals.items.tables import Draft, HeldItem, ItemKind, ItemState
from approvals.queues.notices import Occasion, tell, tell_staff
from approvals.queues.plans import QueuePlan
from approvals.queues.routing import plan_of, route
from approvals.risk.policy import Policy
from approvals.risk.sampling import is_drawn
from approvals.risk.value import Weighing
from gateway import BadInput, Conflict, NotFound, Principal, defer

RESUME: Final = "run.resume"
RESUME_QUEUE: Final = "runs"
TICK: Final = "review.tick"


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
    kind: ItemKind = ItemKind.ANSWER,
) -> HeldItem:
    """Put an answer into its queue; its hash, the policy's version and the deadline are fixed here.

    `payload` is tokenised. Holding the same payload of a run again gives the item that is there.
    Raises `BadInput` when nothing in `weighing` asks for it, `Conflict` when the run already waits
    with another payload.
    """
    if not weighing.risky:
        raise BadInput("Nothing in this answer asks for a review.")
    queue, plan = await route(session, payload, weighing, kind)
    values = {
        "id": uuid.uuid4(),
        "run": run,
        "conversation": conversation,
        "requester": requester.id,
        "customer": customer,
        "kind": kind,
        "queue": queue,
        **await _waiting(session, policy, plan, payload, weighing),
    }
    if is_drawn(policy.sampling.second):
        values |= {"needed": 2, "least": 2}
    # a literal: a prepared statement's parameter cannot be matched with the partial index
    waiting = text("state = 'pending'")
    fresh = (
        insert(HeldItem).values(values).on_conflict_do_nothing(index_elements=["run"], index_where=waiting)
    )
    made = await session.exec(fresh.returning(col(HeldItem.id)))
    if made.scalar_one_or_none() is None:
        return await _held_before(session, run, payload)
    item = (await session.exec(select(HeldItem).where(HeldItem.id == values["id"]))).one()
    await _waits(session, ApprovalEvent.HELD, item, requester, weighing)
    return item


async def hold_again(
    session: AsyncSession,
    policy: Policy,
    item_id: uuid.UUID,
    *,
    requester: Principal,
    payload: Payload,
    weighing: Weighing,
) -> HeldItem:
    """Put the next draft into an item that was sent back, whatever it weighs: the same item, another round.

    It waits in the queue where it was sent back, for at least as many officers as before. Raises `Conflict`
    when the item was not sent back, or the next draft is there already with another text.
    """
    found = select(HeldItem).where(HeldItem.id == item_id).with_for_update()
    item = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if item is None or item.requester != requester.id:
        raise NotFound("There is no such item.")
    if item.state is ItemState.PENDING and item.payload_hash == payload.digest():
        return item
    if item.state is not ItemState.SENT_BACK or item.effect_at is None:
        raise Conflict("This item does not wait for another draft.")
    session.add(
        Draft(
            item=item.id,
            round=item.round,
            payload=item.payload,
            payload_hash=item.payload_hash,
            policy_version=item.policy_version,
            hits=item.hits,
            instruction=item.note or "",
        )
    )
    await session.flush()
    values = await _waiting(session, policy, await plan_of(session, item.queue), payload, weighing)
    values |= {
        "round": item.round + 1,
        "tier": max(item.tier, weighing.tier, key=lambda tier: tier.reviewers),
        **dict.fromkeys(("needed", "least"), max(item.least, weighing.tier.reviewers)),
        "hits": values["hits"] or item.hits,  # why it is read again, where the new draft weighs nothing
        "final_payload": None,
        "decided_by": None,
        "decided_at": None,
        "reason": None,
        "note": None,
        "effective_after": None,
        "effect_at": None,
        "assigned_to": None,
        "awaiting_rep": False,
    }
    again = update(HeldItem).where(
        col(HeldItem.id) == item.id,
        col(HeldItem.state) == ItemState.SENT_BACK,
        col(HeldItem.round) == item.round,
    )
    done = await session.exec(
        again.values(values).returning(HeldItem), execution_options={"populate_existing": True}
    )
    held: HeldItem = done.scalar_one()
    await _waits(session, ApprovalEvent.HELD_AGAIN, held, requester, weighing)
    return held


async def tell_not_rewritten(session: AsyncSession, item_id: uuid.UUID) -> None:
    """Tell the officer who sent an item back that no other draft comes; nobody where it was not sent back."""
    item = await session.get(HeldItem, item_id, populate_existing=True)
    if item is None or item.state is not ItemState.SENT_BACK or item.effect_at is None or not item.decided_by:
        return
    await tell(session, item, Occasion.NOT_REWRITTEN, [item.decided_by], number=item.round)


async def _waiting(
    session: AsyncSession, policy: Policy, plan: QueuePlan, payload: Payload, weighing: Weighing
) -> dict[str, Any]:
    """What an item that waits from now on is."""
    now = (await session.exec(select(func.now()))).one()
    times = plan.times(policy, weighing, now)
    return {
        "payload": payload.as_json(),
        "payload_hash": payload.digest(),
        "current_hash": payload.digest(),
        "policy_version": policy.version,
        "hits": [hit.as_json() for hit in weighing.hits],
        "marks": [mark.as_json() for mark in weighing.marks],
        "tier": weighing.tier,
        "needed": weighing.tier.reviewers,
        "least": weighing.tier.reviewers,
        "state": ItemState.PENDING,
        "deadline": times.deadline,
        "remind_at": times.remind_at,
        "escalate_at": times.escalate_at if plan.escalates_to else None,
    }


async def _waits(
    session: AsyncSession, event: ApprovalEvent, item: HeldItem, requester: Principal, weighing: Weighing
) -> None:
    record_item(
        session,
        event,
        requester,
        item,
        policy=item.policy_version,
        rules=list(weighing.rules),
        tier=item.tier,
        deadline=item.deadline.isoformat(),
        queue=item.queue,
        kind=item.kind,
    )
    for moment in filter(None, (item.remind_at, item.escalate_at, item.deadline)):
        await defer(session, TICK, queue=RESUME_QUEUE, at=moment, item=str(item.id))
    await tell_staff(session, item, Occasion.HELD, number=item.round)


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
        .values(state=ItemState.CANCELLED, **ENDS_NOW)
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    item: HeldItem | None = (await session.exec(statement)).scalar_one_or_none()
    if item is None:
        found = select(HeldItem.state, HeldItem.decided_by).where(*mine)
        there = (await session.exec(found)).one_or_none()
        if there is None:
            raise NotFound("There is no such item.")
        raise AlreadyDecided(*there)
    await ended(session, item, ApprovalEvent.CANCELLED, requester)
    return item


ENDS_NOW: Final[dict[str, Any]] = {
    "decided_at": func.now(),
    "effective_after": func.now(),
    "claimed_by": None,
    "claimed_until": None,
}


async def ended(session: AsyncSession, item: HeldItem, event: ApprovalEvent, actor: Principal | str) -> None:
    """Have its run told, and record that it ended."""
    await defer(session, RESUME, queue=RESUME_QUEUE, item=str(item.id), run=str(item.run))
    record_item(session, event, actor, item)
