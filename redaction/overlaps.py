"""Overlapping spans made disjoint without uncovering anything."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from .entities import Source, Span
from .errors import InvalidSpan

Range = tuple[int, int]

_TRUST = {source: rank for rank, source in enumerate(Source)}


def resolve(text: str, spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in text order that cover every letter and digit that `spans` cover.

    Spans of one type from detectors that guess are united where they overlap. Otherwise the more
    trusted detector (gazetteer, dictionary, checksum, pattern, NER) keeps exactly its range, so a
    token never stands for more than the value it was made for; what the other one covered besides
    stays covered by spans of its own type, less white space and punctuation at their edges.

    Raises InvalidSpan.
    """
    known: list[Span] = []
    guessed: list[Span] = []
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            raise InvalidSpan(span.start, span.end, len(text))
        (known if span.source in (Source.GAZETTEER, Source.DICTIONARY) else guessed).append(span)
    kept: list[Span] = []
    taken: list[Range] = []
    candidates = sorted([*known, *_united(guessed)], key=_order)
    for _, equally_trusted in groupby(candidates, key=lambda span: _TRUST[span.source]):
        cut = [span for span in equally_trusted if not _take_whole(span, kept, taken)]
        for span in cut:
            for piece in subtract(text, span, taken):
                _take_whole(piece, kept, taken)
    return sorted(kept, key=lambda span: span.start)


def subtract(text: str, span: Span, ranges: list[Range]) -> list[Span]:
    """What is left of `span` outside `ranges`; a part of a value is no longer that record's value.

    `ranges` are disjoint and in order.
    """
    pieces = [(span.start, span.end)]
    for start, end in _touching(ranges, span):
        pieces = [piece for begin, finish in pieces for piece in _cut(begin, finish, start, end)]
    if pieces == [(span.start, span.end)]:
        return [span]
    trimmed = (_trimmed(text, start, end) for start, end in pieces)
    return [
        replace(span, start=start, end=end, entity=None, field=None, entities=(), subject=None, root=None)
        for start, end in trimmed
        if start < end
    ]


def _take_whole(span: Span, kept: list[Span], taken: list[Range]) -> bool:
    if _touching(taken, span):
        return False
    kept.append(span)
    insort(taken, (span.start, span.end))
    return True


def _touching(ranges: list[Range], span: Span) -> list[Range]:
    first = bisect_right(ranges, span.start, key=lambda pair: pair[1])
    return ranges[first : bisect_left(ranges, span.end, key=lambda pair: pair[0])]


def _order(span: Span) -> tuple[int, int, int, float, str]:
    """By trust; known values from left to right, guesses by length."""
    length = span.end - span.start
    known = span.source in (Source.GAZETTEER, Source.DICTIONARY)
    first, second = (span.start, -length) if known else (-length, span.start)
    return _TRUST[span.source], first, second, -span.score, span.type


def _united(spans: list[Span]) -> Iterator[Span]:
    by_type: dict[str, list[Span]] = {}
    for span in spans:
        by_type.setdefault(span.type, []).append(span)
    for same in by_type.values():
        same.sort(key=lambda span: (span.start, span.end))
        current = same[0]
        for span in same[1:]:
            if span.start >= current.end:
                yield current
                current = span
                continue
            better = min(current, span, key=_order)
            current = replace(better, start=current.start, end=max(current.end, span.end))
        yield current


def _cut(start: int, end: int, cut_start: int, cut_end: int) -> Iterator[tuple[int, int]]:
    if cut_end <= start or end <= cut_start:
        yield start, end
        return
    if start < cut_start:
        yield start, cut_start
    if cut_end < end:
        yield cut_end, end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end
