"""Measuring a detector of identities on labelled texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from redaction.entities import EntityType
from redaction.policy import QUASI_IDENTIFIERS, Level

from .labelled import LabelledText
from .scoring import Counts, Scores, Typed, add_text

Finder = Callable[[str], list[Typed]]
"""Gives (type, start, end) of everything that would be masked in a text."""

_LONG_ENOUGH = 100  # characters; shorter texts say nothing of the time for a thousand
_MASKED_AS_ANYTHING = frozenset(str(kind) for kind in EntityType) - {"LITERAL"}


@dataclass
class Report:
    """What one system found in one set."""

    system: str
    texts: int = 0
    characters: int = 0
    scores: Scores = field(default_factory=Scores)
    groups: dict[str, Counts] = field(default_factory=dict)
    """By group of texts, the labelled spans masked to the last letter."""
    forms: dict[str, Counts] = field(default_factory=dict)
    """Of values that the CRM knows, by the form they are written in, those masked to the last letter."""
    negatives: Counts = field(default_factory=Counts)
    """Texts without any identity: `labelled` of them, `missed` those in which nothing was masked."""
    milliseconds: list[float] = field(default_factory=list)
    """For a thousand characters, text by text."""

    def as_dict(self) -> dict[str, Any]:
        """All figures, for a program; shares are 0 to 1, intervals Wilson's at 95 %."""
        return {
            "system": self.system,
            "texts": self.texts,
            "characters": self.characters,
            "spans": _figures(self.scores.spans),
            "spans_one_to_one": _figures(self.scores.strict),
            "characters_masked": _figures(self.scores.characters),
            "by_type": {kind: _figures(counts) for kind, counts in sorted(self.scores.by_type.items())},
            "fully_masked": _shares(self.scores.whole),
            "fully_masked_by_group": _shares(self.groups),
            "known_fully_masked_by_form": _shares(self.forms),
            "negative_texts": self.negatives.labelled,
            "negative_texts_with_a_mask": self.negatives.labelled - self.negatives.missed,
            "not_counted": dict(sorted(self.scores.ignored.items())),
            "milliseconds_per_1000_characters": _spread(self.milliseconds),
        }


def measure(
    system: str,
    find: Finder,
    texts: Iterable[LabelledText],
    level: Level,
    after: Callable[[], None] | None = None,
) -> Report:
    """Let `find` look at every text, and count; `after` is called when one is done.

    Labels of types that nobody masks at this level (dates at “direct”; titles such as “Dr.” at both) are
    not counted, and what is found inside them is neither right nor wrong.
    """
    masked = _MASKED_AS_ANYTHING - (QUASI_IDENTIFIERS if level is Level.DIRECT else frozenset())
    report = Report(system)
    for labelled in texts:
        before = time.perf_counter()
        everything = find(labelled.text)
        seconds = time.perf_counter() - before
        _add(report, labelled, [span for span in everything if span[0] in masked], masked)
        if len(labelled.text) >= _LONG_ENOUGH:
            report.milliseconds.append(1e6 * seconds / len(labelled.text))
        if after is not None:
            after()
    return report


def _add(report: Report, labelled: LabelledText, found: list[Typed], masked: frozenset[str]) -> None:
    report.texts += 1
    report.characters += len(labelled.text)
    labels = [(span.type, span.start, span.end) for span in labelled.spans]
    add_text(report.scores, labelled.text, found, labels, lambda kind: kind in masked)
    if not labels:
        report.negatives.labelled += 1
        report.negatives.missed += not found
    covered = {place for _, start, end in found for place in range(start, end)}
    for span in labelled.spans:
        if span.type not in masked:
            continue
        is_whole = all(
            place in covered for place in range(span.start, span.end) if labelled.text[place].isalnum()
        )
        counters = [report.groups.setdefault(labelled.group or "all", Counts())]
        if span.entity is not None:
            counters.append(report.forms.setdefault(span.form or "clean", Counts()))
        for counts in counters:
            counts.labelled += 1
            counts.missed += not is_whole


def _figures(counts: Counts) -> dict[str, float | int]:
    return {
        "precision": round(counts.precision(), 4),
        "recall": round(counts.recall(), 4),
        "f2": round(counts.f(), 4),
        "labelled": counts.labelled,
        "found": counts.found,
    }


def _shares(by_name: dict[str, Counts]) -> dict[str, dict[str, float | int | list[float]]]:
    return {
        name: {
            "share": round(counts.recall(), 4),
            "interval": [round(bound, 4) for bound in counts.interval()],
            "labelled": counts.labelled,
            "missed": counts.missed,
        }
        for name, counts in sorted(by_name.items())
    }


def _spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    return {"p50": round(median(values), 2), "p95": round(quantiles(values, n=20)[-1], 2)}
