"""What happened to one answer, from the question to what was shown, with the versions that were in force."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import NotFound

from .chain import COLUMNS

_STEP_OF: Final[Mapping[str, str]] = {
    "run.asked": "asked",
    "text.redacted": "redacted",
    "text.refused": "redacted",
    "records.searched": "searched",
    "run.searched": "searched",
    "text.embedded": "searched",
    "text.reranked": "searched",
    "model.called": "generated",
    "model.answered": "generated",
    "run.weighed": "scored",
    "run.accounted": "scored",
    "item.held": "held",
    "run.held": "held",
    "run.shown": "shown",
    "run.released": "shown",
    "run.not_released": "shown",
    "text.restored": "shown",
    "reveal.granted": "shown",
    "item.took_effect": "shown",
    "run.finished": "ended",
    "run.rated": "ended",
}
_VERSIONS: Final = ("policy", "model", "deployment", "version")
_FIELDS: Final = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_EVENTS: Final = text(
    f"SELECT s.sequence, {_FIELDS} FROM gateway.audit_event e"  # noqa: S608 - constants
    " LEFT JOIN gateway.audit_seal s ON s.event_id = e.id"
    " WHERE e.run = :run OR (e.run IS NULL AND e.correlation = ANY(:correlations)"
    " AND (e.conversation IS NULL OR e.conversation = :conversation))"
    " ORDER BY e.at, e.id"
)
_OF_RUN: Final = text(
    "SELECT array_agg(DISTINCT correlation) AS correlations, min(conversation) AS conversation"
    " FROM gateway.audit_event WHERE run = :run"
)


@dataclass(frozen=True)
class TimelineStep:
    """One event of an answer; `sequence` is its number in the record, None until it is sealed."""

    step: str
    at: str
    event: str
    sequence: int | None
    actor: str
    roles: Sequence[str]
    origin: str | None
    subject: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class RunTimeline:
    """An answer's events in order of time, and each version that is named in them."""

    run: str
    conversation: str | None
    steps: Sequence[TimelineStep]
    versions: Mapping[str, Sequence[str]]

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        return {
            "run": self.run,
            "conversation": self.conversation,
            "steps": [vars(step) for step in self.steps],
            "versions": dict(self.versions),
        }


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
    versions: dict[str, dict[str, None]] = {}
    for row in rows:
        for name in _VERSIONS:
            if (value := row.detail.get(name)) is not None:
                versions.setdefault(name, {})[str(value)] = None
    return RunTimeline(
        str(run), of_run.conversation, [_step(row) for row in rows], {k: list(v) for k, v in versions.items()}
    )


def _step(row: Any) -> TimelineStep:
    is_decision = row.event.startswith("item.")
    return TimelineStep(
        _STEP_OF.get(row.event, "decided" if is_decision else "beside"),
        row.at.isoformat(),
        row.event,
        row.sequence,
        row.actor,
        row.roles,
        row.origin,
        row.subject,
        row.detail,
    )
