"""What each event of an answer was for, and which of them stand together on a timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

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
    "run.held": "held",
    "run.shown": "shown",
    "run.released": "shown",
    "run.not_released": "shown",
    "text.restored": "shown",
    "reveal.granted": "shown",
    "item.took_effect": "shown",
    "item.sent": "shown",
    "item.not_sent": "shown",
    "item.held": "held",
    "item.held_again": "held",
    "item.altered": "held",
    "run.finished": "ended",
    "run.rated": "ended",
    "run.replayed": "replayed",
}
_DECIDES: Final = frozenset(
    {
        "item.voted",
        "item.approved",
        "item.edited",
        "item.rejected",
        "item.sent_back",
        "item.undone",
        "item.cancelled",
        "item.expired",
        "item.lapsed",
    }
)
_ASIDE: Final = frozenset({"replayed", "audited", "opened"})
"""Steps of those who looked later: their versions were not in force when the answer was made."""


@dataclass(frozen=True)
class TimelineStep:
    """One event of an answer.

    `sequence` is its number in the record and `leaf` its hash there, None until it is sealed; `signed` says
    whether a checkpoint is over it. Of an event that is `erased`, its time over, only that it was is left.
    `after_s` are the seconds since the event before, `login` is the actor's where it has an account.
    """

    step: str
    at: datetime
    after_s: float
    event: str
    id: str
    sequence: int | None
    leaf: str | None
    signed: bool
    erased: bool
    actor: str
    login: str | None
    roles: Sequence[str]
    origin: str | None
    subject: str | None
    correlation: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One event, by its place among the timeline's steps; or all those of what an actor did in one request,
    and did several `times` one after the other, about the same and with the same details."""

    times: int
    steps: Sequence[int]


@dataclass(frozen=True)
class Phase:
    """Events of one step that follow each other, in lines, and how many seconds there are to the next."""

    step: str
    at: datetime
    seconds: float
    events: int
    lines: Sequence[Line]


def step_names(rows: Sequence[Any]) -> list[str]:
    """The step of each event. What is embedded after the search is a draft's sentence, or its question, being
    weighed: where a sentence is shown next it is of that, or there would be a step a sentence."""
    aside = _aside(rows)
    names = [_name(row, aside.get(row.correlation)) for row in rows]
    searched = next((place for place, row in enumerate(rows) if row.event == "run.searched"), len(rows))
    following = "scored"
    for place in range(len(rows) - 1, searched, -1):
        if rows[place].event in ("run.shown", "run.weighed", "model.called"):
            following = "shown" if rows[place].event == "run.shown" else "scored"
        elif names[place] == "searched" and rows[place].event != "records.searched":
            names[place] = following
    return names


def own_steps(steps: Sequence[TimelineStep]) -> Sequence[TimelineStep]:
    """Those of the answer itself, without what those did who looked later."""
    return [step for step in steps if step.step not in _ASIDE]


def phases_of(steps: Sequence[TimelineStep]) -> Sequence[Phase]:
    """The steps, at least one, by what they were for."""
    runs = [list(group) for _, group in groupby(range(len(steps)), key=lambda place: steps[place].step)]
    ends = [*(steps[places[0]].at for places in runs[1:]), steps[-1].at]
    return [
        Phase(
            steps[places[0]].step,
            steps[places[0]].at,
            round((until - steps[places[0]].at).total_seconds(), 3),
            len(places),
            _lines(steps, places),
        )
        for places, until in zip(runs, ends, strict=True)
    ]


def _lines(steps: Sequence[TimelineStep], places: Sequence[int]) -> Sequence[Line]:
    acts: dict[object, list[int]] = {}
    for place in places:
        step = steps[place]
        request = step.correlation if step.correlation.strip("-") else place
        acts.setdefault((request, step.actor), []).append(place)
    lines: list[Line] = []
    for _, repeated in groupby(acts.values(), key=lambda act: [_said(steps[place]) for place in act]):
        same = list(repeated)
        if len(same) > 1:
            lines.append(Line(len(same), sorted(place for act in same for place in act)))
        else:
            lines += [Line(1, [place]) for place in same[0]]
    return sorted(lines, key=lambda line: line.steps[0])


def _said(step: TimelineStep) -> object:
    return step.actor, step.event, step.subject, step.detail, step.erased


def _aside(rows: Sequence[Any]) -> dict[str, str]:
    """What a request was for that came later: to replay the answer, to read the record, or to review."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.run is not None:
            found.setdefault(row.correlation, set()).add(row.event)
    ended = max((place for place, row in enumerate(rows) if row.event == "run.finished"), default=len(rows))
    before = {row.correlation for row in rows[:ended]}
    return {
        correlation: step
        for correlation, events in found.items()
        if (step := _purpose(events, later=correlation not in before))
    }


def _purpose(events: set[str], *, later: bool) -> str | None:
    if "run.replayed" in events:
        return "replayed"
    if all(event.startswith("audit.") for event in events):
        return "audited"
    if later and events == {"item.opened"}:
        return "opened"
    return "reviewed" if all(event.startswith("item.") for event in events) else None


def _name(row: Any, aside: str | None) -> str:
    if aside in _ASIDE:
        return str(aside)
    if row.event in _DECIDES:
        return "decided"
    if row.event.startswith("item.") and row.event not in _STEP_OF:
        return "reviewed"
    if aside and row.run is None:  # an officer's page: identities were shown to them, not to who asked
        return aside
    return _STEP_OF.get(row.event, "beside")
