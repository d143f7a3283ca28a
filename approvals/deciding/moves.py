"""What an officer does with an item besides deciding it: hand it on, escalate it, ask the rep."""

import uuid
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import AlreadyDecided, NothingAsked, NothingToEscalateTo
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.persons import is_same_person, voted_on
from approvals.items.remarks import add_remark
from approvals.items.tables import HeldItem, ItemState, Remark, RemarkKind
from approvals.queues.notices import Occasion, tell, tell_staff
from approvals.queues.routing import may_review, plan_of
from gateway import BadInput, NotFound, Principal, Role, principal_of_account

from .lapsing import lapse, votes_of_who_left
from .verdicts import Move

_MAX_ANSWER: Final = 4_000


async def carry_out(
    session: AsyncSession, item: HeldItem, reviewer: Principal, move: Move, note: str, to: str | None
) -> HeldItem:
    """Do it; `decide` has locked the item and checked who asks. Raises `BadInput`, `NothingToEscalateTo`."""
    match move:
        case Move.REASSIGN:
            return await _reassign(session, item, reviewer, to or "", note)
        case Move.ESCALATE:
            return await escalate(session, item, reviewer, note)
        case Move.ASK:
            return await _ask(session, item, reviewer, note)


async def _reassign(
    session: AsyncSession, item: HeldItem, reviewer: Principal, to: str, note: str
) -> HeldItem:
    """Give it to one colleague of the queue, who alone may decide it until it is escalated."""
    try:
        colleague = await principal_of_account(session, account_id=to)
    except (NotFound, ValueError) as error:
        raise BadInput("There is no such colleague.") from error
    if not colleague.has(Role.OFFICER) or not await may_review(session, item.queue, colleague.id):
        raise BadInput("Only an officer of this queue can be given its items.")
    if await is_same_person(session, item.requester, colleague.id):
        raise BadInput("Nobody can be given their own request.")
    if (await session.exec(select(voted_on(item, colleague.id)))).one():
        raise BadInput("Who has voted on this text cannot be given it again.")
    moved = await _moved(session, item, assigned_to=colleague.id)
    await add_remark(session, moved, reviewer, RemarkKind.HANDED_ON, note, given_to=colleague.id)
    record_item(session, ApprovalEvent.REASSIGNED, reviewer, moved, to=colleague.id)
    await tell(session, moved, Occasion.ASSIGNED, [colleague.id], number=moved.fence)
    return moved


async def escalate(session: AsyncSession, item: HeldItem, actor: Principal | str, note: str = "") -> HeldItem:
    """Move it to the queue that its own escalates to, and tell its officers.

    The approval of somebody who is not of that queue counts no more: whoever decides there reads what stands.
    Raises `NothingToEscalateTo`.
    """
    plan = await plan_of(session, item.queue)
    if plan.escalates_to is None:
        raise NothingToEscalateTo
    before = item.queue
    moved = await _moved(session, item, assigned_to=None, queue=plan.escalates_to)
    officer = actor if isinstance(actor, Principal) else None
    await add_remark(session, moved, officer, RemarkKind.ESCALATED, note, queue=moved.queue)
    record_item(session, ApprovalEvent.ESCALATED, actor, moved, queue=moved.queue, before=before)
    if left := await votes_of_who_left(session, moved):
        moved = await lapse(session, moved, left, actor)
    await tell_staff(session, moved, Occasion.ESCALATED, number=moved.fence)
    return moved


async def _ask(session: AsyncSession, item: HeldItem, reviewer: Principal, question: str) -> HeldItem:
    """Ask who asked; the item stays where it is, and its deadline too."""
    asked = await _moved(session, item, release=False, awaiting_rep=True)
    await add_remark(session, asked, reviewer, RemarkKind.QUESTION, question)
    record_item(session, ApprovalEvent.REP_ASKED, reviewer, asked)
    number = await _count(session, asked.id, RemarkKind.QUESTION)
    await tell(session, asked, Occasion.ASKED, [asked.requester], number=number)
    return asked


async def answer_reviewer(
    session: AsyncSession, requester: Principal, item_id: uuid.UUID, answer: str
) -> HeldItem:
    """The rep answers what an officer asked; `answer` is tokenised.

    Raises `NotFound` for another's item, `BadInput` for no answer or a long one, `AlreadyDecided`,
    `NothingAsked`.
    """
    if not answer.strip() or len(answer) > _MAX_ANSWER:
        raise BadInput(f"An answer has 1 to {_MAX_ANSWER} characters.")
    found = (
        select(HeldItem).where(HeldItem.id == item_id, HeldItem.requester == requester.id).with_for_update()
    )
    item = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if item is None:
        raise NotFound("There is no such item.")
    if item.state is ItemState.PENDING and not item.awaiting_rep:
        raise NothingAsked
    answered = await _moved(session, item, release=False, awaiting_rep=False)
    await add_remark(session, answered, requester, RemarkKind.ANSWER, answer)
    record_item(session, ApprovalEvent.REP_ANSWERED, requester, answered)
    number = await _count(session, answered.id, RemarkKind.ANSWER)
    asked_by = (
        select(Remark.author)
        .where(Remark.item == item_id, Remark.kind == RemarkKind.QUESTION)
        .order_by(col(Remark.at).desc())
    )
    officer = (await session.exec(asked_by.limit(1))).first()
    if officer:
        await tell(session, answered, Occasion.ANSWERED, [officer], number=number)
    return answered


async def _moved(
    session: AsyncSession, item: HeldItem, *, release: bool = True, **values: object
) -> HeldItem:
    """The item with these values, if it still waits; a lease on it ends, and its fence holds no longer."""
    if release:
        values |= {"claimed_by": None, "claimed_until": None, "fence": HeldItem.fence + 1}
    statement = (
        update(HeldItem)
        .where(
            col(HeldItem.id) == item.id,
            col(HeldItem.state) == ItemState.PENDING,
            col(HeldItem.deadline) > func.now(),
        )
        .values(values)
        .returning(HeldItem)
    )
    done = await session.exec(statement, execution_options={"populate_existing": True})
    moved: HeldItem | None = done.scalar_one_or_none()
    if moved is None:
        raise AlreadyDecided(item.state, item.decided_by)
    return moved


async def _count(session: AsyncSession, item: uuid.UUID, kind: RemarkKind) -> int:
    counted = select(func.count()).select_from(Remark).where(Remark.item == item, Remark.kind == kind)
    return (await session.exec(counted)).one()
