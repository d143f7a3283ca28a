"""One function decides, whatever the entry point: once, by an officer of the queue, never by who asked."""

import uuid
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import AlreadyDecided, TooLateToUndo
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.payload import Payload
from approvals.items.presence import mark_present
from approvals.items.tables import APPROVING, DECIDED, HeldItem, ItemState, Verdict, Vote
from approvals.items.worddiff import word_diff
from approvals.queues.routing import may_review
from approvals.risk.policy import Policy
from gateway import NotAllowed, NotFound, Principal, Role, as_code, defer, require

from .holding import RESUME, RESUME_QUEUE
from .lapsing import PENDING_AGAIN, lapse_and_tell, votes_of_who_left
from .moves import carry_out
from .refusals import why_refused
from .verdicts import Decision, Entry, Move, RejectionReason

_STATE: Final = {
    Verdict.APPROVE: ItemState.APPROVED,
    Verdict.FALSE_ALARM: ItemState.APPROVED,
    Verdict.EDIT: ItemState.EDITED,
    Verdict.REJECT: ItemState.REJECTED,
    Verdict.SEND_BACK: ItemState.SENT_BACK,
}
_EVENT: Final = {
    ItemState.APPROVED: ApprovalEvent.APPROVED,
    ItemState.EDITED: ApprovalEvent.EDITED,
    ItemState.REJECTED: ApprovalEvent.REJECTED,
    ItemState.SENT_BACK: ApprovalEvent.SENT_BACK,
}


async def approve(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    *,
    note: str | None = None,
    confirmed: bool = False,
    fence: int | None = None,
) -> HeldItem:
    """Release what `payload_hash` names, as it is. Raises what `decide` raises."""
    wanted = Decision(Verdict.APPROVE, note=note, confirmed=confirmed, fence=fence)
    return await decide(session, policy, reviewer, item_id, payload_hash, wanted)


async def edit(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    text: str,
    *,
    note: str | None = None,
    confirmed: bool = False,
    fence: int | None = None,
) -> HeldItem:
    """Release `text` (already redacted by the door) in place of the draft; both are kept.

    Whoever wrote a text does not release it alone: it waits for another officer, unless the policy says
    otherwise.
    """
    wanted = Decision(Verdict.EDIT, text=text, note=note, confirmed=confirmed, fence=fence)
    return await decide(session, policy, reviewer, item_id, payload_hash, wanted)


async def reject(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    *,
    reason: RejectionReason,
    note: str | None = None,
    confirmed: bool = False,
    fence: int | None = None,
) -> HeldItem:
    """Do not release it. Raises what `decide` raises."""
    wanted = Decision(Verdict.REJECT, reason=reason, note=note, confirmed=confirmed, fence=fence)
    return await decide(session, policy, reviewer, item_id, payload_hash, wanted)


async def send_back(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    *,
    instruction: str,
    confirmed: bool = False,
    fence: int | None = None,
) -> HeldItem:
    """Do not release it, and say what the next draft should do. Raises what `decide` raises."""
    wanted = Decision(Verdict.SEND_BACK, note=instruction, confirmed=confirmed, fence=fence)
    return await decide(session, policy, reviewer, item_id, payload_hash, wanted)


async def decide(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    decision: Decision,
) -> HeldItem:
    """Take a reviewer's decision on the text that `payload_hash` names, or hand the item on.

    The item is still pending afterwards when it needs another reviewer, and when it was handed on. An earlier
    approval counts only if whoever gave it may still decide; else it lapses here, and another has to agree. A
    final decision takes effect after the undo window: `run.resume` is deferred for then, in this transaction.
    Raises `NotAllowed` without the role officer, `NotFound` (also where the item's queue is not theirs),
    `BadInput`, `OwnRequest`, `SamePerson`, `AlreadyDecided`, `PayloadChanged`, `DeadlinePassed`, `LeaseLost`,
    `ClaimedByAnother`, `AssignedToAnother`, `NotOpened`, `NeedsConfirmation`,
    `NothingToEscalateTo`.
    """
    require(reviewer, Role.OFFICER)
    if reviewer.by:
        raise NotAllowed("Nobody decides in somebody else's name.")
    decision.check()
    await mark_present(session, reviewer)
    item = await _locked(session, reviewer, item_id)
    refusal = await why_refused(session, policy, item, reviewer, payload_hash, decision)
    if refusal is not None:
        raise refusal
    if isinstance(decision.verdict, Move):
        return await carry_out(session, item, reviewer, decision.verdict, decision.note or "", decision.to)
    final = _edited(item, decision)
    needed = max(item.needed, 2) if final and policy.review.second_for_edits else item.needed
    voted_hash = final.digest() if final else payload_hash
    await _vote(session, item, reviewer, voted_hash, decision, final)
    if decision.verdict in APPROVING and needed > 1:
        left = await _earlier_of_who_left(session, item, reviewer, voted_hash)
        if await agreeing(session, item, voted_hash) - len(left) < needed:
            waiting = await _await_another(session, item, reviewer, payload_hash, decision, final, needed)
            return await lapse_and_tell(session, waiting, left, reviewer) if left else waiting
    return await _conclude(session, policy, item, reviewer, payload_hash, decision, final)


