"""What other detectors find in a text once spoken addresses and numbers are read back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

if TYPE_CHECKING:
    from redaction.redactor import Detector

_LONG = re.compile(r"(?<![\w.,])\+?\d{7,19}(?!\w)")


class SpokenDetector:
    """Runs `detectors` on the spoken reading.

    Seven and more spoken digits that none of them knows are a telephone number: hardly any other is dictated.
    """

    name = "spoken"

    def __init__(self, detectors: Iterable[Detector]) -> None:
        self._detectors = tuple(detectors)

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        spoken = reading.spoken
        if spoken is None:
            return []
        spans = [span for detector in self._detectors for span in detector.find(spoken)]
        for found in _LONG.finditer(spoken.normalised.text):
            start, end = spoken.normalised.original(found.start(), found.end())
            if not reading.text[start:end].isascii() or any(c.isalpha() for c in reading.text[start:end]):
                spans.append(Span(start, end, EntityType.PHONE, 0.3, Source.PATTERN))
        return spans
