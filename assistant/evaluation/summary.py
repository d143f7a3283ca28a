"""Marks of many runs as figures, a row for each kind of question."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from .marking import Mark


@dataclass(frozen=True)
class Summary:
    """Counts out of `asked`, and seconds from the question to the end of the run.

    `abstained_rightly` and `abstained_wrongly` are runs that found nothing: where nothing may be found, and
    where there was an answer. `p95` is the nearest rank.
    """

    kind: str
    asked: int
    hit: int
    known: int
    right: int
    uncited: int
    abstained_rightly: int
    abstained_wrongly: int
    held: int
    failed: int
    leaked: int
    median: float
    p95: float


def summarise(marks: Sequence[Mark]) -> list[Summary]:
    """A summary of each kind, in the order in which the kinds come."""
    kinds = dict.fromkeys(one.kind for one in marks)
    return [_summary(kind, [one for one in marks if one.kind == kind]) for kind in kinds]


def _summary(kind: str, marks: Sequence[Mark]) -> Summary:
    seconds = sorted(one.seconds for one in marks)
    return Summary(
        kind=kind,
        asked=len(marks),
        hit=sum(one.hit and not one.must_abstain for one in marks),
        known=sum(one.known for one in marks),
        right=sum(one.right for one in marks),
        uncited=sum(one.uncited for one in marks),
        abstained_rightly=sum(one.abstained and one.must_abstain for one in marks),
        abstained_wrongly=sum(one.abstained and not one.must_abstain for one in marks),
        held=sum(one.held for one in marks),
        failed=sum(one.failed for one in marks),
        leaked=sum(one.leaked for one in marks),
        median=round(median(seconds), 2),
        p95=round(seconds[ceil(0.95 * len(seconds)) - 1], 2),
    )
