"""One answer for the auditor: its timeline, and its question asked again. Both are recorded."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from assistant.runs.replaying import replay_run
from assistant.session import SignedIn
from assistant.state import AnswerPolicy, Door, WebDatabase
from gateway import (
    FoundRun,
    Principal,
    Role,
    RunTimeline,
    UnitOfWork,
    find_runs,
    record,
    require,
    run_timeline,
)

from .events import AuditReading

router = APIRouter(prefix="/api/v1/audit/runs", tags=["audit"])


async def read_timeline(session: AsyncSession, principal: Principal, run: uuid.UUID) -> RunTimeline:
    """A run's timeline, read by an auditor and recorded."""
    require(principal, Role.AUDITOR)
    found = await run_timeline(session, run)
    record(
        session,
        AuditReading.READ,
        principal,
        conversation=found.conversation,
        run=run,
        entries=len(found.steps),
    )
    return found


async def runs_of_id(session: AsyncSession, principal: Principal, wanted: str) -> list[FoundRun]:
    """The runs that an id of a run, an item or a conversation is of."""
    require(principal, Role.AUDITOR)
    found = list(await find_runs(session, wanted))
    record(session, AuditReading.READ, principal, entries=len(found))
    return found


@router.get("")
async def list_runs(
    principal: SignedIn, session: UnitOfWork, of: Annotated[uuid.UUID, Query()]
) -> list[dict[str, Any]]:
    """List the runs that an id is of: a run, a held item or a conversation."""
    return [{**vars(run), "at": run.at.isoformat()} for run in await runs_of_id(session, principal, str(of))]


@router.get("/{run}")
async def timeline(run: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> dict[str, Any]:
    """Tell what happened to one answer, with the versions that were in force."""
    return (await read_timeline(session, principal, run)).as_json()


class AskedReplay(BaseModel):
    """Which draft, the last without a number; and whether another version of the model may answer."""

    attempt: int | None = Field(None, ge=1)
    other_version: bool = False


@router.post("/{run}/replay")
async def replay(
    run: uuid.UUID,
    asked: AskedReplay,
    principal: SignedIn,
    database: WebDatabase,
    door: Door,
    policy: AnswerPolicy,
) -> dict[str, Any]:
    """Ask the question of a run again and tell what is different; everything in it is tokens."""
    done = await replay_run(
        database, door, policy, principal, run, attempt=asked.attempt, other_version=asked.other_version
    )
    return done.as_json()
