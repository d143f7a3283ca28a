"""What happened to one answer, from the question to what was shown, with the versions that were in force."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import NotFound
from gateway.telemetry import correlation_id

from .chain import COLUMNS
from .people import ids_in, logins_of
from .steps import Line, Phase, TimelineStep, own_steps, phases_of, step_names

_VERSIONS: Final[Mapping[str, frozenset[str]]] = {
    "policy": frozenset({"run.weighed", "item.held", "item.held_again"}),
    "model": frozenset({"model.called"}),
    "served": frozenset({"model.answered"}),
    "deployment": frozenset({"model.called", "model.answered"}),
    "prompt": frozenset({"run.weighed"}),
    "masking": frozenset({"text.redacted", "model.called"}),
    "identities": frozenset({"text.redacted", "model.called"}),
    "map": frozenset({"records.searched"}),
    "index": frozenset({"records.searched"}),
}
"""Versions by the detail that names them, and the events that do."""
_NAMED_BY: Final[Mapping[str, str]] = {
    "policy": "run.weighed",
    "prompt": "run.weighed",
    "masking": "text.redacted",
    "map": "records.searched",
    "index": "records.searched",
}
_FIELDS: Final = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_EVENTS: Final = text(
    f"SELECT s.sequence, s.leaf, s.sealed_at, a.login, {_FIELDS}"  # noqa: S608 - constants
    " FROM gateway.audit_event e"
    " LEFT JOIN gateway.audit_seal s ON s.event_id = e.id"
    " LEFT JOIN gateway.account a ON a.id::text = e.actor"
    " WHERE e.run = :run OR (e.run IS NULL AND e.correlation = ANY(:correlations)"
    " AND (e.conversation IS NULL OR e.conversation = :conversation))"
    " ORDER BY e.at, e.id"
)
_OF_RUN: Final = text(
    "SELECT array_agg(DISTINCT correlation) AS correlations, min(conversation) AS conversation"
    " FROM gateway.audit_event WHERE run = :run"
)
_SIGNED: Final = text("SELECT coalesce(max(sequence), 0) FROM gateway.audit_checkpoint")
_BY_ID: Final = " OR ".join(f"{column} = :id" for column in ("run", "subject"))
_RUNS: Final = (
    "SELECT run, min(at) AS at, min(conversation) AS conversation, count(*) AS events"
    " FROM gateway.audit_event WHERE run IS NOT NULL AND ({where})"
    " GROUP BY run ORDER BY min(at) DESC LIMIT 100"
)
_PROMPTS: Final = text(
    "SELECT correlation = :now AS is_now, detail->>'prompt_sha256' AS prompt FROM gateway.audit_event"
    " WHERE event = 'model.called' AND conversation = :conversation AND (correlation = :now OR correlation IN"
    " (SELECT correlation FROM gateway.audit_event WHERE run = :run AND event = 'run.weighed'))"
)


@dataclass(frozen=True)
class Missing:
    """Something that the timeline cannot show: `erased`, `unsealed` or `unsigned` events, and how many; the
    `beginning`, the `end` or a `decision`; a `model` that was not asked; a `version` that nobody named."""

    what: str
    count: int = 0
    name: str = ""


@dataclass(frozen=True)
class RunTimeline:
    """An answer's events in order of time, each version that is named in them, and what is missing.

    `names` are the sign-in names of accounts whose ids the events' details hold.
    """

    run: str
    conversation: str | None
    state: str | None
    steps: Sequence[TimelineStep]
    versions: Mapping[str, Sequence[str]]
    missing: Sequence[Missing]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def began(self) -> datetime:
        """When its first event was."""
        return self.steps[0].at

    @property
    def seconds(self) -> float:
        """How long it took, without those who looked later."""
        return ((own_steps(self.steps) or self.steps)[-1].at - self.began).total_seconds()

    @property
    def ending(self) -> str | None:
        """How it ended: its state; of one that is done, what came of it (`answered`, `no_summary`,
        `nothing_found`; `released` or `not_released` of one that was held). None while it has not."""
        if self.state != "done":
            return self.state
        own = own_steps(self.steps)
        decided = [step.event for step in own if step.event in {"run.released", "run.not_released"}]
        if decided:
            return decided[-1].removeprefix("run.")
        told = next(step.detail.get("ending") for step in reversed(own) if step.event == "run.finished")
        return str(told or "answered")

    @property
    def phases(self) -> Sequence[Phase]:
        """The same events by what they were for."""
        return phases_of(self.steps)

    def steps_at(self, line: Line) -> Sequence[TimelineStep]:
        """The events of a line."""
        return [self.steps[place] for place in line.steps]

    def as_json(self) -> dict[str, Any]:
        """JSON members; times are in ISO 8601."""
        phases = [asdict(phase, dict_factory=_members) for phase in self.phases]
        return {**asdict(self, dict_factory=_members), "ending": self.ending, "phases": phases}


@dataclass(frozen=True)
class FoundRun:
    """A run that the record knows, and when it began."""

    run: str
    at: datetime
    conversation: str | None
    events: int


async def find_runs(session: AsyncSession, wanted: str) -> Sequence[FoundRun]:
    """The runs that an id is of: a run's own, that of a held item, or of a conversation; the newest first."""
    connection = await session.connection()
    rows = (await connection.execute(text(_RUNS.format(where=_BY_ID)), {"id": wanted})).all()
    if not rows:
        rows = (
            await connection.execute(text(_RUNS.format(where="conversation = :id")), {"id": wanted})
        ).all()
    return [FoundRun(row.run, row.at, row.conversation, row.events) for row in rows]


