"""The rest of an address, once its beginning is known: place and post code stand beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

from .edges import is_no_name, trimmed

_REST = re.compile(
    r"(?:[ \t>?|*,]*[,\n][\s>?|*,]*[A-ZÀ-ÞΑ-ΩА-Я][\w'’.\- ]{0,30}?){0,3}?[\s,>?|*]+(?:[A-Z]{1,3}[\- ])?"
    r"\d{4,6}(?:[\- ]\d{3,4})?(?![\w\-/:])"
)
_CODE_AFTER = re.compile(r",? (?:[A-Z]{2} )?\d{3,6}(?:[\- ]\d{2,4})?(?![\w/:])")
# separators, marks of quoted lines, and at most one short word that no detector knows (“NO”, “mp”, “nan”)
_SEPARATORS = r"[\s,.;>|?*()/\-–]{0,12}"
_BETWEEN_PIECES = re.compile(
    rf"{_SEPARATORS}(?:(?<![^\W_])(?!(?:and|to|in|at|is|or|the|was|on|of|for|und|bei|et|y|e|en)\b)[^\W_]{{1,3}}\b{_SEPARATORS})?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN_PLACES = re.compile(r"[\s,;>|?*(/\-–]{1,8}")
_AND = re.compile(r"[\s.,]{1,3}(?:and|&)\s", re.IGNORECASE)
_CORNER = re.compile(r"\b(?:the )?corner of $", re.IGNORECASE)
_GUESSED = frozenset({Source.PATTERN, Source.NER})
_PLACES = frozenset({EntityType.ADDRESS, EntityType.LOCATION})
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
    """Disjoint spans with the pieces of one address made one: lines of a block, place and post code.

    Only pieces that were guessed are joined, and at least one of them must be more than a place.
    """
    joined: list[Span] = []
    chain: list[Span] = []
    for span in (tidied for one in spans if (tidied := _tidied(text, one))):
        if chain and not _continues(text, chain[-1], span):
            joined += _closed(text, chain)
            chain = []
        chain.append(span)
    return joined + _closed(text, chain)


def _closed(text: str, chain: list[Span]) -> list[Span]:
    if not any(_is_guessed_address(span) for span in chain):
        return chain
    return [_with_corner(text, replace(chain[0], end=chain[-1].end, type=EntityType.ADDRESS))]


def _tidied(text: str, span: Span) -> Span | None:
    """A guessed address without function words at its edges, None when nothing is left."""
    if not _is_guessed_address(span):
        return span
    start, end = trimmed(text, span.start, span.end)
    return replace(span, start=start, end=end) if start < end else None


def _continues(text: str, last: Span, span: Span) -> bool:
    if not {last.source, span.source} <= _GUESSED or not {last.type, span.type} <= _PLACES:
        return False
    if EntityType.ADDRESS not in (last.type, span.type):
        return _BETWEEN_PLACES.fullmatch(text, last.end, span.start) is not None
    return _BETWEEN_PIECES.fullmatch(text, last.end, span.start) is not None or (
        _AND.fullmatch(text, last.end, span.start) is not None
        and _CORNER.search(text, max(0, last.start - 20), last.start) is not None
    )


def _is_guessed_address(span: Span) -> bool:
    return span.type is EntityType.ADDRESS and span.source in _GUESSED


def _with_corner(text: str, span: Span) -> Span:
    """“The corner of A and B” is one place."""
    corner = _CORNER.search(text, max(0, span.start - 20), span.start)
    return span if corner is None else replace(span, start=corner.start())


def _around(text: str, span: Span) -> Iterator[tuple[int, int]]:
    if span.type is EntityType.ADDRESS:
        rest = _REST.match(text, span.end)
        if rest is not None and not any(map(is_no_name, _WORD.findall(rest.group()))):
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
