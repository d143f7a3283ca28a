"""Questions over HTTP: ask, follow, stop, rate."""

import uuid
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from assistant.answer import EventKind
from assistant.conversations import mark_seen, own_conversation, start_conversation, title_of
from assistant.restoring import Viewer
from assistant.session import SignedIn
from assistant.state import Door, Feed, Retrieval, WebDatabase
from gateway import (
    BadInput,
    DoorClient,
    NotFound,
    Principal,
    TextPart,
    TooLarge,
    UnitOfWork,
    require,
)
from retrieval import RetrievalClient

from .follow import follow, restored_events
from .service import MAY_ASK, Question, events_of, open_run, own_run, rate, request_cancel
from .tables import FINAL

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

MAX_QUESTION = 8_000
_NOT_KEPT = "(not kept)"


class Asking(BaseModel):
    """A question, in an own conversation or a new one, perhaps about one record."""

    question: str
    conversation: uuid.UUID | None = None
    scope: str | None = Field(None, max_length=200, pattern=r"^[a-z][a-z0-9_]*:[\w-]+$")


class Opened(BaseModel):
    """The run to follow."""

    id: uuid.UUID
    conversation: uuid.UUID


class Rating(BaseModel):
    """A thumb, and for a thumb down why."""

    thumb: Literal["up", "down"]
    reason: Literal["wrong_fact", "out_of_date", "not_mine", "refused_wrongly", "other"] | None = None
    text: str = Field("", max_length=2_000)


@router.post("", status_code=202)
async def ask(
    asking: Asking, principal: SignedIn, session: UnitOfWork, door: Door, retrieval: Retrieval
) -> Opened:
    """Open a run."""
    require(principal, *MAY_ASK)
    text = checked_question(asking.question)
    if asking.scope is not None:
        await _require_visible(retrieval, principal, asking.scope)
    if asking.conversation is None:
        conversation_id = uuid.uuid4()
        question = await redact_question(door, principal, conversation_id, text)
        await start_conversation(
            session, principal, conversation_id=conversation_id, title=question.title, scope=asking.scope
        )
        scope = asking.scope
    else:
        conversation = await own_conversation(session, principal, asking.conversation)
        conversation_id, scope = conversation.id, asking.scope or conversation.scope
        question = await redact_question(door, principal, conversation_id, text)
    run = await open_run(session, principal, conversation_id, question, scope=scope)
    await mark_seen(session, conversation_id)  # who asks in it reads it
    return Opened(id=run.id, conversation=conversation_id)


@router.get("/{run_id}")
async def read(
    run_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, door: Door, retrieval: Retrieval
) -> dict[str, Any]:
    """A run with its events so far."""
    run = await own_run(session, principal, run_id)
    viewer = Viewer(door, retrieval, principal, run.conversation_id)
    stored = await events_of(session, [run.id])
    sources = [event for event in stored if event.kind == EventKind.SOURCES]
    events = await restored_events(viewer, stored, sources)
    [question] = await viewer.texts([run.question])
    [feedback] = await viewer.values([run.feedback or {}])
    return {
        "id": str(run.id),
        "conversation": str(run.conversation_id),
        "state": run.state,
        "question": question,
        "scope": run.scope,
        "feedback": feedback or None,
        "events": events,
    }


@router.get("/{run_id}/events")
async def follow_events(
    run_id: uuid.UUID,
    principal: SignedIn,
    session: UnitOfWork,
    database: WebDatabase,
    door: Door,
    retrieval: Retrieval,
    feed: Feed,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Server-sent events of a run; `Last-Event-ID` says where to go on."""
    run = await own_run(session, principal, run_id)
    after = _event_number(last_event_id)
    if run.state in FINAL and not await events_of(session, [run_id], after):
        return Response(status_code=204)  # tells EventSource not to come back
    viewer = Viewer(door, retrieval, principal, run.conversation_id)
    stream = follow(database, feed, viewer, run_id, after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


@router.post("/{run_id}/cancel", status_code=202)
async def cancel(run_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> dict[str, str]:
    """Stop a run."""
    run = await own_run(session, principal, run_id)
    await request_cancel(session, run, principal)
    return {"id": str(run_id)}


@router.post("/{run_id}/feedback", status_code=204)
async def feedback(
    run_id: uuid.UUID, rating: Rating, principal: SignedIn, session: UnitOfWork, door: Door
) -> None:
    """Rate an answer."""
    run = await own_run(session, principal, run_id)
    note = rating.text.strip()
    if note:
        redacted = await door.redact(principal, run.conversation_id, [TextPart("note", note)], purpose="edit")
        note = redacted.parts[0].text
    await rate(session, run, principal, thumb=rating.thumb, reason=rating.reason, note=note)


def checked_question(text: str) -> str:
    """The question without outer spaces. Raises `BadInput` when empty, `TooLarge` above the limit."""
    text = text.strip()
    if not text:
        raise BadInput("The question is empty.")
    if len(text) > MAX_QUESTION:
        raise TooLarge(
            f"The question has {len(text):,} characters; at most {MAX_QUESTION:,} are accepted. Shorten it."
        )
    return text


async def _require_visible(retrieval: RetrievalClient, principal: Principal, scope: str) -> None:
    """A scope is stored as it is, so it must be a record's reference and nothing else that looks like one."""
    if scope not in await retrieval.visible(principal, (scope,)):
        raise NotFound("There is no such record among those that you may see. Choose one from the list at @.")


async def redact_question(
    door: DoorClient, principal: Principal, conversation_id: uuid.UUID, text: str
) -> Question:
    """Have the door redact and filter a question, and a title of it. A denied one's text is not kept."""
    parts = [TextPart("question", text), TextPart("title", title_of(text))]
    answer = await door.redact(principal, conversation_id, parts, purpose="question")
    tokens = [asdict(token) for token in answer.tokens]
    verdict = answer.verdict
    if verdict.outcome == "denied":
        return Question(_NOT_KEPT, [], verdict.outcome, verdict.reasons, verdict.sentence, title=_NOT_KEPT)
    kept, title = (part.text for part in answer.parts)
    return Question(kept, tokens, verdict.outcome, verdict.reasons, verdict.sentence, answer.hidden, title)


def _event_number(value: str | None) -> int:
    if not value:
        return 0
    if not value.isdecimal() or len(value) > 9:
        raise BadInput("Last-Event-ID must be a number.")
    return int(value)
