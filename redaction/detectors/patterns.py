"""Identities that have a shape: our regular expressions, run so that none can be skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable

import regex  # type: ignore[import-untyped]

from redaction.entities import Source, Span
from redaction.errors import DetectorFailed
from redaction.normalise import Reading

from .shapes import SHAPES, Shape

_SECONDS = 2.0
_FLAGS = regex.DOTALL | regex.MULTILINE


class PatternDetector:
    """Runs `shapes` over normalised text, each at most two seconds."""

    name = "pattern"

    def __init__(self, shapes: Iterable[Shape] = SHAPES) -> None:
        self._compiled = [
            (
                shape,
                re.compile(shape.needs, re.IGNORECASE) if shape.needs else None,
                regex.compile(shape.regex, _FLAGS | (regex.IGNORECASE if shape.any_case else 0)),
            )
            for shape in shapes
        ]

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text. Raises DetectorFailed when a pattern runs out of time."""
        text = reading.normalised.text
        spans = []
        for shape, needed, compiled in self._compiled:
            if needed is not None and needed.search(text) is None:
                continue
            try:
                for found in compiled.finditer(text, timeout=_SECONDS):
                    place = reading.normalised.original(found.start(), found.end())
                    spans.append(Span(*place, shape.type, shape.score, Source.PATTERN))
            except TimeoutError:
                raise DetectorFailed(f"pattern {shape.name}", "out of time") from None
        return spans
