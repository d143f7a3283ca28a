"""The review queue over HTTP. Rules are in `approvals`; here texts are restored and redacted."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from approvals import (
    HeldItem,
    Policy,
    RejectionReason,
    approve,
    cancel,
    claim,
    edit,
    get_item,
    officers_on_duty,
    pending_count,
    place_of,
    reject,
    release_claim,
    send_back,
    undo,
)
from assistant.pages import ReviewList, ReviewState
from assistant.session import SignedIn
from assistant.state import Door, Retrieval
from gateway import Role, UnitOfWork, require

from .reading import OpenedReview, list_reviews, read_review
from .reveal import conceal

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])


def _policy(request: Request) -> Policy:
    policy: Policy = request.state.policy
    return policy


ReviewPolicy = Annotated[Policy, Depends(_policy)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Deciding(_Body):
    """Which text is decided, by the hash that came with it; `confirmed` answers a 409 with `confirm`."""

    hash: str = Field(pattern="^[0-9a-f]{64}$")
    note: str | None = Field(None, max_length=2_000)
    confirmed: bool = False


class Editing(Deciding):
    """The text to show in place of the draft, as the officer typed it."""

    text: str = Field(min_length=1, max_length=20_000)


class Rejecting(Deciding):
    """Why it is not released."""

    reason: RejectionReason


class SendingBack(Deciding):
    """What the rep should change or ask."""

    note: str = Field(min_length=1, max_length=2_000)


class ItemStatus(BaseModel):
    """Where an item stands after a step; until `effective_after` its decider can undo."""

    id: uuid.UUID
    state: str
    hash: str
    claimed_until: datetime | None
    effective_after: datetime | None
    position: int | None


class WaitingStatus(BaseModel):
    """What the card of a held answer tells: never its text."""

    id: uuid.UUID
    state: str
    deadline: datetime
    position: int | None
    waiting: int
    officers_on_duty: int


class Badge(BaseModel):
    """How many items wait."""

    pending: int


@router.get("")
async def reviews(
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    state: ReviewState = ReviewState.PENDING,
) -> ReviewList:
    """List one tab of the queue, without identities."""
    return await list_reviews(session, policy, principal, state)


@router.get("/badge")
async def badge(principal: SignedIn, session: UnitOfWork) -> Badge:
    """Count what waits."""
    require(principal, Role.OFFICER)
    return Badge(pending=await pending_count(session))


@router.get("/{item_id}/status")
async def status(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> WaitingStatus:
    """Tell the requester (or an officer) how an item's waiting goes."""
    item = await get_item(session, principal, item_id)
    place = await place_of(session, item.id)
    return WaitingStatus(
        id=item.id,
        state=item.state,
        deadline=item.deadline,
        position=place.position,
        waiting=place.waiting,
        officers_on_duty=await officers_on_duty(session, besides=item.requester),
    )


@router.get("/{item_id}")
async def review(
    item_id: uuid.UUID,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    door: Door,
    retrieval: Retrieval,
) -> OpenedReview:
    """Open an item; that its identities were seen is recorded."""
    return await read_review(session, policy, door, retrieval, principal, item_id)


@router.post("/{item_id}/claim")
async def claim_item(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, policy: ReviewPolicy
) -> ItemStatus:
    """Take the lease on an item, or renew it."""
    return await _status(session, await claim(session, policy, principal, item_id))


@router.post("/{item_id}/release")
async def release_item(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> ItemStatus:
    """Give the lease back."""
    return await _status(session, await release_claim(session, principal, item_id))


@router.post("/{item_id}/approve")
async def approve_item(
    item_id: uuid.UUID,
    deciding: Deciding,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    door: Door,
) -> ItemStatus:
    """Release the text of this hash as it is."""
    note = await _note(session, door, principal, item_id, deciding)
    confirmed = deciding.confirmed
    item = await approve(session, policy, principal, item_id, deciding.hash, note=note, confirmed=confirmed)
    return await _status(session, item)


@router.post("/{item_id}/edit")
async def edit_item(
    item_id: uuid.UUID,
    editing: Editing,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    door: Door,
) -> ItemStatus:
    """Release another text in place of the draft; the door redacts it before it is stored."""
    require(principal, Role.OFFICER)
    item = await get_item(session, principal, item_id)
    written = {"text": editing.text} | ({"note": editing.note} if editing.note else {})
    redacted = await conceal(door, principal, item, written)
    item = await edit(
        session,
        policy,
        principal,
        item_id,
        editing.hash,
        redacted["text"],
        note=redacted.get("note"),
        confirmed=editing.confirmed,
    )
    return await _status(session, item)


@router.post("/{item_id}/reject")
async def reject_item(
    item_id: uuid.UUID,
    rejecting: Rejecting,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    door: Door,
) -> ItemStatus:
    """Do not release it."""
    note = await _note(session, door, principal, item_id, rejecting)
    item = await reject(
        session,
        policy,
        principal,
        item_id,
        rejecting.hash,
        reason=rejecting.reason,
        note=note,
        confirmed=rejecting.confirmed,
    )
    return await _status(session, item)


@router.post("/{item_id}/send-back")
async def send_item_back(
    item_id: uuid.UUID,
    sending: SendingBack,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    door: Door,
) -> ItemStatus:
    """Do not release it, and tell the rep what to change."""
    note = await _note(session, door, principal, item_id, sending)
    item = await send_back(
        session,
        policy,
        principal,
        item_id,
        sending.hash,
        instruction=note or "",
        confirmed=sending.confirmed,
    )
    return await _status(session, item)


@router.post("/{item_id}/undo")
async def undo_decision(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> ItemStatus:
    """Take one's decision back before it takes effect."""
    return await _status(session, await undo(session, principal, item_id))


@router.post("/{item_id}/cancel")
async def cancel_item(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> ItemStatus:
    """The requester takes the question back."""
    return await _status(session, await cancel(session, principal, item_id))


async def _note(
    session: UnitOfWork, door: Door, principal: SignedIn, item_id: uuid.UUID, deciding: Deciding
) -> str | None:
    """The note with its identities redacted, None without one."""
    require(principal, Role.OFFICER)
    if not deciding.note:
        return None
    item = await get_item(session, principal, item_id)
    return (await conceal(door, principal, item, {"note": deciding.note}))["note"]


async def _status(session: UnitOfWork, item: HeldItem) -> ItemStatus:
    place = await place_of(session, item.id)
    return ItemStatus(
        id=item.id,
        state=item.state,
        hash=item.current_hash,
        claimed_until=item.claimed_until,
        effective_after=item.effective_after,
        position=place.position,
    )
