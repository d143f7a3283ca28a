"""Votes of those who may decide no longer: they count no more."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.events import ApprovalEvent, record_item
from approvals.items.persons import is_same_person
from approvals.items.remarks import add_remark
from approvals.items.tables import APPROVING, RELEASED, HeldItem, ItemState, RemarkKind, Vote
from approvals.queues.notices import Occasion, tell_staff
from approvals.queues.routing import may_review
from gateway import NotFound, Principal, Role, principal_of_account

PENDING_AGAIN: Final[dict[str, object]] = {
    "state": ItemState.PENDING,
    "decided_by": None,
    "decided_at": None,
    "effective_after": None,
    "reason": None,
    "note": None,
}
"""What an item is when a decision on it no longer stands."""
_BY_APPROVAL: Final = frozenset({*RELEASED, ItemState.PENDING})


async def votes_of_who_left(
    session: AsyncSession, item: HeldItem, payload_hash: str | None = None
) -> list[Vote]:
    """Votes that a decision rests on, or would rest on, of those who may not decide this item any more.

    They are for the text of `payload_hash`, without one for the text as it stands. Of two who turn out to be
    one person, the later vote does not count.
    """
    resting = select(Vote).where(
        Vote.item == item.id,
        Vote.round == item.round,
        col(Vote.undone_at).is_(None),
        Vote.payload_hash == (payload_hash or item.current_hash),
        col(Vote.verdict).in_(APPROVING) if item.state in _BY_APPROVAL else Vote.reviewer == item.decided_by,
    )
    votes = (await session.exec(resting.order_by(col(Vote.at), col(Vote.id)))).all()
    left: list[Vote] = []
    counted: list[str] = []
    for vote in votes:
        again = [one for one in counted if await is_same_person(session, one, vote.reviewer)]
        if again or not await _may_still(session, item, vote.reviewer):
            left.append(vote)
        else:
            counted.append(vote.reviewer)
    return left


async def lapse(
    session: AsyncSession, item: HeldItem, left: Sequence[Vote], actor: Principal | str
) -> HeldItem:
    """These votes count no more, nor what was decided by them: the item waits, without an edit of theirs."""
    gone = [vote.id for vote in left]
    await session.exec(update(Vote).where(col(Vote.id).in_(gone)).values(undone_at=func.now()))
    await add_remark(session, item, None, RemarkKind.LAPSED)
    values = dict(PENDING_AGAIN)
    if any(vote.payload_hash == item.current_hash and vote.diff for vote in left):
        values |= {
            "final_payload": None,
            "current_hash": item.payload_hash,
            "needed": item.least,
        }
    statement = update(HeldItem).where(col(HeldItem.id) == item.id).values(values).returning(HeldItem)
    done = await session.exec(statement, execution_options={"populate_existing": True})
    again: HeldItem = done.scalar_one()
    record_item(session, ApprovalEvent.LAPSED, actor, again, reviewers=sorted(vote.reviewer for vote in left))
    return again


async def lapse_and_tell(
    session: AsyncSession, item: HeldItem, left: Sequence[Vote], actor: Principal | str
) -> HeldItem:
    """Let these votes lapse, and tell the officers of the queue that the item waits for another."""
    again = await lapse(session, item, left, actor)
    votes = select(func.count()).select_from(Vote).where(Vote.item == item.id)
    await tell_staff(session, again, Occasion.LAPSED, number=(await session.exec(votes)).one())
    return again


async def _may_still(session: AsyncSession, item: HeldItem, reviewer: str) -> bool:
    try:
        account = await principal_of_account(session, account_id=reviewer)
    except NotFound:
        return False
    if not account.has(Role.OFFICER) or not await may_review(session, item.queue, reviewer):
        return False
    return not await is_same_person(session, item.requester, reviewer)
