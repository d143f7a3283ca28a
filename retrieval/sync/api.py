"""The HTTP face of the sync, for administrators; it holds no content."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway import BadInput, CallingPrincipal, Role, require
from retrieval.search.events import RetrievalEvent, record_asked
from retrieval.search.values import SyncStatus

from .follow import Follower
from .passes import Passes
from .rebuild import Rebuilder
from .values import (
    ParkedRecord,
    ParkedRecords,
    RebuildState,
    Resolve,
    Resolved,
    VerifyQuestion,
    VerifyReport,
)
from .verify import Verifier

router = APIRouter(prefix="/v1/sync")


@router.get("")
async def status(_principal: CallingPrincipal, request: Request) -> SyncStatus:
    """Tell how far the index is, kind by kind."""
    return await _status(request)


@router.post("/run", status_code=202)
async def run(principal: CallingPrincipal, request: Request, allow_deletes: bool = False) -> SyncStatus:
    """Begin to compare the whole index with the CRM."""
    require(principal, Role.ADMIN)
    await record_asked(
        request.state.database, RetrievalEvent.SYNC_ASKED, principal, allow_deletes=allow_deletes
    )
    follower: Follower = request.state.follower
    follower.ask(allow_deletes=allow_deletes)
    return await _status(request)


@router.get("/parked")
async def parked(
    principal: CallingPrincipal, request: Request, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
) -> ParkedRecords:
    """List rows that could not be indexed, and why."""
    require(principal, Role.ADMIN)
    passes: Passes = request.state.passes
    rows = sorted(
        (row for kind in passes.kinds for row in passes.parking.of(kind)), key=lambda row: row.since
    )
    shown = tuple(
        ParkedRecord(
            entity=row.entity,
            key=row.key,
            stage=row.stage,
            reason=row.reason,
            since=row.since,
            tries=row.tries,
            next_try=row.next_try,
        )
        for row in rows[:limit]
    )
    return ParkedRecords(total=len(rows), rows=shown)


@router.post("/parked/retry", status_code=202)
async def retry(principal: CallingPrincipal, request: Request) -> ParkedRecords:
    """Try rows that were set aside again at once."""
    require(principal, Role.ADMIN)
    passes: Passes = request.state.passes
    count = len(passes.parking)
    await record_asked(request.state.database, RetrievalEvent.PARKED_RETRIED, principal, rows=count)
    passes.parking.hasten()
    return ParkedRecords(total=count, rows=())


@router.post("/resolve")
async def resolve(decided: Resolve, principal: CallingPrincipal, request: Request) -> Resolved:
    """Delete what waits for a word, or keep it."""
    require(principal, Role.ADMIN)
    passes: Passes = request.state.passes
    if decided.entity not in passes.kinds:
        raise BadInput(f"The map has no “{decided.entity}”; it has {', '.join(passes.kinds)}.")
    await record_asked(
        request.state.database,
        RetrievalEvent.SYNC_RESOLVED,
        principal,
        entity=decided.entity,
        allow_deletes=decided.allow_deletes,
        held=passes.brake.held(decided.entity),
        kept=passes.brake.kept(decided.entity),
    )
    rows = await passes.resolve(decided.entity, allow_deletes=decided.allow_deletes)
    follower: Follower = request.state.follower
    await follower.save()
    return Resolved(entity=decided.entity, rows=rows, deleted=decided.allow_deletes)


@router.post("/verify", status_code=202)
async def verify(asked: VerifyQuestion, principal: CallingPrincipal, request: Request) -> VerifyReport:
    """Begin to compare every row, point and right with the CRM."""
    require(principal, Role.ADMIN)
    verifier: Verifier = request.state.verifier
    if not verifier.running:
        await record_asked(
            request.state.database, RetrievalEvent.SYNC_VERIFIED, principal, dry_run=asked.dry_run
        )
        verifier.ask(dry_run=asked.dry_run)
    return verifier.report()


@router.get("/verify")
async def verified(principal: CallingPrincipal, request: Request) -> VerifyReport:
    """Tell how far that is, and what it found."""
    require(principal, Role.ADMIN)
    verifier: Verifier = request.state.verifier
    return verifier.report()


@router.post("/rebuild", status_code=202)
async def rebuild(principal: CallingPrincipal, request: Request) -> RebuildState:
    """Begin a new generation of the index beside the one that is asked."""
    require(principal, Role.ADMIN)
    rebuilder: Rebuilder = request.state.rebuilder
    if not rebuilder.asked:
        await record_asked(request.state.database, RetrievalEvent.SYNC_REBUILT, principal)
        rebuilder.ask()
    return await rebuilder.state()


@router.get("/rebuild")
async def rebuilding(principal: CallingPrincipal, request: Request) -> RebuildState:
    """Tell how far that is."""
    require(principal, Role.ADMIN)
    rebuilder: Rebuilder = request.state.rebuilder
    return await rebuilder.state()


async def _status(request: Request) -> SyncStatus:
    follower: Follower = request.state.follower
    status = await follower.status()
    return status.model_copy(update={"filling": not request.state.filler.idle.is_set()})
