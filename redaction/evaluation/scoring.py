"""How well spans agree with labelled ones: by span (IoU), by character, and by what was masked whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

Range = tuple[int, int]
Typed = tuple[str, int, int]


@dataclass(slots=True)
class Counts:
    """Hits and misses; `f` is the F-score that weighs recall `beta` times as much as precision."""

    found: int = 0
    wrong: int = 0
    labelled: int = 0
    missed: int = 0

    def precision(self) -> float:
        """The share of what was found that is right."""
        return 1 - self.wrong / self.found if self.found else 0.0

    def recall(self) -> float:
        """The share of what is labelled that was found."""
        return 1 - self.missed / self.labelled if self.labelled else 0.0

    def f(self, beta: float = 2.0) -> float:
        """F-beta of precision and recall."""
        precision, recall = self.precision(), self.recall()
        weight = beta * beta
        return (
            (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0
        )

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the recall."""
        return wilson(self.labelled - self.missed, self.labelled)


@dataclass(slots=True)
class Scores:
    """Agreement over many texts. What is labelled with a type that we do not mask is in `ignored`."""

    spans: Counts = field(default_factory=Counts)
    """IoU at least the threshold, types need not agree; pieces that lie side by side count together."""
    strict: Counts = field(default_factory=Counts)
    """The same, one span against one."""
    characters: Counts = field(default_factory=Counts)
    by_type: dict[str, Counts] = field(default_factory=dict)
    """As `spans`: precision of what was found as a type, recall of what is labelled as it, masked as any."""
    whole: dict[str, Counts] = field(default_factory=dict)
    """By labelled type, how many are masked to the last letter and digit, whatever as."""
    ignored: dict[str, int] = field(default_factory=dict)


def add_text(
    scores: Scores,
    text: str,
    found: Sequence[Typed],
    labels: Iterable[Typed],
    is_ours: Callable[[str], bool],
    overlap: float = 0.75,
) -> None:
    """Count one text; `found` and `labels` are (type, start, end).

    Spans that lie side by side, with nothing but white space and punctuation between, may agree with one:
    a street and its town with an address of two lines. What lies inside an ignored label is not wrong.
    """
    ours = []
    ignored: list[Range] = []
    for label in labels:
        if is_ours(label[0]):
            ours.append(label)
        else:
            ignored.append(label[1:])
            scores.ignored[label[0]] = scores.ignored.get(label[0], 0) + 1
    counted = [span for span in found if _counts(span[1:], ours, ignored)]
    _count(scores.spans, text, _ranges(counted), _ranges(ours), overlap)
    _count(scores.strict, text, _ranges(counted), _ranges(ours), overlap, together=False)
    for kind in sorted({span[0] for span in [*counted, *ours]}):
        counts = scores.by_type.setdefault(kind, Counts())
        found_as = [span[1:] for span in counted if span[0] == kind]
        labelled_as = [label[1:] for label in ours if label[0] == kind]
        counts.labelled += len(labelled_as)
        counts.found += len(found_as)
        counts.missed += sum(
            not _agrees(text, one, _ranges(ours), _ranges(counted), overlap) for one in labelled_as
        )
        counts.wrong += sum(
            not _agrees(text, one, _ranges(counted), _ranges(ours), overlap) for one in found_as
        )
    _count_characters(scores, text, _ranges(found), ours, ignored)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    z = 1.959964
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    divisor = 1 + z * z / trials
    return max(0.0, (middle - spread) / divisor), min(1.0, (middle + spread) / divisor)


def _count(
    counts: Counts, text: str, found: list[Range], labels: list[Range], overlap: float, together: bool = True
) -> None:
    counts.labelled += len(labels)
    counts.found += len(found)
    counts.missed += sum(not _agrees(text, label, labels, found, overlap, together) for label in labels)
    counts.wrong += sum(not _agrees(text, span, found, labels, overlap, together) for span in found)


def _agrees(
    text: str, span: Range, own: list[Range], others: list[Range], overlap: float, together: bool = True
) -> bool:
    """Whether `span` is met by one of `others`, by several side by side, or as a part of one."""
    met = [other for other in others if _iou(span, other) > 0]
    if any(_iou(span, other) >= overlap for other in met):
        return True
    if not together:
        return False
    if len(met) > 1 and _side_by_side(text, met) and _iou(span, _hull(met)) >= overlap:
        return True
    for other in met:
        parts = [one for one in own if _iou(one, other) > 0]
        if _side_by_side(text, parts) and _iou(_hull(parts), other) >= overlap:
            return True
    return False


def _counts(span: Range, ours: Sequence[Typed], ignored: Iterable[Range]) -> bool:
    """Whether a found span can be right or wrong: one that only meets ignored labels is neither."""
    return not any(_iou(span, other) > 0 for other in ignored) or any(
        _iou(span, label[1:]) > 0 for label in ours
    )


def _count_characters(
    scores: Scores, text: str, found: list[Range], ours: list[Typed], ignored: list[Range]
) -> None:
    masked = _positions(text, found)
    labelled = _positions(text, _ranges(ours))
    free = _positions(text, ignored) - labelled
    scores.characters.labelled += len(labelled)
    scores.characters.missed += len(labelled - masked)
    scores.characters.found += len(masked - free)
    scores.characters.wrong += len(masked - labelled - free)
    for kind, start, end in ours:
        whole = scores.whole.setdefault(kind, Counts())
        whole.labelled += 1
        whole.missed += not _positions(text, [(start, end)]) <= masked


def _positions(text: str, ranges: Iterable[Range]) -> set[int]:
    return {index for start, end in ranges for index in range(start, end) if text[index].isalnum()}


def _side_by_side(text: str, ranges: list[Range]) -> bool:
    ordered = sorted(ranges)
    return not any(
        character.isalnum() for one, other in pairwise(ordered) for character in text[one[1] : other[0]]
    )


def _hull(ranges: list[Range]) -> Range:
    return min(start for start, _ in ranges), max(end for _, end in ranges)


def _ranges(spans: Iterable[Typed]) -> list[Range]:
    return [(start, end) for _, start, end in spans]


def _iou(one: Range, other: Range) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))
