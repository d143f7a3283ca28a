"""The review queue over HTTP. Rules are in `approvals`; here texts are restored and redacted."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from approvals import (
    Decision,
    Entry,
    HeldItem,
    Move,
    Outcome,
    Policy,
    QueuePlans,
    RejectionReason,
    Verdict,
    answer_reviewer,
    cancel,
    check_rules,
    claim,
    configure_queues,
    decide,
    decide_many,
    end_absence,
    get_item,
    mark_seen,
    notices_for,
    officers_on_duty,
    pending_count,
    place_of,
    queue_names,
    queue_plans,
    release_claim,
    say_customer_waits,
    set_absence,
    standing_approvals,
    undo,
)
from assistant.pages import ReviewList, ReviewView
from assistant.session import SignedIn
from assistant.state import Door, Retrieval
from gateway import BadInput, NotFound, Role, UnitOfWork, principal_of_account, problem, require

from .desk import tell_asked
from .filters import Wanted
from .listing import list_reviews
from .reading import Asked, read_questions, read_review
from .reveal import conceal

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])
CLI_AGENT = "cloister-cli"


def _policy(request: Request) -> Policy:
    policy: Policy = request.state.policy
    return policy


def _entry(request: Request) -> Entry:
    """Where the caller decides, for the record."""
    if "authorization" not in request.headers:
        return Entry.PAGE
    is_cli = request.headers.get("user-agent", "").startswith(CLI_AGENT)
    return Entry.CLI if is_cli else Entry.API


ReviewPolicy = Annotated[Policy, Depends(_policy)]
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


class Answering(_Body):
    """What the rep says to an officer's question."""

    text: str = Field(min_length=1, max_length=4_000)


class CustomerWaiting(_Body):
    """Whether the customer is waiting for what is held."""

    waits: bool


class Listed(_Body):
    """One item of many, and its text by hash."""

    id: uuid.UUID
    hash: str = Field(pattern="^[0-9a-f]{64}$")


class DecidingMany(_Body):
    """One decision on several items of the lowest tier."""

    items: list[Listed] = Field(min_length=1, max_length=50)
    verdict: Verdict
    reason: RejectionReason | None = None


class Seeing(_Body):
    """Notices that the caller has seen."""

    ids: list[uuid.UUID] = Field(min_length=1, max_length=200)


class BeingAway(_Body):
    """When the caller is away, and the login of who stands in."""

    starts: AwareDatetime
    ends: AwareDatetime
    cover: str | None = Field(None, max_length=200)


class ItemStatus(BaseModel):
    """Where an item stands after a step; until `effective_after` its decider can undo.

    `approvals` of `needed` officers agree so far.
    """

    id: uuid.UUID
    state: str
    hash: str
    claimed_until: datetime | None
    fence: int
    effective_after: datetime | None
    position: int | None
    queue: str
    round: int
    needed: int
    approvals: int


class DecidedItem(BaseModel):
    """What became of one of many: its state, or the problem for which it was refused."""

    id: uuid.UUID
    state: str | None = None
    effective_after: datetime | None = None
    problem: Mapping[str, Any] | None = None


class WaitingStatus(BaseModel):
    """What the card of a held answer tells: never its text."""

    id: uuid.UUID
    state: str
    deadline: datetime
    position: int | None
    waiting: int
    officers_on_duty: int
    asked: bool
    customer_waits: bool


class Badge(BaseModel):
    """How many items wait."""

    pending: int


class PageNotice(BaseModel):
    """Something to look at; no content."""

    id: uuid.UUID
    item: uuid.UUID
    event: str
    at: datetime | None


class QueueTitle(BaseModel):
    """A queue's name and what people call it."""

    name: str
    title: str


@router.get("")
async def reviews(
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    wanted: Annotated[Wanted, Query()],
) -> ReviewList:
    """List one tab of the caller's queues, without identities."""
    return await list_reviews(session, policy, principal, wanted.query())


@router.get("/badge")
async def badge(principal: SignedIn, session: UnitOfWork) -> Badge:
    """Count what waits in the caller's queues."""
    require(principal, Role.OFFICER)
    return Badge(pending=await pending_count(session, principal))


@router.get("/notices")
async def notices(principal: SignedIn, session: UnitOfWork) -> list[PageNotice]:
    """List what the caller has not seen yet."""
    found = await notices_for(session, principal)
    return [PageNotice(id=one.id, item=one.item, event=one.event, at=one.at) for one in found]


@router.post("/notices/seen")
async def notices_seen(seeing: Seeing, principal: SignedIn, session: UnitOfWork) -> dict[str, int]:
    """Say which notices were seen; others' are left alone."""
    return {"seen": await mark_seen(session, principal, seeing.ids)}


@router.get("/queues")
async def queues(principal: SignedIn, session: UnitOfWork) -> list[QueueTitle]:
    """Name the queues."""
    require(principal, Role.OFFICER, Role.ADMIN)
    return [QueueTitle(name=name, title=title) for name, title in (await queue_names(session)).items()]


@router.get("/queues/plans")
async def described_queues(principal: SignedIn, session: UnitOfWork) -> dict[str, Any]:
    """Describe the queues as they can be put in place again; what is as usual is left out."""
    return (await queue_plans(session, principal)).model_dump(mode="json", exclude_defaults=True)


