"""The HTTP face of the index, for administrators; it holds no content."""

from fastapi import APIRouter, Request

from gateway import CallingPrincipal, Role, UnitOfWork, record, require
from retrieval.search.events import RetrievalEvent

from .keeping import Keeping
from .values import IndexState, RestoreQuestion

router = APIRouter(prefix="/v1/index")


@router.get("")
async def status(principal: CallingPrincipal, request: Request) -> IndexState:
    """Tell how large the index is, and what is being done to it."""
    require(principal, Role.ADMIN)
    return await _keeping(request).state()


@router.post("/optimise", status_code=202)
async def optimise(principal: CallingPrincipal, request: Request, session: UnitOfWork) -> IndexState:
    """Begin to build anew what makes searching quick, beside the running searches."""
    require(principal, Role.ADMIN)
    _keeping(request).optimise()
    record(session, RetrievalEvent.INDEX_KEPT, principal, done="optimise")
    return await _keeping(request).state()


@router.post("/backup", status_code=202)
async def backup(principal: CallingPrincipal, request: Request, session: UnitOfWork) -> IndexState:
    """Begin to write the index into a file."""
    require(principal, Role.ADMIN)
    _keeping(request).backup()
    record(session, RetrievalEvent.INDEX_KEPT, principal, done="backup")
    return await _keeping(request).state()


@router.post("/restore", status_code=202)
async def restore(
    asked: RestoreQuestion, principal: CallingPrincipal, request: Request, session: UnitOfWork
) -> IndexState:
    """Begin to take a backup in place of the index, beside the running searches."""
    require(principal, Role.ADMIN)
    _keeping(request).restore(asked.name)
    record(session, RetrievalEvent.INDEX_KEPT, principal, done="restore", backup=asked.name)
    return await _keeping(request).state()


def _keeping(request: Request) -> Keeping:
    keeping: Keeping = request.state.keeping
    return keeping
