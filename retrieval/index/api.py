"""The HTTP face of the index, for administrators; it holds no content."""

from fastapi import APIRouter, Request

from gateway import CallingPrincipal, Principal, Role, require
from retrieval.search.events import RetrievalEvent, record_asked

from .keeping import Keeping
from .values import IndexState, RestoreQuestion

router = APIRouter(prefix="/v1/index")


@router.get("")
async def status(principal: CallingPrincipal, request: Request) -> IndexState:
    """Tell how large the index is, and what is being done to it."""
    require(principal, Role.ADMIN)
    return await _keeping(request).state()


@router.post("/optimise", status_code=202)
async def optimise(principal: CallingPrincipal, request: Request) -> IndexState:
    """Begin to build anew what makes searching quick, beside the running searches."""
    keeping = await _asked(request, principal, "optimise")
    keeping.optimise()
    return await keeping.state()


@router.post("/backup", status_code=202)
async def backup(principal: CallingPrincipal, request: Request) -> IndexState:
    """Begin to write the index into a file."""
    keeping = await _asked(request, principal, "backup")
    keeping.backup()
    return await keeping.state()


@router.post("/restore", status_code=202)
async def restore(wanted: RestoreQuestion, principal: CallingPrincipal, request: Request) -> IndexState:
    """Begin to take a backup in place of the index, beside the running searches."""
    require(principal, Role.ADMIN)
    _keeping(request).check_backup(wanted.name)
    keeping = await _asked(request, principal, "restore", backup=wanted.name)
    keeping.restore(wanted.name)
    return await keeping.state()


async def _asked(request: Request, principal: Principal, what: str, **detail: str) -> Keeping:
    """What does it, once it is recorded that somebody who may asked for it and nothing else is being done."""
    require(principal, Role.ADMIN)
    keeping = _keeping(request)
    keeping.check_idle()
    await record_asked(request.state.database, RetrievalEvent.INDEX_KEPT, principal, asked=what, **detail)
    return keeping


def _keeping(request: Request) -> Keeping:
    keeping: Keeping = request.state.keeping
    return keeping
