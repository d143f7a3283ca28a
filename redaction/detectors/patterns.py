"""Identities that have a shape: Presidio's recognisers, run so that none can be skipped.

Presidio's own loop logs a pattern that ran out of time and goes on without it. Here that is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import regex  # type: ignore[import-untyped]

from redaction.entities import EntityType, Source, Span
from redaction.errors import DetectorFailed
from redaction.normalise import Reading

from .shapes import SHAPES

_SECONDS = 2.0
_PHONE_REGIONS = ("US", "GB", "DE", "FR", "CH")
_FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE


class PatternDetector:
    """E-mail, IP and web addresses, telephone, social security and tax numbers, addresses, secrets."""

    name = "pattern"

    def __init__(self) -> None:
        self._phones = _phone_recognizer()
        self._compiled = [
            (recognizer, EntityType(recognizer.supported_entities[0]), _compiled(recognizer))
            for recognizer in _recognizers()
        ]

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text. Raises DetectorFailed when a pattern runs out of time."""
        text = reading.normalised.text
        spans = [
            Span(*reading.normalised.original(start, end), kind, score, Source.PATTERN)
            for start, end, kind, score in self._matches(text)
        ]
        if sum(character.isdigit() for character in text) >= 7:
            for result in self._phones.analyze(text, ["PHONE"], None):
                start, end = reading.normalised.original(result.start, result.end)
                spans.append(Span(start, end, EntityType.PHONE, result.score, Source.PATTERN))
        return spans

    def _matches(self, text: str) -> Iterator[tuple[int, int, EntityType, float]]:
        for recognizer, kind, patterns in self._compiled:
            for name, score, compiled in patterns:
                try:
                    for found in compiled.finditer(text, timeout=_SECONDS):
                        sure = _validated(recognizer, found.group(), score)
                        if sure > 0:
                            yield found.start(), found.end(), kind, sure
                except TimeoutError:
                    raise DetectorFailed(f"pattern {name}", "out of time") from None


def _validated(recognizer: Any, matched: str, score: float) -> float:
    """Presidio's rule: a validator lifts the score to 1 or rules the match out."""
    if not matched or recognizer.invalidate_result(matched):
        return 0.0
    valid = recognizer.validate_result(matched)
    return score if valid is None else float(valid)


def _compiled(recognizer: Any) -> list[tuple[str, float, Any]]:
    return [
        (pattern.name, pattern.score, regex.compile(pattern.regex, recognizer.global_regex_flags))
        for pattern in recognizer.patterns
    ]


def _recognizers() -> list[Any]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import IpRecognizer, UsSsnRecognizer

    ssn = [pattern for pattern in UsSsnRecognizer.PATTERNS if pattern.score >= 0.5]
    ours = [
        PatternRecognizer(shape.type.value, shape.name, "en", [Pattern(shape.name, shape.regex, shape.score)],
                          global_regex_flags=_FLAGS if shape.any_case else regex.DOTALL | regex.MULTILINE)
        for shape in SHAPES
    ]  # fmt: skip
    return [
        _email_recognizer(),
        IpRecognizer(supported_entity=EntityType.IP.value),
        UsSsnRecognizer(patterns=ssn, supported_entity=EntityType.TAX_ID.value),
        *ours,
    ]


def _email_recognizer() -> Any:
    """Presidio's, with the list of public suffixes that ships with tldextract: it must never go online."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer
    from tldextract import TLDExtract

    extract = TLDExtract(cache_dir=None, suffix_list_urls=())

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool | None:
            """An address inside a company (anna@crm.local) is an address too, only less surely."""
            return True if extract(pattern_text).fqdn else None

    return OfflineEmailRecognizer(supported_entity=EntityType.EMAIL.value)


def _phone_recognizer() -> Any:
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    return PhoneRecognizer(
        supported_entity=EntityType.PHONE.value, supported_regions=_PHONE_REGIONS, leniency=1
    )
