"""The record for the auditor: a timeline, an export, and verification. Reading it is recorded."""

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from assistant.session import SignedIn
from assistant.state import WebConfiguration, WebDatabase
from gateway import (
    Account,
    AuditRow,
    AuditSeal,
    BadInput,
    Database,
    HoldScope,
    Role,
    UnitOfWork,
    VerifierKey,
    as_code,
    export_record,
    held_now,
    keep_still,
    lift_hold,
    list_holds,
    place_hold,
    prove_event,
    record,
    require,
    span_between,
)

from .events import AuditReading
from .verification import record_keys_of

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
_PAGE = 100
_EXPORT_PAGE = 1_000
_COLUMNS = (
    *("sequence", "at", "event", "actor", "roles", "origin", "conversation", "run", "subject", "detail"),
    *("correlation", "id", "erased_at", "leaf"),
)
LINES = "application/x-ndjson"


@dataclass(frozen=True)
class Filters:
    """What to show: exact actor and record, an event's name or its beginning, a span of time; and by `except`
    names or beginnings of events to leave out."""

    actor: str = ""
    event: str = ""
    record: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""
    without: Annotated[tuple[str, ...], Query(alias="except", max_length=20)] = ()


Entry = tuple[AuditRow, int | None, bytes | None]


async def account_of(session: AsyncSession, actor: str) -> str:
    """The record names accounts by id; a person may write the sign-in name."""
    found = await session.exec(select(Account.id).where(col(Account.login) == actor.strip()))
    identity = found.first()
    return str(identity) if identity else actor.strip()


async def timeline(session: AsyncSession, filters: Filters, limit: int = _PAGE) -> Sequence[Entry]:
    """Events with their sequence and leaf (None until sealed), newest first; `before` is `TIME|ID`."""
    found = (
        select(AuditRow, AuditSeal.sequence, AuditSeal.leaf)
        .join(AuditSeal, col(AuditSeal.event_id) == col(AuditRow.id), isouter=True)
        .where(*_matching(filters))
        .order_by(col(AuditRow.at).desc(), col(AuditRow.id).desc())
        .limit(limit)
    )
    return [(row, sequence, leaf) for row, sequence, leaf in await session.exec(found)]


def _matching(filters: Filters) -> list[ColumnElement[bool]]:
    event, at = col(AuditRow.event), col(AuditRow.at)
    found = [~event.startswith(name, autoescape=True) for name in filters.without if name]
    if filters.actor:
        found.append(col(AuditRow.actor) == filters.actor)
    if filters.event:
        found.append(event.startswith(filters.event, autoescape=True))
    if filters.record:
        about = col(AuditRow.subject), col(AuditRow.run), col(AuditRow.conversation)
        found.append(or_(*(column == filters.record for column in about)))
    if filters.since:
        found.append(at >= filters.since)
    if filters.until:
        found.append(at < filters.until)
    if filters.before:
        moment, identity = _position(filters.before)
        found.append((at < moment) | ((at == moment) & (col(AuditRow.id) < identity)))
    return found


def position_after(entries: Sequence[Entry], limit: int = _PAGE) -> str | None:
    """Where the next page begins, None at the end."""
    if len(entries) < limit:
        return None
    row = entries[-1][0]
    return f"{row.at.isoformat()}|{row.id}" if row.at else None


def entry_json(entry: Entry) -> dict[str, Any]:
    """One event as JSON."""
    row, sequence, leaf = entry
    return {
        "id": str(row.id),
        "sequence": sequence,
        "at": row.at.isoformat() if row.at else None,
        "event": row.event,
        "actor": row.actor,
        "roles": row.roles,
        "conversation": row.conversation,
        "run": row.run,
        "subject": row.subject,
        "detail": row.detail,
        "correlation": row.correlation,
        "origin": row.origin,
        "erased_at": row.erased_at.isoformat() if row.erased_at else None,
        "leaf": leaf.hex() if leaf else None,
    }


@router.get("")
async def read(
    principal: SignedIn, session: UnitOfWork, filters: Annotated[Filters, Depends()]
) -> dict[str, Any]:
    """A page of the timeline, newest first."""
    require(principal, Role.AUDITOR)
    entries = await timeline(session, filters)
    record(session, AuditReading.READ, principal, entries=len(entries))
    return {"entries": [entry_json(entry) for entry in entries], "before": position_after(entries)}


@router.get("/export")
async def export(
    principal: SignedIn,
    session: UnitOfWork,
    database: WebDatabase,
    filters: Annotated[Filters, Depends()],
    settings: WebConfiguration,
    form: Literal["jsonl", "csv", "native", "ocsf"] = "jsonl",
) -> StreamingResponse:
    """Every matching event as JSON Lines or CSV, newest first; or the record itself, for others to verify.

    `native` (which the stand-alone verifier checks) and `ocsf` (for a SIEM) go by time alone, oldest first.
    """
    require(principal, Role.AUDITOR)
    whole = form in ("native", "ocsf")
    if whole and any((filters.actor, filters.event, filters.record, filters.before, filters.without)):
        raise BadInput("This form goes by time alone: `since` and `until`.")
    taken = await _taken(session, filters, form)
    record(session, AuditReading.EXPORTED, principal, form=form, **taken)
    kind = "text/csv" if form == "csv" else "application/x-ndjson"
    name = f"cloister-audit.{'csv' if form == 'csv' else 'jsonl'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "native":
        async with database.transaction() as reading:
            await keep_still(reading)  # a refusal is to be said before the answer has begun
    if whole:
        lines = _record(
            database, record_keys_of(settings)[-1], filters, "native" if form == "native" else "ocsf"
        )
    else:
        lines = _pages(database, filters, _jsonl if form == "jsonl" else _csv)
    return StreamingResponse(lines, media_type=kind, headers=headers)


