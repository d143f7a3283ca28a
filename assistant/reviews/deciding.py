"""What an officer does with an item, over HTTP. Rules are in `approvals`; what was typed is redacted here."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from approvals import (
    Decision,
    Entry,
    Move,
    Outcome,
    RejectionReason,
    Verdict,
    claim,
    decide,
    decide_many,
    get_item,
    release_claim,
    undo,
)
from assistant.session import SignedIn
from assistant.state import AnswerPolicy, Door
from gateway import Role, UnitOfWork, problem, require

from .desk import tell_asked
from .office import colleague
from .reveal import conceal
from .status import ItemStatus, item_status

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])
_CLI_AGENT = "cloister-cli"


def _entry(request: Request) -> Entry:
    """Where the caller decides, for the record."""
    if "authorization" not in request.headers:
        return Entry.PAGE
    is_cli = request.headers.get("user-agent", "").startswith(_CLI_AGENT)
    return Entry.CLI if is_cli else Entry.API


From = Annotated[Entry, Depends(_entry)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Claiming(_Body):
    """The fence of the claim to keep or give back; without one an item is claimed anew."""

    fence: int | None = None


class Deciding(_Body):
    """Which text is decided, by the hash that came with it; `confirmed` answers a 409 with `confirm`.

    `fence` is that of the caller's claim on the item, needed while they have one.
    """

    hash: str = Field(pattern="^[0-9a-f]{64}$")
    note: str | None = Field(None, max_length=2_000)
    confirmed: bool = False
    fence: int | None = None


class Editing(Deciding):
    """The text to show in place of the draft, as the officer typed it."""

    text: str = Field(min_length=1, max_length=20_000)


class Rejecting(Deciding):
    """Why it is not released."""

    reason: RejectionReason


class SendingBack(Deciding):
    """What the next draft should do differently, or what the rep is asked."""

    note: str = Field(min_length=1, max_length=2_000)


class HandingOn(Deciding):
    """The colleague's login."""

    to: str = Field(min_length=1, max_length=200)


class Listed(_Body):
    """One item of many, and its text by hash."""

    id: uuid.UUID
    hash: str = Field(pattern="^[0-9a-f]{64}$")


class DecidingMany(_Body):
    """One decision on several items of the lowest tier."""

    items: list[Listed] = Field(min_length=1, max_length=50)
    verdict: Verdict
    reason: RejectionReason | None = None


class DecidedItem(BaseModel):
    """What became of one of many: its state, or the problem for which it was refused."""

    id: uuid.UUID
    state: str | None = None
    effective_after: datetime | None = None
    problem: Mapping[str, Any] | None = None


@router.post("/bulk")
async def decide_several(
    deciding: DecidingMany, principal: SignedIn, session: UnitOfWork, policy: AnswerPolicy
) -> list[DecidedItem]:
    """Decide many items of the lowest tier; each that is refused says why."""
    wanted = Decision(deciding.verdict, reason=deciding.reason)
    items = [(one.id, one.hash) for one in deciding.items]
    return [_became(one) for one in await decide_many(session, policy, principal, items, wanted)]


@router.post("/{item_id}/claim")
async def claim_item(
    item_id: uuid.UUID,
    principal: SignedIn,
    session: UnitOfWork,
    policy: AnswerPolicy,
    claiming: Claiming | None = None,
) -> ItemStatus:
    """Take the lease on an item; with its fence, renew it."""
    fence = claiming.fence if claiming else None
    return await item_status(session, await claim(session, policy, principal, item_id, fence=fence))


@router.post("/{item_id}/release")
async def release_item(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, claiming: Claiming | None = None
) -> ItemStatus:
    """Give the lease back."""
    fence = claiming.fence if claiming else None
    return await item_status(session, await release_claim(session, principal, item_id, fence=fence))


