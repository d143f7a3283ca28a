"""Beside an item that is being read: who has it now, who could have it, and that the rep is asked."""

import uuid
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    HeldItem,
    colleagues,
    get_item,
    officer_pseudonym,
    remarks_on,
    standing_approvals,
)
from assistant.answer import EventKind
from assistant.conversations import tell_news
from assistant.runs.service import append_event
from assistant.runs.tables import Run
from assistant.session import SignedIn
from gateway import Role, UnitOfWork, require

from .listing import colleague_names

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])


class Standing(BaseModel):
    """Where an item stands, without anything that is in it.

    `holder` has claimed it until `claimed_until`, or it was given to them; `fence` is that of the caller's
    claim. `winner` decided it: a name, or a pseudonym where the account is gone. `remarks` counts what was
    said about it, `approvals` the officers who have approved the text that stands.
    """

    state: str
    hash: str
    round: int
    queue: str
    holder: str | None
    mine: bool
    claimed_until: datetime | None
    fence: int | None
    awaiting_rep: bool
    customer_waits_since: datetime | None
    approvals: int
    remarks: int
    winner: str | None


class Available(BaseModel):
    """A colleague whom an item can be given to."""

    login: str
    name: str
    on_duty: bool
    here: bool


@router.get("/{item_id}/standing")
async def standing(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> Standing:
    """Say who has an item and whether it still waits; nothing of it is shown, so nothing is recorded."""
    require(principal, Role.OFFICER)
    item = await get_item(session, principal, item_id)
    leased = item.claimed_until is not None and item.claimed_until > datetime.now(item.deadline.tzinfo)
    account = item.claimed_by if leased else item.assigned_to
    names = await colleague_names(session, {account, item.decided_by})
    return Standing(
        state=item.state,
        hash=item.current_hash,
        round=item.round,
        queue=item.queue,
        holder=names.get(account or ""),
        mine=account == principal.id,
        claimed_until=item.claimed_until if leased else None,
        fence=item.fence if leased and item.claimed_by == principal.id else None,
        awaiting_rep=item.awaiting_rep,
        customer_waits_since=item.customer_waits_since,
        approvals=await standing_approvals(session, item.id),
        remarks=len(await remarks_on(session, item.id)),
        winner=names.get(item.decided_by, officer_pseudonym(item.decided_by)) if item.decided_by else None,
    )


@router.get("/{item_id}/colleagues")
async def available(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> list[Available]:
    """List who may be given an item, those on duty first."""
    found = await colleagues(session, principal, item_id)
    return [Available(login=c.login, name=c.name, on_duty=c.on_duty, here=c.here) for c in found]


async def tell_asked(session: AsyncSession, item: HeldItem) -> None:
    """The rep's page hears at once that an officer asks; the question itself is read from the item."""
    run = await session.get(Run, item.run)
    if run is None:
        return
    await append_event(session, run.id, EventKind.ASKED, {"item": str(item.id)})
    await tell_news(session, run.conversation_id)
