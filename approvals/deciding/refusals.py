"""Why somebody may not decide an item now: read under the item's lock, from rows as they are."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import (
    AlreadyDecided,
    AssignedToAnother,
    ClaimedByAnother,
    DeadlinePassed,
    LeaseLost,
    NeedsConfirmation,
    NotOpened,
    OwnRequest,
    PayloadChanged,
    SamePerson,
)
from approvals.items.persons import is_same_person, shares_person
from approvals.items.tables import APPROVING, HeldItem, ItemState, Opening, Vote
from approvals.queues.routing import waits_for_another
from approvals.risk.policy import Policy
from gateway import Conflict, Principal

from .verdicts import Decision, Move


async def why_refused(
    session: AsyncSession,
    policy: Policy,
    item: HeldItem,
    reviewer: Principal,
    payload_hash: str,
    decision: Decision,
) -> Conflict | None:
    """Why this reviewer may not decide this now, None when they may."""
    now = (await session.exec(select(func.now()))).one()
    if (person := await refused_person(session, item, reviewer)) is not None:
        return person
    if item.state is not ItemState.PENDING:
        return AlreadyDecided(item.state, item.decided_by)
    if item.current_hash != payload_hash or not item.is_sound():
        return PayloadChanged()
    if item.deadline <= now:
        return DeadlinePassed()
    if await waits_for_another(session, item, reviewer.id):
        return AssignedToAnother(item.assigned_to or "")
    if (refusal := _refused_lease(item, reviewer, decision.fence, now)) is not None:
        return refusal
    if isinstance(decision.verdict, Move):
        return None
    seconds = await _seconds_open(session, item, reviewer, payload_hash)
    if seconds is None and decision.verdict in APPROVING:
        return NotOpened()
    hasty = seconds is None or seconds < policy.review.quick_seconds
    if hasty and not decision.confirmed and len(item.to_release().text) > policy.review.quick_characters:
        return NeedsConfirmation(seconds)
    return None


async def refused_person(
    session: AsyncSession, item: HeldItem, reviewer: Principal
) -> OwnRequest | SamePerson | None:
    """Nobody decides on what they asked for, and nobody counts twice, through whatever account."""
    if item.requester == reviewer.id:
        return OwnRequest()
    if await is_same_person(session, item.requester, reviewer.id):
        return SamePerson()
    others = select(Vote.id).where(
        Vote.item == item.id,
        Vote.round == item.round,
        col(Vote.undone_at).is_(None),
        col(Vote.reviewer) != reviewer.id,
        shares_person(col(Vote.reviewer), reviewer.id),
    )
    if item.state is ItemState.PENDING and (await session.exec(others.limit(1))).first() is not None:
        return SamePerson()
    return None


def _refused_lease(item: HeldItem, reviewer: Principal, fence: int | None, now: datetime) -> Conflict | None:
    """A claim keeps others out, and its fence keeps out what was decided on an earlier one."""
    holder = item.claimed_by if item.claimed_until and item.claimed_until > now else None
    if holder not in (None, reviewer.id):
        return ClaimedByAnother(holder or "", item.claimed_until)
    if (holder is not None or fence is not None) and (holder is None or fence != item.fence):
        return LeaseLost()
    return None


async def _seconds_open(
    session: AsyncSession, item: HeldItem, reviewer: Principal, payload_hash: str
) -> float | None:
    """How long this text has been open before this reviewer; None when they never opened it."""
    opened = select(func.extract("epoch", func.now() - col(Opening.opened_at))).where(
        Opening.item == item.id, Opening.reviewer == reviewer.id, Opening.payload_hash == payload_hash
    )
    seconds = (await session.exec(opened)).one_or_none()
    return None if seconds is None else float(seconds)