@router.put("/queues")
async def set_queues(
    plans: QueuePlans, principal: SignedIn, session: UnitOfWork, policy: ReviewPolicy
) -> list[QueueTitle]:
    """Put these queues, with their rules and members, in place of those that are there."""
    require(principal, Role.ADMIN)
    check_rules(plans, policy)
    await configure_queues(session, principal, plans)
    return await queues(principal, session)


@router.post("/absences")
async def be_away(away: BeingAway, principal: SignedIn, session: UnitOfWork) -> dict[str, str]:
    """Say when the caller is away, and who stands in for them."""
    require(principal, Role.OFFICER)
    cover = await _colleague(session, away.cover) if away.cover else None
    absence = await set_absence(session, principal, starts=away.starts, ends=away.ends, cover=cover)
    return {"id": str(absence.id)}


@router.post("/absences/{absence_id}/end")
async def be_back(absence_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> dict[str, str]:
    """End the caller's absence: nobody stands in for them any more."""
    absence = await end_absence(session, principal, absence_id)
    return {"id": str(absence.id), "ends": absence.ends.isoformat()}


@router.post("/bulk")
async def decide_several(
    deciding: DecidingMany, principal: SignedIn, session: UnitOfWork, policy: ReviewPolicy
) -> list[DecidedItem]:
    """Decide many items of the lowest tier; each that is refused says why."""
    wanted = Decision(deciding.verdict, reason=deciding.reason)
    items = [(one.id, one.hash) for one in deciding.items]
    return [_became(one) for one in await decide_many(session, policy, principal, items, wanted)]


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
    policy: ReviewPolicy,
    door: Door,
    retrieval: Retrieval,
) -> ReviewView:
    """Open an item; that its identities were seen is recorded."""
    return await read_review(session, policy, door, retrieval, principal, item_id)


@router.post("/{item_id}/claim")
async def claim_item(
    item_id: uuid.UUID,
    principal: SignedIn,
    session: UnitOfWork,
    policy: ReviewPolicy,
    claiming: Claiming | None = None,
) -> ItemStatus:
    """Take the lease on an item; with its fence, renew it."""
    fence = claiming.fence if claiming else None
    return await _status(session, await claim(session, policy, principal, item_id, fence=fence))


@router.post("/{item_id}/release")
async def release_item(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, claiming: Claiming | None = None
) -> ItemStatus:
    """Give the lease back."""
    fence = claiming.fence if claiming else None
    return await _status(session, await release_claim(session, principal, item_id, fence=fence))


class Decider:
    """A decision as any of the routes takes it: what was typed is redacted, then `approvals` decides."""

    def __init__(
        self, principal: SignedIn, session: UnitOfWork, policy: ReviewPolicy, door: Door, entry: From
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
        to = await _colleague(self._session, body.to) if isinstance(body, HandingOn) else None
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
        return await _status(self._session, item)


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
    """Do not release it; the next draft, which follows the note, comes into the same item."""
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


@router.post("/{item_id}/answer")
async def answer_officer(
    item_id: uuid.UUID, answering: Answering, principal: SignedIn, session: UnitOfWork, door: Door
) -> ItemStatus:
    """The requester answers an officer's question."""
    item = await get_item(session, principal, item_id)
    if item.requester != principal.id:
        raise NotFound("There is no such item.")
    redacted = await conceal(door, principal, item, {"text": answering.text})
    return await _status(session, await answer_reviewer(session, principal, item_id, redacted["text"]))


@router.put("/{item_id}/customer-waits")
async def mark_customer_waits(
    item_id: uuid.UUID, waiting: CustomerWaiting, principal: SignedIn, session: UnitOfWork
) -> WaitingStatus:
    """The requester says that the customer is waiting, or takes it back."""
    item = await say_customer_waits(session, principal, item_id, waits=waiting.waits)
    return await status(item.id, principal, session)


@router.post("/{item_id}/undo")
async def undo_decision(
    item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, entry: From
) -> ItemStatus:
    """Take one's decision back before it takes effect."""
    return await _status(session, await undo(session, principal, item_id, entry))


@router.post("/{item_id}/cancel")
async def cancel_item(item_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> ItemStatus:
    """The requester takes the question back."""
    return await _status(session, await cancel(session, principal, item_id))


async def _colleague(session: UnitOfWork, login: str) -> str:
    try:
        return (await principal_of_account(session, login=login)).id
    except NotFound as error:
        raise BadInput("There is no such colleague.") from error


def _became(outcome: Outcome) -> DecidedItem:
    if outcome.decided is not None:
        item = outcome.decided
        return DecidedItem(id=item.id, state=item.state, effective_after=item.effective_after)
    return DecidedItem(id=outcome.item, problem=problem(outcome.refusal) if outcome.refusal else None)


async def _status(session: UnitOfWork, item: HeldItem) -> ItemStatus:
    place = await place_of(session, item.id)
    return ItemStatus(
        id=item.id,
        state=item.state,
        hash=item.current_hash,
        claimed_until=item.claimed_until,
        fence=item.fence,
        effective_after=item.effective_after,
        position=place.position,
        queue=item.queue,
        round=item.round,
        needed=item.needed,
        approvals=await standing_approvals(session, item.id),
    )
