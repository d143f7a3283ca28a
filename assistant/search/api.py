"""Search and the list of records for `@`, over HTTP: for the page, and for programs that ask for somebody."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from assistant.state import Door, Retrieval
from gateway import Role, require
from retrieval import SearchResult

from .finding import find
from .programs import AskedFor

router = APIRouter(prefix="/api/v1", tags=["search"])


class Searching(BaseModel):
    """What to look for, perhaps within one record."""

    question: str
    scope: str | None = Field(None, max_length=200)
    limit: int = Field(10, ge=1, le=50)


@router.post("/search")
async def search(wanted: Searching, principal: AskedFor, door: Door, retrieval: Retrieval) -> SearchResult:
    """Find passages and facts. Nothing is stored and no model writes."""
    require(principal, Role.REP, Role.LEAD, Role.OFFICER)
    return await find(
        principal,
        wanted.question,
        scope=wanted.scope,
        limit=wanted.limit,
        door=door,
        retrieval=retrieval,
    )


class TypedName(BaseModel):
    """What somebody has typed of a record's name; in a body, because proxies write addresses down."""

    q: str = ""
    limit: int = Field(8, ge=1, le=20)


@router.post("/entities")
async def entities(wanted: TypedName, principal: AskedFor, retrieval: Retrieval) -> dict[str, Any]:
    """Records of the caller whose name contains `q`."""
    require(principal, Role.REP, Role.LEAD, Role.OFFICER)
    if not wanted.q.strip() or "\0" in wanted.q:
        return {"entities": []}
    found = await retrieval.entities(principal, wanted.q.strip()[:100], limit=wanted.limit)
    return {"entities": [entity.model_dump() for entity in found]}
