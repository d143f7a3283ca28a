"""The review queue over HTTP, as it is read, and what its requester does. Texts are restored and redacted."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from approvals import (
    answer_reviewer,
    cancel,
    get_item,
    officers_on_duty,
    pending_count,
    place_of,
    say_customer_waits,
)
from assistant.pages import ReviewList, ReviewView
from assistant.session import SignedIn
from assistant.state import AnswerPolicy, Door, Retrieval
from gateway import NotFound, Role, UnitOfWork, require

from .filters import Wanted
from .listing import list_reviews
from .questions import Asked, read_questions
from .reading import read_review
from .reveal import conceal
from .status import ItemStatus, item_status

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])


class Answering(BaseModel):
    """What the rep says to an officer's question."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=4_000)


class CustomerWaiting(BaseModel):
    """Whether the customer is waiting for what is held."""

    model_config = ConfigDict(extra="forbid")
    waits: bool


class WaitingStatus(BaseModel):
    """What the card of a held answer tells: never its text. So many `reviewers` must approve it."""

    id: uuid.UUID
    state: str
    deadline: datetime
    position: int | None
    waiting: int
    officers_on_duty: int
    reviewers: int
    asked: bool
    customer_waits: bool


class Badge(BaseModel):
    """How many items wait."""

    pending: int


@router.get("")
async def reviews(
    principal: SignedIn,
    session: UnitOfWork,
    policy: AnswerPolicy,
    wanted: Annotated[Wanted, Query()],
) -> ReviewList:
    """List one tab of the caller's queues, without identities."""
    return await list_reviews(session, policy, principal, wanted.query())


@router.get("/badge")
async def badge(principal: SignedIn, session: UnitOfWork) -> Badge:
    """Count what waits in the caller's queues."""
    require(principal, Role.OFFICER)
    return Badge(pending=await pending_count(session, principal))


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
        reviewers=item.needed,
        asked=item.awaiting_rep,
        customer_waits=item.customer_waits_since is not None,
    )


@router.get("/{item_id}/questions")
async def questions(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, door: Door, retrieval: Retrieval
) -> list[Asked]:
    """List what officers asked the requester about an item, and what was answered."""
    return await read_questions(session, door, retrieval, principal, item_id)


@router.get("/{item_id}")
async def review(
    item_id: uuid.UUID,
    principal: SignedIn,
    session: UnitOfWork,
    policy: AnswerPolicy,
    door: Door,
    retrieval: Retrieval,
) -> ReviewView:
    """Open an item; that its identities were seen is recorded."""
    return await read_review(session, policy, door, retrieval, principal, item_id)


@router.post("/{item_id}/answer")
async def answer_officer(
    item_id: uuid.UUID, answering: Answering, principal: SignedIn, session: UnitOfWork, door: Door
) -> ItemStatus:
    """The requester answers an officer's question."""
    item = await get_item(session, principal, item_id)
    if item.requester != principal.id:
        raise NotFound("There is no such item.")
    redacted = await conceal(door, principal, item, {"text": answering.text})
    return await item_status(session, await answer_reviewer(session, principal, item_id, redacted["text"]))


@router.put("/{item_id}/customer-waits")
async def mark_customer_waits(
    item_id: uuid.UUID, waiting: CustomerWaiting, principal: SignedIn, session: UnitOfWork
) -> WaitingStatus:
    """The requester says that the customer is waiting, or takes it back."""
    item = await say_customer_waits(session, principal, item_id, waits=waiting.waits)
    return await status(item.id, principal, session)


@router.post("/{item_id}/cancel")
async def cancel_item(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> ItemStatus:
    """The requester takes the question back."""
    return await item_status(session, await cancel(session, principal, item_id))