async def run_timeline(session: AsyncSession, run: uuid.UUID) -> RunTimeline:
    """The events of a run, and those that door and retrieval recorded for it. Raises `NotFound`."""
    connection = await session.connection()
    of_run = (await connection.execute(_OF_RUN, {"run": str(run)})).one()
    if of_run.correlations is None:
        raise NotFound("The record has no event of this run.")
    wanted = {
        "run": str(run),
        "conversation": of_run.conversation,
        "correlations": [each for each in of_run.correlations if each not in ("", "-")],
    }
    rows = (await connection.execute(_EVENTS, wanted)).all()
    signed = (await connection.execute(_SIGNED)).scalar_one()
    steps = [
        _step(name, row, signed, max(0.0, _seconds(before, row)))
        for name, (before, row) in zip(step_names(rows), pairwise([rows[0], *rows]), strict=True)
    ]
    own = own_steps(steps)
    versions = _versions(own)
    ends = [step for step in own if step.event == "run.finished" and not step.erased]
    return RunTimeline(
        run=str(run),
        conversation=of_run.conversation,
        state=str(ends[-1].detail.get("state")) if ends else None,
        steps=steps,
        versions=versions,
        missing=_missing(own, versions),
        names=await logins_of(session, ids_in(row.detail for row in rows)),
    )


async def is_same_prompt(session: AsyncSession, run: uuid.UUID, conversation: uuid.UUID) -> bool | None:
    """Whether a model now read, byte for byte, what one read for the run: now is this request.

    None where the record has not both: no model was called, or the event's content was erased.
    """
    wanted = {"run": str(run), "conversation": str(conversation), "now": correlation_id()}
    rows = (await (await session.connection()).execute(_PROMPTS, wanted)).all()
    now = {row.prompt for row in rows if row.is_now and row.prompt}
    then = {row.prompt for row in rows if not row.is_now and row.prompt}
    return bool(now & then) if now and then else None


def _step(step: str, row: Any, signed: int, after_s: float) -> TimelineStep:
    return TimelineStep(
        step=step,
        at=row.at,
        after_s=round(after_s, 3),
        event=row.event,
        id=str(row.id),
        sequence=row.sequence,
        leaf=bytes(row.leaf).hex() if row.leaf is not None else None,
        signed=row.sequence is not None and row.sequence <= signed,
        erased=row.erased_at is not None,
        actor=row.actor,
        login=row.login,
        roles=row.roles,
        origin=row.origin,
        subject=row.subject,
        correlation=row.correlation,
        detail=row.detail,
    )


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in pairs}


def _seconds(before: Any, row: Any) -> float:
    return float((row.at - before.at).total_seconds())


def _versions(steps: Sequence[TimelineStep]) -> dict[str, Sequence[str]]:
    found: dict[str, dict[str, None]] = {}
    for step in steps:
        for name, events in _VERSIONS.items():
            if step.event in events and (value := step.detail.get(name)) is not None:
                found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in found.items()}


def _missing(steps: Sequence[TimelineStep], versions: Mapping[str, Sequence[str]]) -> Sequence[Missing]:
    events = {step.event for step in steps}
    counted = {
        "erased": sum(step.erased for step in steps),
        "unsealed": sum(step.sequence is None for step in steps),
        "unsigned": sum(step.sequence is not None and not step.signed for step in steps),
    }
    missing = [Missing(what, count) for what, count in counted.items() if count]
    if not events & {"run.asked", "item.held"}:
        missing.append(Missing("beginning"))
    if "run.asked" in events and "run.finished" not in events:
        missing.append(Missing("decision" if _waits(steps) else "end"))
    if "run.finished" in events and "model.called" not in events:
        missing.append(Missing("model"))
    named_by = {**_NAMED_BY, **({"served": "model.answered"} if _answered(steps) else {})}
    missing += [
        Missing("version", name=name)
        for name, event in named_by.items()
        if event in events and name not in versions
    ]
    return missing


def _answered(steps: Sequence[TimelineStep]) -> bool:
    return any(step.detail.get("outcome") == "answered" for step in steps if step.event == "model.answered")


def _waits(steps: Sequence[TimelineStep]) -> bool:
    """Whether the last that happened to it is that it is held."""
    states = [step.event for step in steps if step.event in {"run.held", "item.took_effect"}]
    return bool(states) and states[-1] == "run.held"
