"""`python -m redaction.evaluation.command FILE`: measure detection on labelled texts.

FILE is JSON as presidio-research writes it: a list of `{"full_text", "spans": [{"entity_type",
"start_position", "end_position"}]}`. No gazetteer is loaded: everybody is a stranger.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from redaction.loading import load_redactor
from redaction.redactor import Redactor

from .scoring import Counts, Scores, add_text

_NOT_MASKED = frozenset({"DATE_TIME", "AGE", "TITLE", "NRP"})
"""Kinds in the set that are no identity by themselves; a date of birth is masked by its context."""


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 2 if the file cannot be read."""
    options = _options(arguments)
    try:
        samples = json.loads(options.file.read_text(encoding="utf-8"))
        cases = [
            (
                sample["full_text"],
                [(s["entity_type"], s["start_position"], s["end_position"]) for s in sample["spans"]],
            )
            for sample in samples
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{options.file} is not a labelled set: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if options.lower:
        cases = [(_lowered(text), labels) for text, labels in cases]
    report = _measure(load_redactor(ner=not options.no_ner), cases)
    print(json.dumps(report, indent=2) if options.json else _as_text(report))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m redaction.evaluation.command", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--no-ner", action="store_true", help="without the name detector")
    parser.add_argument("--lower", action="store_true", help="with all texts in lower case")
    parser.add_argument("--json", action="store_true", help="figures for a program")
    return parser.parse_args(arguments)


def _measure(redactor: Redactor, cases: list[tuple[str, list[tuple[str, int, int]]]]) -> dict[str, Any]:
    scores = Scores()
    quick: list[float] = []
    slow: list[float] = []
    for text, labels in cases:
        before = time.perf_counter()
        names = redactor.ner_spans(text)
        between = time.perf_counter()
        spans = redactor.detect(text, ner_spans=names)
        slow.append(between - before)
        quick.append(time.perf_counter() - between)
        add_text(
            scores,
            text,
            [(span.start, span.end) for span in spans],
            labels,
            lambda kind: kind not in _NOT_MASKED,
        )
    kilobytes = sum(len(text.encode()) for text, _ in cases) / 1000
    return {
        "texts": len(cases),
        "kilobytes": round(kilobytes, 1),
        "spans (IoU .75, beta 2)": _figures(scores.spans),
        "characters": _figures(scores.characters),
        "labels found (IoU .75)": {kind: round(c.recall(), 3) for kind, c in sorted(scores.by_type.items())},
        "labels masked to the last letter": {
            kind: round(c.recall(), 3) for kind, c in sorted(scores.whole.items())
        },
        "labels not counted": scores.ignored,
        "milliseconds a kilobyte": {
            "patterns, checksums, dictionary": round(1000 * sum(quick) / kilobytes, 2),
            "names": round(1000 * sum(slow) / kilobytes, 2),
        },
        "milliseconds a text": {
            "patterns, checksums, dictionary": _spread(quick),
            "names": _spread(slow),
        },
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(1000 * median(seconds), 2), "p95": round(1000 * quantiles(seconds, n=20)[-1], 2)}


def _figures(counts: Counts) -> dict[str, float]:
    return {
        "precision": round(counts.precision(), 3),
        "recall": round(counts.recall(), 3),
        "f2": round(counts.f(), 3),
    }


def _as_text(report: dict[str, Any]) -> str:
    lines = []
    for name, figure in report.items():
        if isinstance(figure, dict):
            inner = ", ".join(f"{key} {value}" for key, value in figure.items())
            lines.append(f"{name}: {inner}")
        else:
            lines.append(f"{name}: {figure}")
    return "\n".join(lines)


def _lowered(text: str) -> str:
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


if __name__ == "__main__":
    sys.exit(main())
