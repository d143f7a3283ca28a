"""One function decides, whatever the entry point: once, by an officer, never by the requester."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import BadInput, Conflict, NotFound, Principal, Role, defer, record, require

from .errors import (
    AlreadyDecided,
    ClaimedByAnother,
    DeadlinePassed,
    NeedsConfirmation,
    OwnRequest,
    PayloadChanged,
    TooLateToUndo,
)
from .events import ApprovalEvent
from .holding import RESUME, RESUME_QUEUE
from .payload import Payload
from .policy import Policy
from .queue import mark_present
from .tables import DECIDED, HeldItem, ItemState, Opening, Verdict, Vote

MAX_TEXT: Final = 20_000
MAX_NOTE: Final = 2_000


class RejectionReason(StrEnum):
    """Why an officer says no."""

    WRONG_FACT = "wrong_fact"
    NOT_SUPPORTED = "not_supported"
    AGAINST_POLICY = "against_policy"
    LEGAL = "legal"
    PERSONAL_DATA = "personal_data"
    TONE = "tone"
    OTHER = "other"


_STATE: Final = {
    Verdict.APPROVE: ItemState.APPROVED,
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


@dataclass(frozen=True)
class Decision:
    """What a reviewer wants. `text` of an edit and every note are tokenised: the door has redacted them."""

    verdict: Verdict
    text: str | None = None
    reason: str | None = None
    note: str | None = None
    confirmed: bool = False


async def approve(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    *,
    note: str | None = None,
    confirmed: bool = False,
) -> HeldItem:
    """Release what `payload_hash` names, as it is. Raises what `decide` raises."""
    wanted = Decision(Verdict.APPROVE, note=note, confirmed=confirmed)
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
) -> HeldItem:
    """Release `text` (already redacted by the door) in place of the draft; both are kept."""
    wanted = Decision(Verdict.EDIT, text=text, note=note, confirmed=confirmed)
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
) -> HeldItem:
    """Do not release it. Raises what `decide` raises."""
    wanted = Decision(Verdict.REJECT, reason=reason, note=note, confirmed=confirmed)
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
) -> HeldItem:
    """Do not release it, and tell the rep what to change or ask. Raises what `decide` raises."""
    wanted = Decision(Verdict.SEND_BACK, note=instruction, confirmed=confirmed)
    return await decide(session, policy, reviewer, item_id, payload_hash, wanted)


async def decide(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    decision: Decision,
) -> HeldItem:
    """Take a reviewer's decision on the text that `payload_hash` names.

    The item is still pending afterwards when its tier needs another reviewer. A final decision takes
    effect after the undo window: `run.resume` is deferred for then, in this transaction.
    Raises `NotAllowed` without the role officer, `NotFound`, `BadInput`, `OwnRequest`,
    `AlreadyDecided`, `PayloadChanged`, `DeadlinePassed`, `ClaimedByAnother`, `NeedsConfirmation`.
    """
    require(reviewer, Role.OFFICER)
    _check(decision)
    item = await _locked(session, item_id)
    refusal = await _refusal(session, policy, item, reviewer, payload_hash, decision)
    if refusal is not None:
        raise refusal
    await mark_present(session, reviewer)
    final = _edited(item, decision)
    voted_hash = final.digest() if final else payload_hash
    agreeing = await _vote(session, item, reviewer, voted_hash, decision, edited=final is not None)
    if decision.verdict in {Verdict.APPROVE, Verdict.EDIT} and agreeing < item.tier.reviewers:
        return await _await_another(session, item, reviewer, payload_hash, final)
    return await _conclude(session, policy, item, reviewer, payload_hash, decision, final)


async def undo(session: AsyncSession, reviewer: Principal, item_id: uuid.UUID) -> HeldItem:
    """Take one's own decision back before it takes effect; the item is pending again.

    In the top tier a first vote can be taken back while the second is awaited. Raises `NotFound`,
    `TooLateToUndo`.
    """
    require(reviewer, Role.OFFICER)
    item = await _locked(session, item_id)
    mine = await _standing_vote(session, item, reviewer)
    if mine is None:
        raise TooLateToUndo
    values: dict[str, object] = {
        "state": ItemState.PENDING,
        "decided_by": None,
        "decided_at": None,
        "effective_after": None,
        "reason": None,
        "note": None,
    }
    if mine.verdict is Verdict.EDIT and mine.payload_hash == item.current_hash:
        values |= {"final_payload": None, "current_hash": item.payload_hash}
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
    _record(session, ApprovalEvent.UNDONE, reviewer, undone)
    return undone


def _check(decision: Decision) -> None:
    if decision.note is not None and len(decision.note) > MAX_NOTE:
        raise BadInput(f"A note has at most {MAX_NOTE} characters.")
    if decision.verdict is Verdict.EDIT:
        if decision.text is None or not decision.text.strip():
            raise BadInput("An edited answer needs a text. To show nothing, reject it.")
        if len(decision.text) > MAX_TEXT:
            raise BadInput(f"An answer has at most {MAX_TEXT} characters.")
    if decision.verdict is Verdict.REJECT and decision.reason not in set(RejectionReason):
        raise BadInput(f"A rejection needs one of these reasons: {', '.join(RejectionReason)}.")
    if decision.verdict is Verdict.SEND_BACK and not (decision.note or "").strip():
        raise BadInput("Say what the rep should change.")


async def _locked(session: AsyncSession, item_id: uuid.UUID) -> HeldItem:
    """The item, locked until the transaction ends: votes of a tier are counted under this lock."""
    found = select(HeldItem).where(HeldItem.id == item_id).with_for_update()
    item = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if item is None:
        raise NotFound("There is no such item.")
    return item


async def _refusal(
    session: AsyncSession,
    policy: Policy,
    item: HeldItem,
    reviewer: Principal,
    payload_hash: str,
    decision: Decision,
) -> Conflict | None:
    """Why this reviewer may not decide this now, None when they may."""
    now = await _now(session)
    if item.requester == reviewer.id:
        return OwnRequest()
    if item.state is not ItemState.PENDING:
        return AlreadyDecided(item.state)
    if item.current_hash != payload_hash or item.to_release().digest() != payload_hash:
        return PayloadChanged()
    if item.deadline <= now:
        return DeadlinePassed()
    if item.claimed_by not in (None, reviewer.id) and item.claimed_until and item.claimed_until > now:
        return ClaimedByAnother()
    seconds = await _seconds_open(session, item, reviewer, payload_hash)
    hasty = seconds < policy.review.quick_seconds
    if hasty and not decision.confirmed and len(item.to_release().text) > policy.review.quick_characters:
        return NeedsConfirmation(seconds)
    return None


async def _seconds_open(
    session: AsyncSession, item: HeldItem, reviewer: Principal, payload_hash: str
) -> float:
    """How long this text has been open before this reviewer; 0 when they never opened it."""
    opened = select(func.extract("epoch", func.now() - col(Opening.opened_at))).where(
        Opening.item == item.id, Opening.reviewer == reviewer.id, Opening.payload_hash == payload_hash
    )
    return float((await session.exec(opened)).one_or_none() or 0)


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
    *,
    edited: bool,
) -> int:
    """Record the vote in place of an earlier one; gives how many reviewers approve this very text."""
    standing = (col(Vote.item) == item.id, col(Vote.undone_at).is_(None))
    await session.exec(
        update(Vote).where(*standing, col(Vote.reviewer) == reviewer.id).values(undone_at=func.now())
    )
    verdict = decision.verdict
    if verdict is Verdict.EDIT and not edited:
        verdict = Verdict.APPROVE
    session.add(
        Vote(
            item=item.id,
            reviewer=reviewer.id,
            verdict=verdict,
            payload_hash=voted_hash,
            reason=decision.reason,
            note=decision.note,
        )
    )
    await session.flush()
    approving = col(Vote.verdict).in_((Verdict.APPROVE, Verdict.EDIT))
    counted = (
        select(func.count()).select_from(Vote).where(*standing, approving, Vote.payload_hash == voted_hash)
    )
    return (await session.exec(counted)).one()


async def _await_another(
    session: AsyncSession, item: HeldItem, reviewer: Principal, payload_hash: str, final: Payload | None
) -> HeldItem:
    """The tier needs one more: give the claim back, keep the edit that the next one will read."""
    values: dict[str, object] = {"claimed_by": None, "claimed_until": None}
    if final is not None:
        values |= {"final_payload": final.as_json(), "current_hash": final.digest()}
    voted = await _updated(
        session, update(HeldItem).where(*_still(item, payload_hash)).values(values).returning(HeldItem)
    )
    if voted is None:
        raise AlreadyDecided(item.state)
    _record(session, ApprovalEvent.VOTED, reviewer, voted)
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
    state = _STATE[decision.verdict]
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
        raise AlreadyDecided(item.state)
    await defer(
        session,
        RESUME,
        queue=RESUME_QUEUE,
        at=decided.effective_after,
        item=str(decided.id),
        run=str(decided.run),
    )
    _record(session, _EVENT[state], reviewer, decided)
    return decided


def _still(item: HeldItem, payload_hash: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(HeldItem.id) == item.id,
        col(HeldItem.state) == ItemState.PENDING,
        col(HeldItem.current_hash) == payload_hash,
        col(HeldItem.deadline) > func.now(),
    )


async def _standing_vote(session: AsyncSession, item: HeldItem, reviewer: Principal) -> Vote | None:
    found = select(Vote).where(
        Vote.item == item.id, Vote.reviewer == reviewer.id, col(Vote.undone_at).is_(None)
    )
    return (await session.exec(found)).one_or_none()


def _record(session: AsyncSession, event: ApprovalEvent, reviewer: Principal, item: HeldItem) -> None:
    record(
        session,
        event,
        reviewer,
        conversation=item.conversation,
        run=item.run,
        subject=str(item.id),
        held=item.payload_hash,
        hash=item.current_hash,
        policy=item.policy_version,
        reason=item.reason,
    )


async def _now(session: AsyncSession) -> datetime:
    return (await session.exec(select(func.now()))).one()


async def _updated(session: AsyncSession, statement: ReturningUpdate[HeldItem]) -> HeldItem | None:
    done = await session.exec(statement, execution_options={"populate_existing": True})
    return done.scalar_one_or_none()
