"""Health and sync over HTTP, for administrators."""

from typing import Any

from fastapi import APIRouter

from assistant.session import SignedIn
from assistant.state import Door, Retrieval, WebConfiguration
from gateway import Role, UnitOfWork, require
from retrieval import ExplainQuestion, Explanation, SyncStatus

from .health import look_at_health

router = APIRouter(prefix="/api/v1", tags=["administration"])


@router.get("/health")
async def health(
    principal: SignedIn, session: UnitOfWork, settings: WebConfiguration, door: Door, retrieval: Retrieval
) -> dict[str, Any]:
    """The state of every part."""
    require(principal, Role.ADMIN)
    folder = settings.state_folder
    found = await look_at_health(session, principal, settings.peers, door, retrieval, folder)
    return found.as_json()


@router.post("/explain")
async def explain(asked: ExplainQuestion, principal: SignedIn, retrieval: Retrieval) -> Explanation:
    """Which rule shows or hides a record for a CRM user."""
    require(principal, Role.ADMIN)
    return await retrieval.explain(principal, asked.login, asked.record)


@router.get("/sync")
async def sync_status(principal: SignedIn, retrieval: Retrieval) -> SyncStatus:
    """How far the index is."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_status(principal)


@router.post("/sync/run", status_code=202)
async def sync_run(principal: SignedIn, retrieval: Retrieval, allow_deletes: bool = False) -> SyncStatus:
    """Compare the whole index with the CRM."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_run(principal, allow_deletes=allow_deletes)
