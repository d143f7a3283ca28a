"""The rest of an address, once its beginning is known: place and post code stand beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

_REST = re.compile(
    r"(?:[ \t>?|*,]*[,\n][\s>?|*,]*[A-ZÀ-ÞΑ-ΩА-Я][\w'’.\- ]{0,30}?){0,3}?[\s,>?|*]+(?:[A-Z]{1,3}[\- ])?"
    r"\d{4,6}(?:[\- ]\d{3,4})?(?![\w\-/:])"
)
_CODE_AFTER = re.compile(r",? (?:[A-Z]{2} )?\d{3,6}(?:[\- ]\d{2,4})?(?![\w/:])")
_BETWEEN_PIECES = re.compile(r"[ ,.]{1,4}")
_CODE_BEFORE = re.compile(r"(?<![\w#./\-])(?:[A-Z]{1,2}-)?\d{4,5} $")


def grow_addresses(reading: Reading, spans: Iterable[Span]) -> list[Span]:
    """Spans for what belongs to the addresses and places among `spans` (original text)."""
    return [
        Span(start, end, EntityType.ADDRESS, 0.6, Source.PATTERN)
        for span in spans
        for start, end in _around(reading.text, span)
        if start < end
    ]


def join_addresses(text: str, spans: list[Span]) -> list[Span]:
    """Disjoint spans with the pieces of one address in one line made one (only pieces that were guessed)."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last is not None and _continues(text, last, span):
            joined[-1] = replace(last, end=span.end)
        else:
            joined.append(span)
    return joined


def _continues(text: str, last: Span, span: Span) -> bool:
    guessed = {last.source, span.source} <= {Source.PATTERN, Source.NER}
    kinds = last.type is EntityType.ADDRESS and span.type in (EntityType.ADDRESS, EntityType.LOCATION)
    return guessed and kinds and _BETWEEN_PIECES.fullmatch(text, last.end, span.start) is not None


def _around(text: str, span: Span) -> Iterator[tuple[int, int]]:
    if span.type is EntityType.ADDRESS:
        rest = _REST.match(text, span.end)
        if rest is not None:
            yield _first_letter(text, span.end), rest.end()
    elif span.type is EntityType.LOCATION:
        code = _CODE_AFTER.match(text, span.end)
        if code is not None:
            yield _first_letter(text, span.end), code.end()
        before = _CODE_BEFORE.search(text, max(0, span.start - 10), span.start)
        if before is not None:
            yield before.start(), span.start - 1


def _first_letter(text: str, position: int) -> int:
    while position < len(text) and not text[position].isalnum():
        position += 1
    return position
