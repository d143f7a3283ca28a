"""What narrows down who somebody is: dates and ages, in seven languages."""

from __future__ import annotations

from typing import Any

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

_MONTHS = """
january february march april may june july august september october november december
jan feb mar apr jun jul aug sept sep oct nov dec
januar februar märz mai juni juli oktober dezember
janvier février mars avril juin juillet août septembre octobre novembre décembre
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
januari februari maart mei augustus
janeiro fevereiro março maio junho julho setembro outubro novembro dezembro
"""
_DAYS = """
monday tuesday wednesday thursday friday saturday sunday
montag dienstag mittwoch donnerstag freitag samstag sonntag
lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo
"""
_YEARS = r"(?:years?|yrs?|y/o|yo|jahre|jährig\w*|ans|años|anni|jaar|anos)"
_SCORE = 0.6


class QuasiDetector:
    """Dates with or without a year, years, days of the week, and how old somebody is."""

    name = "quasi"

    def __init__(self) -> None:
        import regex  # type: ignore[import-untyped]

        month = "|".join(sorted(set(_MONTHS.split()), key=len, reverse=True))
        day = "|".join(_DAYS.split())
        ordinal = r"\d{1,2}(?:st|nd|rd|th|er|\.|º)?"
        link = r"(?: ?(?:of|de|di|del)? )?"
        self._patterns: list[tuple[EntityType, Any]] = [
            (
                EntityType.DATE,
                regex.compile(
                    rf"(?<![\w.])(?:{ordinal}{link}(?:{month})\b\.?(?:,? (?:de |del )?\d{{4}}\b)?"
                    rf"|(?:{month})\.? {ordinal}(?:,? \d{{4}})?(?!\w)|(?:{month}) \d{{4}}\b"
                    rf"|\d{{4}}-\d{{2}}-\d{{2}}(?!\w)|\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})(?![\w./-])"
                    rf"|(?:19|20)\d{{2}}(?![\w.,/-]*\d)\b|(?:{day})s?\b)",
                    regex.IGNORECASE,
                ),
            ),
            (
                EntityType.AGE,
                regex.compile(
                    rf"(?<!\w)\d{{1,3}}(?=[ -]?{_YEARS}\b(?:[ -]?(?:old|alt)\b)?)"
                    rf"|(?<=\b(?:aged|age|age of|age is|alter)[: ])\d{{1,3}}\b",
                    regex.IGNORECASE,
                ),
            ),
        ]

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        return [
            Span(*reading.normalised.original(*found.span()), kind, _SCORE, Source.PATTERN)
            for kind, pattern in self._patterns
            for found in pattern.finditer(reading.normalised.text)
        ]