async def undo(
    session: AsyncSession, reviewer: Principal, item_id: uuid.UUID, entry: Entry = Entry.API
) -> HeldItem:
    """Take one's own decision back before it takes effect; the item is pending again.

    A first vote can be taken back while the second is awaited. Raises `NotFound`, `TooLateToUndo`.
    """
    require(reviewer, Role.OFFICER)
    item = await _locked(session, reviewer, item_id)
    mine = await _standing_vote(session, item, reviewer)
    if mine is None:
        raise TooLateToUndo
    values = dict(PENDING_AGAIN)
    if mine.verdict is Verdict.EDIT and mine.payload_hash == item.current_hash:
        values |= {
            "final_payload": None,
            "current_hash": item.payload_hash,
            "needed": item.least,
        }
    waiting = col(HeldItem.state) == ItemState.PENDING
    within = (
        col(HeldItem.state).in_(DECIDED)
        & (col(HeldItem.decided_by) == reviewer.id)
        & (col(HeldItem.effective_after) > func.now())
        & col(HeldItem.effect_at).is_(None)
    )
    statement = update(HeldItem).where(col(HeldItem.id) == item_id, waiting | within).values(values)
    undone = await _updated(session, statement.returning(HeldItem))
    if undone is None:
        raise TooLateToUndo
    await session.exec(update(Vote).where(col(Vote.id) == mine.id).values(undone_at=func.now()))
    _record(session, ApprovalEvent.UNDONE, reviewer, undone, entry)
    return undone


async def _locked(session: AsyncSession, reviewer: Principal, item_id: uuid.UUID) -> HeldItem:
    """The item, locked until the transaction ends: votes are counted under this lock."""
    found = select(HeldItem).where(HeldItem.id == item_id).with_for_update()
    item = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if item is None or not await may_review(session, item.queue, reviewer.id):
        raise NotFound("There is no such item.")
    return item


def _edited(item: HeldItem, decision: Decision) -> Payload | None:
    """The payload with the edit in it, None when the text stays as it is."""
    if decision.verdict is not Verdict.EDIT or decision.text is None:
        return None
    current = item.to_release()
    return None if decision.text == current.text else current.with_edit(decision.text)


async def _vote(
    session: AsyncSession,
    item: HeldItem,
    reviewer: Principal,
    voted_hash: str,
    decision: Decision,
    final: Payload | None,
) -> None:
    """Record the vote in place of an earlier one."""
    standing = (col(Vote.item) == item.id, col(Vote.round) == item.round, col(Vote.undone_at).is_(None))
    await session.exec(
        update(Vote).where(*standing, col(Vote.reviewer) == reviewer.id).values(undone_at=func.now())
    )
    verdict = Verdict(decision.verdict)
    if verdict is Verdict.EDIT and final is None:
        verdict = Verdict.APPROVE
    vote = Vote(
        item=item.id,
        round=item.round,
        reviewer=reviewer.id,
        verdict=verdict,
        payload_hash=voted_hash,
        reason=decision.reason,
        note=decision.note,
        entry=decision.entry,
    )
    if final is not None:
        vote.text_before, vote.text_after = item.to_release().text, final.text
        vote.diff = [list(change) for change in word_diff(vote.text_before, vote.text_after)]
    session.add(vote)
    await session.flush()


async def _earlier_of_who_left(
    session: AsyncSession, item: HeldItem, reviewer: Principal, payload_hash: str
) -> list[Vote]:
    """Votes of others for this very text who may not decide any more."""
    left = await votes_of_who_left(session, item, payload_hash)
    return [vote for vote in left if vote.reviewer != reviewer.id]