class Decider:
    """A decision as any of the routes takes it: what was typed is redacted, then `approvals` decides."""

    def __init__(
        self, principal: SignedIn, session: UnitOfWork, policy: AnswerPolicy, door: Door, entry: From
    ) -> None:
        self._principal = principal
        self._session = session
        self._policy = policy
        self._door = door
        self._entry = entry

    async def take(
        self, item_id: uuid.UUID, verdict: Verdict | Move, body: Deciding, *, text: str | None = None
    ) -> ItemStatus:
        """Decide, or hand on; the status afterwards."""
        require(self._principal, Role.OFFICER)
        written = {name: one for name, one in {"text": text, "note": body.note}.items() if one}
        if written:
            item = await get_item(self._session, self._principal, item_id)
            written = await conceal(self._door, self._principal, item, written)
        to = await colleague(self._session, body.to) if isinstance(body, HandingOn) else None
        decision = Decision(
            verdict,
            text=written.get("text"),
            reason=body.reason if isinstance(body, Rejecting) else None,
            note=written.get("note"),
            to=to,
            confirmed=body.confirmed,
            fence=body.fence,
            entry=self._entry,
        )
        item = await decide(self._session, self._policy, self._principal, item_id, body.hash, decision)
        return await item_status(self._session, item)


Decides = Annotated[Decider, Depends(Decider, scope="function")]


@router.post("/{item_id}/approve")
async def approve_item(item_id: uuid.UUID, deciding: Deciding, decider: Decides) -> ItemStatus:
    """Release the text of this hash as it is."""
    return await decider.take(item_id, Verdict.APPROVE, deciding)


@router.post("/{item_id}/false-alarm")
async def mark_false_alarm(item_id: uuid.UUID, deciding: Deciding, decider: Decides) -> ItemStatus:
    """Release it as it is, and say that no rule should have held it."""
    return await decider.take(item_id, Verdict.FALSE_ALARM, deciding)


@router.post("/{item_id}/edit")
async def edit_item(item_id: uuid.UUID, editing: Editing, decider: Decides) -> ItemStatus:
    """Release another text in place of the draft; the door redacts it before it is stored."""
    return await decider.take(item_id, Verdict.EDIT, editing, text=editing.text)


@router.post("/{item_id}/reject")
async def reject_item(item_id: uuid.UUID, rejecting: Rejecting, decider: Decides) -> ItemStatus:
    """Do not release it."""
    return await decider.take(item_id, Verdict.REJECT, rejecting)


@router.post("/{item_id}/send-back")
async def send_item_back(item_id: uuid.UUID, sending: SendingBack, decider: Decides) -> ItemStatus:
    """Do not release it; another draft, written with the note in sight, may come into the same item."""
    return await decider.take(item_id, Verdict.SEND_BACK, sending)


@router.post("/{item_id}/reassign")
async def reassign_item(item_id: uuid.UUID, handing: HandingOn, decider: Decides) -> ItemStatus:
    """Give it to one colleague."""
    return await decider.take(item_id, Move.REASSIGN, handing)


@router.post("/{item_id}/escalate")
async def escalate_item(item_id: uuid.UUID, deciding: Deciding, decider: Decides) -> ItemStatus:
    """Move it to the queue that its own escalates to."""
    return await decider.take(item_id, Move.ESCALATE, deciding)


@router.post("/{item_id}/ask")
async def ask_rep(
    item_id: uuid.UUID, asking: SendingBack, decider: Decides, principal: SignedIn, session: UnitOfWork
) -> ItemStatus:
    """Ask the rep; the item stays in the queue."""
    asked = await decider.take(item_id, Move.ASK, asking)
    await tell_asked(session, await get_item(session, principal, item_id))
    return asked


@router.post("/{item_id}/undo")
async def undo_decision(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, entry: From
) -> ItemStatus:
    """Take one's decision back before it takes effect."""
    return await item_status(session, await undo(session, principal, item_id, entry))


def _became(outcome: Outcome) -> DecidedItem:
    if outcome.decided is not None:
        item = outcome.decided
        return DecidedItem(id=item.id, state=item.state, effective_after=item.effective_after)
    return DecidedItem(id=outcome.item, problem=problem(outcome.refusal) if outcome.refusal else None)
