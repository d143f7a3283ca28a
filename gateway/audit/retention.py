"""Retention: the content of events goes when its class's time is over; that they were there stays provable.

The leaf of an event is a hash of it with a random salt. Content and salt go together: the tree and every
checkpoint still verify, and nothing can be found again by trying out what has the hash. The database voids
events in a function of the owner's, which records when, of which class, and by a hash which: the verifier
sees that these are void, and no others.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from pydantic import Field
from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.errors import BadInput, NotFound
from gateway.principal import Principal
from gateway.settings import Settings
from gateway.telemetry import log

from .events import GatewayEvent, record, registered_events
from .stillness import stop_erasing
from .tables import AuditHold, AuditRow

LEAST_DAYS: Final = 7
"""Nothing goes sooner; `gateway.erase_events` refuses it too."""
_BATCH: Final = 5_000
_KEPT: Final = "audit"
_ERASE: Final = text("SELECT gateway.erase_events(:kind, CAST(:subjects AS text[]), :days, :batch)")
_TOLD: Final = text(
    "SELECT subject, min(detail ->> 'held') FILTER (WHERE event = 'audit.hold_placed') AS held,"
    " min(detail ->> 'reason_sha256') FILTER (WHERE event = 'audit.hold_placed') AS reason,"
    " bool_or(event = 'audit.hold_lifted') AS lifted FROM gateway.audit_event"
    " WHERE event IN ('audit.hold_placed', 'audit.hold_lifted') GROUP BY subject"
)


class RecordClass(StrEnum):
    """What events are about, by which they are kept; those of the record itself are kept for ever."""

    ACCESS = "access"
    ANSWERS = "answers"
    APPROVALS = "approvals"
    OPERATION = "operation"


CLASS_OF_SUBJECT: Final[Mapping[str, RecordClass]] = {
    "session": RecordClass.ACCESS,
    "account": RecordClass.ACCESS,
    "token": RecordClass.ACCESS,
    "rights": RecordClass.ACCESS,
    "run": RecordClass.ANSWERS,
    "text": RecordClass.ANSWERS,
    "model": RecordClass.ANSWERS,
    "records": RecordClass.ANSWERS,
    "reveal": RecordClass.ANSWERS,
    "item": RecordClass.APPROVALS,
    "queue": RecordClass.APPROVALS,
    "absence": RecordClass.APPROVALS,
    "rule": RecordClass.APPROVALS,
}


class HoldScope(StrEnum):
    """Which events a legal hold keeps: those with this value, or all."""

    ACTOR = "actor"
    SUBJECT = "subject"
    CONVERSATION = "conversation"
    RUN = "run"
    ALL = "all"


_HELD: Final = {
    HoldScope.ACTOR: col(AuditRow.actor),
    HoldScope.SUBJECT: col(AuditRow.subject),
    HoldScope.CONVERSATION: col(AuditRow.conversation),
    HoldScope.RUN: col(AuditRow.run),
}


class RetentionSettings(Settings):
    """Days that the content of each class of events is kept; for ever where there is no number."""

    access_days: int | None = Field(None, ge=LEAST_DAYS)
    answers_days: int | None = Field(None, ge=LEAST_DAYS)
    approvals_days: int | None = Field(None, ge=LEAST_DAYS)
    operation_days: int | None = Field(None, ge=LEAST_DAYS)

    def days(self, kind: RecordClass) -> int | None:
        """How long a class is kept."""
        days: int | None = getattr(self, f"{kind}_days")
        return days


def class_of(event: str) -> RecordClass | None:
    """An event's class, None for one that is kept for ever."""
    subject = event.partition(".")[0]
    return None if subject == _KEPT else CLASS_OF_SUBJECT.get(subject, RecordClass.OPERATION)


class Retention:
    """Voids events whose time is over. Any number of processes may do it."""

    def __init__(self, database: Database, settings: RetentionSettings) -> None:
        self._database = database
        self._settings = settings

    async def erase_due(self) -> int:
        """Void what is due and under no hold; gives how many events. While the record is read it waits."""
        total = 0
        for kind in RecordClass:
            days = self._settings.days(kind)
            if days is not None:
                total += await self._erase(kind, days)
        return total

    async def _erase(self, kind: RecordClass, days: int) -> int:
        subjects = sorted({name.partition(".")[0] for name in registered_events() if class_of(name) is kind})
        due = {"kind": kind.value, "subjects": subjects, "days": days, "batch": _BATCH}
        total, last = 0, _BATCH
        while last == _BATCH:
            async with self._database.transaction() as session:
                done = (await (await session.connection()).execute(_ERASE, due)).scalar_one()
            if done is None:
                log.info("audit.retention_waits", kind=kind.value)  # somebody verifies or exports the record
            last = done or 0
            total += last
        return total


