"""Health and sync over HTTP, for administrators."""

from typing import Any

from fastapi import APIRouter

from assistant.session import SignedIn
from assistant.state import Door, Retrieval, WebConfiguration
from gateway import Role, UnitOfWork, require
from retrieval import (
    ExplainQuestion,
    Explanation,
    IndexState,
    ParkedRecords,
    RebuildState,
    Resolve,
    Resolved,
    RestoreQuestion,
    SyncStatus,
    VerifyReport,
)

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


@router.get("/sync/parked")
async def sync_parked(principal: SignedIn, retrieval: Retrieval) -> ParkedRecords:
    """Rows that could not be indexed, and why."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_parked(principal)


@router.post("/sync/retry", status_code=202)
async def sync_retry(principal: SignedIn, retrieval: Retrieval) -> ParkedRecords:
    """Try those rows again at once."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_retry(principal)


@router.post("/sync/resolve")
async def sync_resolve(decided: Resolve, principal: SignedIn, retrieval: Retrieval) -> Resolved:
    """Delete what waits for a word, or keep it until the CRM has it again."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_resolve(principal, decided.entity, allow_deletes=decided.allow_deletes)


@router.post("/sync/verify", status_code=202)
async def sync_verify(principal: SignedIn, retrieval: Retrieval, dry_run: bool = False) -> VerifyReport:
    """Begin to compare every row, point and right with the CRM."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_verify(principal, dry_run=dry_run)


@router.get("/sync/verify")
async def sync_verified(principal: SignedIn, retrieval: Retrieval) -> VerifyReport:
    """How far that is, and what it found."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_verified(principal)


@router.post("/sync/rebuild", status_code=202)
async def sync_rebuild(principal: SignedIn, retrieval: Retrieval) -> RebuildState:
    """Begin a new generation of the index beside the one that is asked."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_rebuild(principal)


@router.get("/sync/rebuild")
async def sync_rebuilding(principal: SignedIn, retrieval: Retrieval) -> RebuildState:
    """How far that is."""
    require(principal, Role.ADMIN)
    return await retrieval.sync_rebuilding(principal)


@router.get("/index")
async def index_state(principal: SignedIn, retrieval: Retrieval) -> IndexState:
    """How large the index is, and what is being done to it."""
    require(principal, Role.ADMIN)
    return await retrieval.index_state(principal)


@router.post("/index/optimise", status_code=202)
async def index_optimise(principal: SignedIn, retrieval: Retrieval) -> IndexState:
    """Build anew what makes searching quick."""
    require(principal, Role.ADMIN)
    return await retrieval.index_optimise(principal)


@router.post("/index/backup", status_code=202)
async def index_backup(principal: SignedIn, retrieval: Retrieval) -> IndexState:
    """Write the index into a file."""
    require(principal, Role.ADMIN)
    return await retrieval.index_backup(principal)


@router.post("/index/restore", status_code=202)
async def index_restore(asked: RestoreQuestion, principal: SignedIn, retrieval: Retrieval) -> IndexState:
    """Take a backup in place of the index."""
    require(principal, Role.ADMIN)
    return await retrieval.index_restore(principal, asked.name)
