"""Search and the list of records for `@`, over HTTP."""

import uuid
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from assistant.answer import MAX_SEARCHED, durable_text, entity_refs, named_records, strangers_among
from assistant.runs.api import checked_question, redact_question
from assistant.session import SignedIn
from assistant.state import Door, Retrieval
from gateway import QuestionRefused, Role, require
from retrieval import SearchResult

router = APIRouter(prefix="/api/v1", tags=["search"])


class Searching(BaseModel):
    """What to look for, perhaps within one record."""

    question: str
    scope: str | None = Field(None, max_length=200)
    limit: int = Field(10, ge=1, le=50)


@router.post("/search")
async def search(wanted: Searching, principal: SignedIn, door: Door, retrieval: Retrieval) -> SearchResult:
    """Find passages and facts. Nothing is stored and no model writes."""
    require(principal, Role.REP, Role.LEAD, Role.OFFICER)
    text = checked_question(wanted.question)
    conversation = uuid.uuid4()
    question = await redact_question(door, principal, conversation, text)
    if question.outcome == "denied":
        raise QuestionRefused(question.sentence)
    named = named_records(question.tokens)
    own = frozenset(await retrieval.visible(principal, named) if named else ())
    strangers = await strangers_among(question.tokens, own, door, principal, conversation)
    tokens = strangers.forget(question.tokens)
    return await retrieval.search(
        principal,
        durable_text(strangers.hide(question.text), tokens)[:MAX_SEARCHED],
        entities=entity_refs(tokens),
        scope=wanted.scope,
        limit=wanted.limit,
    )


class TypedName(BaseModel):
    """What somebody has typed of a record's name; in a body, because proxies write addresses down."""

    q: str = ""
    limit: int = Field(8, ge=1, le=20)


@router.post("/entities")
async def entities(wanted: TypedName, principal: SignedIn, retrieval: Retrieval) -> dict[str, Any]:
    """Records of the caller whose name contains `q`."""
    require(principal, Role.REP, Role.LEAD, Role.OFFICER)
    if not wanted.q.strip() or "\0" in wanted.q:
        return {"entities": []}
    found = await retrieval.entities(principal, wanted.q.strip()[:100], limit=wanted.limit)
    return {"entities": [entity.model_dump() for entity in found]}