async def agreeing(session: AsyncSession, item: HeldItem, payload_hash: str) -> int:
    """How many reviewers approve this very text in this round."""
    counted = (
        select(func.count())
        .select_from(Vote)
        .where(Vote.item == item.id, Vote.round == item.round, col(Vote.undone_at).is_(None))
        .where(col(Vote.verdict).in_(APPROVING), Vote.payload_hash == payload_hash)
    )
    return (await session.exec(counted)).one()


async def _await_another(
    session: AsyncSession,
    item: HeldItem,
    reviewer: Principal,
    payload_hash: str,
    decision: Decision,
    final: Payload | None,
    needed: int,
) -> HeldItem:
    """One more must agree: give the claim back, keep the edit that the next one will read."""
    values: dict[str, object] = {"claimed_by": None, "claimed_until": None, "assigned_to": None}
    if final is not None:
        values |= {"final_payload": final.as_json(), "current_hash": final.digest(), "needed": needed}
    voted = await _updated(
        session, update(HeldItem).where(*_still(item, payload_hash)).values(values).returning(HeldItem)
    )
    if voted is None:
        raise AlreadyDecided(item.state, item.decided_by)
    _record(session, ApprovalEvent.VOTED, reviewer, voted, decision.entry, verdict=str(decision.verdict))
    return voted


async def _conclude(
    session: AsyncSession,
    policy: Policy,
    item: HeldItem,
    reviewer: Principal,
    payload_hash: str,
    decision: Decision,
    final: Payload | None,
) -> HeldItem:
    """The final decision, and the job that will carry it out after the undo window."""
    state = _STATE[Verdict(decision.verdict)]
    if state in (ItemState.APPROVED, ItemState.EDITED):
        state = ItemState.EDITED if final or item.final_payload else ItemState.APPROVED
    values: dict[str, object] = {
        "state": state,
        "decided_by": reviewer.id,
        "decided_at": func.now(),
        "reason": decision.reason,
        "note": decision.note,
        "effective_after": func.now() + timedelta(seconds=policy.review.undo_seconds),
        "claimed_by": None,
        "claimed_until": None,
        "awaiting_rep": False,
    }
    if final is not None:
        values |= {"final_payload": final.as_json(), "current_hash": final.digest()}
    statement = (
        update(HeldItem)
        .where(*_still(item, payload_hash), col(HeldItem.requester) != reviewer.id)
        .values(values)
        .returning(HeldItem)
    )
    decided = await _updated(session, statement)
    if decided is None:
        raise AlreadyDecided(item.state, item.decided_by)
    await defer(
        session,
        RESUME,
        queue=RESUME_QUEUE,
        at=decided.effective_after,
        item=str(decided.id),
        run=str(decided.run),
    )
    whose = {"editor": await _editor(session, decided)} if state is ItemState.EDITED else {}
    _record(session, _EVENT[state], reviewer, decided, decision.entry, verdict=str(decision.verdict), **whose)
    return decided


async def _editor(session: AsyncSession, item: HeldItem) -> str | None:
    """Who wrote the text as it is: another may have had the last word."""
    wrote = select(Vote.reviewer).where(
        Vote.item == item.id,
        Vote.round == item.round,
        Vote.verdict == Verdict.EDIT,
        Vote.payload_hash == item.current_hash,
        col(Vote.undone_at).is_(None),
    )
    return (await session.exec(wrote.order_by(col(Vote.at)).limit(1))).first()


def _still(item: HeldItem, payload_hash: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(HeldItem.id) == item.id,
        col(HeldItem.state) == ItemState.PENDING,
        col(HeldItem.current_hash) == payload_hash,
        col(HeldItem.round) == item.round,
        col(HeldItem.fence) == item.fence,
        col(HeldItem.deadline) > func.now(),
    )


async def _standing_vote(session: AsyncSession, item: HeldItem, reviewer: Principal) -> Vote | None:
    found = select(Vote).where(
        Vote.item == item.id,
        Vote.round == item.round,
        Vote.reviewer == reviewer.id,
        col(Vote.undone_at).is_(None),
    )
    return (await session.exec(found)).one_or_none()


def _record(
    session: AsyncSession,
    event: ApprovalEvent,
    reviewer: Principal,
    item: HeldItem,
    entry: Entry,
    **detail: object,
) -> None:
    record_item(
        session,
        event,
        reviewer,
        item,
        held=item.payload_hash,
        policy=as_code(item.policy_version),
        reason=item.reason,
        fence=item.fence,
        entry=entry,
        **detail,
    )


async def _updated(session: AsyncSession, statement: ReturningUpdate[HeldItem]) -> HeldItem | None:
    done = await session.exec(statement, execution_options={"populate_existing": True})
    return done.scalar_one_or_none()