@router.get("/proofs/{event}")
async def proof(
    event: uuid.UUID | Annotated[int, Field(ge=1)], principal: SignedIn, session: UnitOfWork
) -> PlainTextResponse:
    """Prove that an event, by its id or its number, is in the record, as a C2SP tlog-proof."""
    require(principal, Role.AUDITOR)
    record(session, AuditReading.PROVEN, principal, subject=str(event))
    return PlainTextResponse(await prove_event(session, str(event)))


class AskedHold(BaseModel):
    """What to hold, and for which case."""

    scope: HoldScope
    value: str = ""
    reason: str
    ahead: bool = False


@router.get("/holds")
async def holds(principal: SignedIn, session: UnitOfWork) -> list[dict[str, Any]]:
    """List legal holds, the newest first."""
    require(principal, Role.AUDITOR)
    return [hold.model_dump(mode="json") for hold in await list_holds(session)]


@router.post("/holds", status_code=201)
async def hold(asked: AskedHold, principal: SignedIn, session: UnitOfWork) -> dict[str, Any]:
    """Keep events from being erased; `matches` says how many there are now."""
    require(principal, Role.AUDITOR)
    is_actor = asked.scope is HoldScope.ACTOR
    value = await account_of(session, asked.value) if is_actor else asked.value
    placed = await place_hold(session, principal, asked.scope, value, asked.reason, ahead=asked.ahead)
    return {**placed.model_dump(mode="json"), "matches": await held_now(session, placed)}


@router.delete("/holds/{hold}", status_code=204)
async def lift(hold: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> None:
    """Lift a legal hold."""
    require(principal, Role.AUDITOR)
    await lift_hold(session, principal, hold)


async def _taken(session: AsyncSession, filters: Filters, form: str) -> dict[str, Any]:
    """What the record keeps of an export: of which time, by which filters, how many entries there are now.

    Whom or what it is about is told by an id; what may be a name, by its hash.
    """
    told: dict[str, object] = {
        "since": filters.since and filters.since.isoformat(),
        "until": filters.until and filters.until.isoformat(),
        "event": as_code(filters.event),
        "except": [as_code(name) for name in filters.without if name],
        "actor": _id_or_hash(filters.actor),
        "record": _id_or_hash(filters.record),
    }
    asked = {name: value for name, value in told.items() if value}
    if form in ("native", "ocsf"):
        span = await span_between(session, filters.since, filters.until, covered=form == "native")
        return {"filters": asked, "entries": span.last - span.first + 1, **vars(span)}
    matching = select(func.count()).select_from(AuditRow).where(*_matching(filters))
    return {"filters": asked, "entries": (await session.exec(matching)).one()}


def _id_or_hash(value: str) -> str:
    try:
        return str(uuid.UUID(value)) if value else ""
    except ValueError:
        return f"sha256:{sha256(value.encode()).hexdigest()}"


async def _record(
    database: Database, key: VerifierKey, filters: Filters, form: Literal["native", "ocsf"]
) -> AsyncIterator[str]:
    """The record in runs of lines, each large enough to be worth sending."""
    async with database.transaction() as session:
        waiting: list[str] = []
        async for line in export_record(session, key, since=filters.since, until=filters.until, form=form):
            waiting.append(line)
            if len(waiting) == _EXPORT_PAGE:
                yield "".join(waiting)
                waiting.clear()
        yield "".join(waiting)


async def _pages(database: Any, filters: Filters, write: Any) -> AsyncIterator[str]:
    before, first = filters.before, True
    while True:
        async with database.transaction() as session:
            entries = await timeline(session, replace(filters, before=before), _EXPORT_PAGE)
        yield write([entry_json(entry) for entry in entries], first)
        after = position_after(entries, _EXPORT_PAGE)
        if after is None:
            return
        before, first = after, False


def _jsonl(entries: Sequence[dict[str, Any]], _first: bool) -> str:
    return "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)


def _csv(entries: Sequence[dict[str, Any]], first: bool) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    if first:
        writer.writerow(_COLUMNS)
    for entry in entries:
        row = {**entry, "roles": " ".join(entry["roles"]), "detail": json.dumps(entry["detail"])}
        writer.writerow([_harmless(row[column]) for column in _COLUMNS])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet must not take a cell for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t"} else cell


def _position(before: str) -> tuple[datetime, str]:
    at, _, identity = before.partition("|")
    try:
        return datetime.fromisoformat(at), identity
    except ValueError as error:
        raise BadInput("The page's position cannot be read.") from error