async def place_hold(
    session: AsyncSession,
    principal: Principal,
    scope: HoldScope,
    value: str,
    reason: str,
    *,
    ahead: bool = False,
) -> AuditHold:
    """Keep events from being voided, until it is lifted. `reason` is a case's number or name.

    An actor with an account is named by its id. Raises `BadInput` for a value that no event has, unless it is
    said that the hold is placed `ahead` of what it will keep. Waits for an erasure that is under way: what a
    hold matches from then on stays.
    """
    await stop_erasing(session)
    if (scope is HoldScope.ALL) is bool(value):
        raise BadInput("A hold names whom or what it is about; only one on everything does not.")
    is_written = reason.strip() and reason.isprintable() and value.isprintable()
    if not is_written or len(reason) > 100 or len(value) > 200:
        raise BadInput("A hold needs a reason, such as a case's number: 100 characters at most.")
    hold = AuditHold(scope=scope, value=value or None, reason=reason, placed_by=principal.id)
    if not ahead and value and not await held_now(session, hold):
        raise BadInput(
            f"No event of the record has this {scope}, so the hold would keep nothing. It can be placed "
            "ahead of such events (`ahead`)."
        )
    session.add(hold)
    await session.flush()
    record(
        session,
        GatewayEvent.HOLD_PLACED,
        principal,
        subject=str(hold.id),
        scope=scope,
        reason_sha256=_hash(hold.id, reason),
        held=_hash(hold.id, scope, value),
    )
    return hold


async def held_now(session: AsyncSession, hold: AuditHold) -> int:
    """How many events a hold's value matches at this moment, whose content is there still."""
    matching = select(func.count()).select_from(AuditRow).where(col(AuditRow.erased_at).is_(None))
    if hold.scope != HoldScope.ALL:
        matching = matching.where(_HELD[HoldScope(hold.scope)] == hold.value)
    return (await session.exec(matching)).one()


def _hash(hold_id: uuid.UUID, *told: str) -> str:
    """What the record keeps of a hold's reason, and of its scope with whom or what it is about: SHA-256 over
    its id and these, a line each."""
    return sha256("\n".join((str(hold_id), *told)).encode()).hexdigest()


async def bent_holds(session: AsyncSession) -> list[str]:
    """A sentence for each hold that does not stand as the record says that it was placed, or lifted."""
    connection = await session.connection()
    told = {row.subject: row for row in await connection.execute(_TOLD)}
    faults = []
    for hold in await list_holds(session):
        said = told.pop(str(hold.id), None)
        placed = _hash(hold.id, hold.scope, hold.value or ""), _hash(hold.id, hold.reason)
        if said is None or (said.held, said.reason) != placed:
            faults.append(f"the hold {hold.id} is not what the record says was placed")
        elif said.lifted is not (hold.lifted_at is not None):
            state = "lifted" if hold.lifted_at else "standing"
            faults.append(f"the hold {hold.id} is {state}, and the record says otherwise")
    return [*faults, *(f"the hold {gone} was placed and is not there" for gone in told)]


async def lift_hold(session: AsyncSession, principal: Principal, hold_id: uuid.UUID) -> AuditHold:
    """Lift a hold. Raises `NotFound` for one that does not stand."""
    standing = select(AuditHold).where(AuditHold.id == hold_id, col(AuditHold.lifted_at).is_(None))
    hold = (await session.exec(standing.with_for_update())).first()
    if hold is None:
        raise NotFound("No such hold stands.")
    hold.lifted_at, hold.lifted_by = datetime.now(UTC), principal.id
    session.add(hold)
    record(session, GatewayEvent.HOLD_LIFTED, principal, subject=str(hold_id))
    return hold


async def list_holds(session: AsyncSession) -> Sequence[AuditHold]:
    """Every hold, the newest first."""
    return (await session.exec(select(AuditHold).order_by(col(AuditHold.placed_at).desc()))).all()
