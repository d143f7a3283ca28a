"""The record verified for an auditor, and what they verify it with elsewhere: the keys and the verifier."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from assistant.session import SignedIn
from assistant.state import WebConfiguration, WebDatabase
from gateway import (
    CloisterError,
    Database,
    PartUnavailable,
    Principal,
    Role,
    UnitOfWork,
    Verification,
    VerifierKey,
    record,
    record_keys,
    require,
    verifier_source,
    with_their_ends,
)

from .events import AuditReading
from .verifying import Progress, verify_beside

LINES: Final = "application/x-ndjson"
router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


@dataclass(frozen=True)
class Checked:
    """What a verification found, with which keys, oldest first, and in how many seconds."""

    found: Verification
    keys: Sequence[str]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        told = {"keys": list(self.keys), "seconds": self.seconds}
        return {**vars(self.found), "holds": self.found.holds, **told}


async def verifying(
    database: Database, principal: Principal, settings: WebConfiguration, turn: asyncio.Lock
) -> AsyncGenerator[Progress | Checked, None]:
    """Check the whole record, say how far that is, and record that it was before saying what came."""
    require(principal, Role.AUDITOR)
    keys, begun = record_keys_of(settings), monotonic()
    async with aclosing(verify_beside(settings.database, keys, settings.anchors.folder, turn)) as told:
        async for one in told:
            if isinstance(one, Progress):
                yield one
                continue
            async with database.transaction() as session:
                record(
                    session,
                    AuditReading.VERIFIED,
                    principal,
                    sealed=one.sealed,
                    unsealed=one.unsealed,
                    checkpoints=one.checkpoints,
                    anchors=one.anchors,
                    erased=one.erased,
                    faults=len(one.faults),
                    keys=[f"{key.name}+{key.id.hex()}" for key in keys],
                )
            yield Checked(one, tuple(map(str, keys)), round(monotonic() - begun, 1))


@router.post("/verify", response_model=None)
async def verify_now(
    principal: SignedIn,
    database: WebDatabase,
    settings: WebConfiguration,
    request: Request,
) -> dict[str, Any] | StreamingResponse:
    """Check signatures, chain and anchors; to whoever accepts JSON Lines it says how far it is meanwhile."""
    require(principal, Role.AUDITOR)
    told = verifying(database, principal, settings, request.state.verifying)
    if wants_lines(request):
        return StreamingResponse(lines_of(told, Checked.as_json), media_type=LINES)
    async with aclosing(told):
        async for one in told:
            if isinstance(one, Checked):
                return one.as_json()
    raise PartUnavailable("record", "The verification broke off. Try again.")


def wants_lines(request: Request) -> bool:
    """Whether somebody wants to be told meanwhile."""
    return LINES in request.headers.get("accept", "")


async def lines_of(
    told: AsyncGenerator[Progress | Checked, None], write: Callable[[Checked], dict[str, Any]]
) -> AsyncIterator[str]:
    """A line for each progress, and one for the end: `found`, or the `problem`."""
    try:
        async with aclosing(told):
            async for one in told:
                line = asdict(one) if isinstance(one, Progress) else {"found": write(one)}
                yield json.dumps(line) + "\n"
    except CloisterError as error:
        yield json.dumps({"problem": error.sentence}) + "\n"


def record_keys_of(settings: WebConfiguration) -> Sequence[VerifierKey]:
    """The keys that sign and have signed checkpoints, the oldest first."""
    anchors = settings.anchors
    return record_keys(anchors.origin, anchors.public_key_file, anchors.earlier_key_files)


@router.get("/key")
async def key(principal: SignedIn, session: UnitOfWork, settings: WebConfiguration) -> PlainTextResponse:
    """Give the log's verifier key, for whoever checks exports elsewhere; of several the oldest first.

    After a key that another has followed stands up to which size it signed.
    """
    require(principal, Role.AUDITOR)
    keys = await with_their_ends(session, record_keys_of(settings))
    headers = {"Content-Disposition": 'inline; filename="record.key"'}
    return PlainTextResponse("".join(f"{each}\n" for each in keys), headers=headers)


@router.get("/verifier")
async def verifier(principal: SignedIn) -> PlainTextResponse:
    """Give the stand-alone verifier: one file for whoever checks exports elsewhere."""
    require(principal, Role.AUDITOR)
    headers = {"Content-Disposition": 'attachment; filename="verify_record.py"'}
    return PlainTextResponse(verifier_source(), headers=headers)
