"""What is to leave the house: a mail to a customer, or a text for the CRM. An officer reads it first."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from approvals import (
    Handover,
    HeldSentence,
    ItemKind,
    MailDraft,
    Payload,
    Policy,
    RuleHit,
    Tier,
    Vector,
    Weighing,
    get_item,
    hold,
    hold_again,
    to_embed,
    weigh_question,
    weigh_sentence,
)
from assistant.conversations import own_conversation
from assistant.session import SignedIn
from assistant.state import AnswerPolicy, Door, Retrieval
from gateway import (
    BadInput,
    CloisterError,
    DoorClient,
    NotFound,
    Principal,
    Role,
    TextPart,
    UnitOfWork,
    log,
    require,
)
from retrieval import RetrievalClient

from .mailing import is_address, is_subject

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])
RULE = "outgoing"
_OUTGOING = RuleHit(RULE, Tier.NORMAL, "What leaves the house is read by an officer first.", 0, 0, 0)


class Drafting(BaseModel):
    """A mail (`to`, `subject`) or a text for the CRM (`record`, `action`), of the caller's conversation."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["mail", "handover"]
    conversation: uuid.UUID
    text: str = Field(min_length=1, max_length=20_000)
    to: str | None = Field(None, max_length=320)
    subject: str | None = Field(None, max_length=200)
    record: str | None = Field(None, max_length=200, pattern=r"^[a-z][a-z0-9_]*:[\w-]+$")
    action: str | None = Field(None, max_length=80, pattern=r"^[a-z][a-z0-9_.-]*$")

    @model_validator(mode="after")
    def _names_what_its_kind_needs(self) -> Self:
        mail, handover = (self.to, self.subject), (self.record, self.action)
        needed, other = (mail, handover) if self.kind == "mail" else (handover, mail)
        if not all(needed) or any(other):
            raise ValueError("a mail has `to` and `subject`, a handover `record` and `action`")
        if self.kind == "mail" and not (is_address(self.to or "") and is_subject(self.subject or "")):
            raise ValueError("`to` is one mail address, and `subject` one line without encoded words (`=?`)")
        return self


class Redrafting(BaseModel):
    """The next draft of what was sent back."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=20_000)


class Held(BaseModel):
    """The item that waits now."""

    id: uuid.UUID
    state: str
    queue: str
    round: int


@router.post("/outgoing", status_code=202)
async def draft_outgoing(
    drafting: Drafting,
    principal: SignedIn,
    session: UnitOfWork,
    policy: AnswerPolicy,
    door: Door,
    retrieval: Retrieval,
) -> Held:
    """Hold a mail or a handover for review; it leaves when it is released, and never before."""
    require(principal, Role.REP, Role.LEAD)
    await own_conversation(session, principal, drafting.conversation)
    if drafting.record is not None:
        await _require_visible(retrieval, principal, drafting.record)
    written = {"text": drafting.text, "to": drafting.to, "subject": drafting.subject}
    texts = await _redacted(door, principal, drafting.conversation, written)
    payload = Payload(
        question=texts.get("subject") or drafting.action or "",
        sentences=(HeldSentence(texts["text"]),),
        mail=MailDraft(texts["to"], texts["subject"]) if drafting.kind == "mail" else None,
        handover=Handover(drafting.record or "", drafting.action or "") if drafting.record else None,
    )
    item = await hold(
        session,
        policy,
        run=uuid.uuid4(),
        conversation=drafting.conversation,
        requester=principal,
        payload=payload,
        weighing=await _weighed(policy, door, principal, payload),
        customer=drafting.record,
        kind=ItemKind(drafting.kind),
    )
    return Held(id=item.id, state=item.state, queue=item.queue, round=item.round)


@router.post("/{item_id}/draft", status_code=202)
async def draft_again(
    item_id: uuid.UUID,
    drafting: Redrafting,
    principal: SignedIn,
    session: UnitOfWork,
    policy: AnswerPolicy,
    door: Door,
) -> Held:
    """Put the next draft into what was sent back."""
    item = await get_item(session, principal, item_id)
    if item.requester != principal.id:
        raise NotFound("There is no such item.")
    if item.kind is ItemKind.ANSWER:
        raise BadInput("The next draft of an answer is the model's.")
    before = item.held()
    texts = await _redacted(door, principal, item.conversation, {"text": drafting.text})
    payload = Payload(
        before.question, (HeldSentence(texts["text"]),), mail=before.mail, handover=before.handover
    )
    weighing = await _weighed(policy, door, principal, payload)
    again = await hold_again(
        session, policy, item_id, requester=principal, payload=payload, weighing=weighing
    )
    return Held(id=again.id, state=again.state, queue=again.queue, round=again.round)


async def _redacted(
    door: DoorClient, writer: Principal, conversation: uuid.UUID, texts: Mapping[str, str | None]
) -> dict[str, str]:
    parts = [TextPart(name, text, "raw") for name, text in texts.items() if text]
    redacted = await door.redact(writer, conversation, parts, purpose="edit")
    return {part.id: part.text for part in redacted.parts}


async def _require_visible(retrieval: RetrievalClient, principal: Principal, record: str) -> None:
    """A reference is stored as it is, so it must be one of a record, and that one the writer's to see."""
    if record not in await retrieval.visible(principal, (record,)):
        raise NotFound("There is no such record among those that you may see.")


async def _weighed(policy: Policy, door: DoorClient, writer: Principal, payload: Payload) -> Weighing:
    """What the rules find in it, and that it leaves the house."""
    question = weigh_question(
        policy,
        payload.question,
        roles=writer.roles,
        vectors=await _vectors(policy, door, writer, payload.question),
    )
    text = weigh_sentence(
        policy,
        payload.text,
        question=payload.question,
        roles=writer.roles,
        supported=True,
        vectors=await _vectors(policy, door, writer, payload.text),
    )
    return Weighing((_OUTGOING,)).joined(question, text)


async def _vectors(policy: Policy, door: DoorClient, writer: Principal, text: str) -> Sequence[Vector] | None:
    """Vectors for the weighing of a text; None, which is a reason of its own, where nobody makes them."""
    texts = to_embed(policy, text)
    if not texts:
        return ()
    try:
        return await door.embed(writer, texts, "likeness")
    except CloisterError as error:
        log.warning("outgoing.likeness_unread", reason=error.sentence)
        return None
