"""How well spans agree with labelled ones: by span (IoU) and by character."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Range = tuple[int, int]


@dataclass(slots=True)
class Counts:
    """Hits and misses; `f` is the F-score that weighs recall `beta` times as much as precision."""

    found: int = 0
    wrong: int = 0
    labelled: int = 0
    missed: int = 0

    def precision(self) -> float:
        return 1 - self.wrong / self.found if self.found else 0.0

    def recall(self) -> float:
        return 1 - self.missed / self.labelled if self.labelled else 0.0

    def f(self, beta: float = 2.0) -> float:
        precision, recall = self.precision(), self.recall()
        weight = beta * beta
        return (
            (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0
        )


@dataclass(slots=True)
class Scores:
    """Agreement over many texts. A labelled type that we do not mask is in `ignored`, never counted."""

    spans: Counts = field(default_factory=Counts)
    characters: Counts = field(default_factory=Counts)
    by_type: dict[str, Counts] = field(default_factory=dict)
    whole: dict[str, Counts] = field(default_factory=dict)
    """By labelled type, how many are masked to the last letter."""
    ignored: dict[str, int] = field(default_factory=dict)


def add_text(
    scores: Scores,
    text: str,
    found: Sequence[Range],
    labels: Iterable[tuple[str, int, int]],
    is_ours: Callable[[str], bool],
    overlap: float = 0.75,
) -> None:
    """Count one text. A found span is right when it and labelled spans agree by `overlap` (IoU).

    Types need not agree: masked is masked. Labelled spans that touch or are divided by nothing but
    white space and punctuation may be found as one. What is found inside an ignored label is not wrong.
    """
    ours: list[tuple[str, int, int]] = []
    ignored: list[Range] = []
    for kind, start, end in labels:
        if is_ours(kind):
            ours.append((kind, start, end))
        else:
            ignored.append((start, end))
            scores.ignored[kind] = scores.ignored.get(kind, 0) + 1
    _count_spans(scores, text, found, ours, ignored, overlap)
    _count_characters(scores, text, found, ours, ignored)


def _count_spans(
    scores: Scores,
    text: str,
    found: Sequence[Range],
    ours: list[tuple[str, int, int]],
    ignored: list[Range],
    overlap: float,
) -> None:
    found_runs = _runs(text, found)
    label_runs = _runs(text, [(start, end) for _, start, end in ours])
    for kind, start, end in ours:
        counts = scores.by_type.setdefault(kind, Counts())
        hit = _agrees((start, end), found, overlap) or any(
            _inside((start, end), run) and _agrees(run, found_runs, overlap) for run in label_runs
        )
        for each in (scores.spans, counts):
            each.labelled += 1
            each.missed += not hit
    targets = [(start, end) for _, start, end in ours]
    for span in found:
        if any(_iou(span, other) > 0 for other in ignored) and not any(
            _iou(span, other) > 0 for other in targets
        ):
            continue
        right = _agrees(span, targets, overlap) or any(
            _inside(span, run) and _agrees(run, label_runs, overlap) for run in found_runs
        )
        scores.spans.found += 1
        scores.spans.wrong += not right


def _count_characters(
    scores: Scores, text: str, found: Sequence[Range], ours: list[tuple[str, int, int]], ignored: list[Range]
) -> None:
    masked = _positions(text, found)
    labelled = _positions(text, [(start, end) for _, start, end in ours])
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


def _runs(text: str, ranges: Iterable[Range]) -> list[Range]:
    """Neighbours joined where no letter or digit lies between them."""
    runs: list[Range] = []
    for start, end in sorted(ranges):
        if runs and not any(character.isalnum() for character in text[runs[-1][1] : start]):
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((start, end))
    return runs


def _agrees(span: Range, others: Iterable[Range], overlap: float) -> bool:
    return any(_iou(span, other) >= overlap for other in others)


def _inside(span: Range, run: Range) -> bool:
    return run[0] <= span[0] and span[1] <= run[1]


def _iou(one: Range, other: Range) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))
