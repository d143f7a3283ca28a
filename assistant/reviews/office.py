"""Who reviews what, and when, and what they are told, over HTTP: queues, absences, notices."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from approvals import (
    QueuePlans,
    check_rules,
    configure_queues,
    end_absence,
    mark_seen,
    notices_for,
    plan_of,
    queue_names,
    queue_plans,
    queues_short_of_two,
    set_absence,
    unknown_facts,
)
from assistant.session import SignedIn
from assistant.state import AnswerPolicy, Retrieval
from gateway import (
    BadInput,
    NotFound,
    PartUnavailable,
    Principal,
    Role,
    UnitOfWork,
    principal_of_account,
    require,
)
from retrieval import RetrievalClient

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])


class Seeing(BaseModel):
    """Notices that the caller has seen."""

    model_config = ConfigDict(extra="forbid")
    ids: list[uuid.UUID] = Field(min_length=1, max_length=200)


class BeingAway(BaseModel):
    """When the caller is away, and the login of who stands in."""

    model_config = ConfigDict(extra="forbid")
    starts: AwareDatetime
    ends: AwareDatetime
    cover: str | None = Field(None, max_length=200)


class PageNotice(BaseModel):
    """Something to look at; no content."""

    id: uuid.UUID
    item: uuid.UUID
    event: str
    at: datetime | None


class QueueTitle(BaseModel):
    """A queue's name and what people call it; `alone` where not two persons could agree on anything.

    By its `unknown_facts` it takes nothing: no record has them. None where nobody could say, because record
    search is away.
    """

    name: str
    title: str
    alone: bool = False
    unknown_facts: list[str] | None = []


@router.get("/notices")
async def notices(principal: SignedIn, session: UnitOfWork) -> list[PageNotice]:
    """List what the caller has not seen yet."""
    found = await notices_for(session, principal)
    return [PageNotice(id=one.id, item=one.item, event=one.event, at=one.at) for one in found]


@router.post("/notices/seen")
async def notices_seen(seeing: Seeing, principal: SignedIn, session: UnitOfWork) -> dict[str, int]:
    """Say which notices were seen; others' are left alone."""
    return {"seen": await mark_seen(session, principal, seeing.ids)}


@router.get("/queues")
async def queues(principal: SignedIn, session: UnitOfWork, retrieval: Retrieval) -> list[QueueTitle]:
    """Name the queues, and what is amiss with them."""
    require(principal, Role.OFFICER, Role.ADMIN)
    named = await _titles(session)
    wanted = {one.name: (await plan_of(session, one.name)).facts for one in named}
    await session.commit()  # nothing was written, and record search may be slow
    return _with_unknown(named, await _unknown_facts(retrieval, principal, wanted))


@router.get("/queues/plans")
async def described_queues(principal: SignedIn, session: UnitOfWork) -> dict[str, Any]:
    """Describe the queues as they can be put in place again; what is as usual is left out."""
    return (await queue_plans(session, principal)).model_dump(mode="json", exclude_defaults=True)


@router.put("/queues")
async def set_queues(
    plans: QueuePlans, principal: SignedIn, session: UnitOfWork, policy: AnswerPolicy, retrieval: Retrieval
) -> list[QueueTitle]:
    """Put these queues, with their rules and members, in place of those that are there."""
    require(principal, Role.ADMIN)
    check_rules(plans, policy)
    wanted = {queue.name: queue.facts for queue in plans.queues}
    unknown = await _unknown_facts(retrieval, principal, wanted)  # before anything is written: it may be slow
    await configure_queues(session, principal, plans)
    return _with_unknown(await _titles(session), unknown)


@router.post("/absences")
async def be_away(away: BeingAway, principal: SignedIn, session: UnitOfWork) -> dict[str, str]:
    """Say when the caller is away, and who stands in for them."""
    require(principal, Role.OFFICER)
    cover = await colleague(session, away.cover) if away.cover else None
    absence = await set_absence(session, principal, starts=away.starts, ends=away.ends, cover=cover)
    return {"id": str(absence.id)}


@router.post("/absences/{absence_id}/end")
async def be_back(absence_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> dict[str, str]:
    """End the caller's absence: nobody stands in for them any more."""
    absence = await end_absence(session, principal, absence_id)
    return {"id": str(absence.id), "ends": absence.ends.isoformat()}


async def colleague(session: UnitOfWork, login: str) -> str:
    """The account of a colleague by login. Raises `BadInput`."""
    try:
        return (await principal_of_account(session, login=login)).id
    except NotFound as error:
        raise BadInput("There is no such colleague.") from error


async def _unknown_facts(
    retrieval: RetrievalClient, principal: Principal, wanted: Mapping[str, Collection[str]]
) -> Mapping[str, list[str] | None]:
    """Of each queue that takes items by facts, those that no record has; None where nobody can say."""
    if not any(wanted.values()):
        return {}
    try:
        known = await retrieval.fact_labels(principal)
    except (PartUnavailable, NotFound):  # away, or of the release before
        return {name: None for name, facts in wanted.items() if facts}
    return {name: unknown_facts(facts, known) for name, facts in wanted.items()}


async def _titles(session: UnitOfWork) -> list[QueueTitle]:
    short = await queues_short_of_two(session)
    return [
        QueueTitle(name=name, title=title, alone=name in short)
        for name, title in (await queue_names(session)).items()
    ]


def _with_unknown(named: list[QueueTitle], unknown: Mapping[str, list[str] | None]) -> list[QueueTitle]:
    return [one.model_copy(update={"unknown_facts": unknown.get(one.name, [])}) for one in named]
