"""Known telephone numbers, however they are written: compared by digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.entities import GazetteerEntry

_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension|#)\s*\d{1,6}$", re.IGNORECASE)
_CANDIDATE = re.compile(r"\d(?:[\s().\-/]{0,3}\d){4,}")
_TRAILING_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension)\s*\d{1,6}\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_TRUNK_ZERO = re.compile(r"\(0\)")

_TAIL = 7
_LONGEST = 17
_LONGEST_PREFIX = 3  # a country code


class PhoneIndex:
    """Finds known numbers with or without country code, trunk zero, extension and separators."""

    def __init__(self, entries: list[GazetteerEntry]) -> None:
        self._by_tail: dict[str, list[tuple[str, GazetteerEntry]]] = {}
        for entry in entries:
            digits = significant_digits(entry.value)
            if len(digits) >= 5:
                self._by_tail.setdefault(digits[-_TAIL:], []).append((digits, entry))

    def __len__(self) -> int:
        return len(self._by_tail)

    def matches(self, text: str) -> Iterator[tuple[int, int, list[GazetteerEntry]]]:
        """Yield start, end and the entries of each known number in normalised text, without overlaps."""
        if not self._by_tail:
            return
        for candidate in _CANDIDATE.finditer(text):
            yield from self._matches_in(text, candidate.start(), candidate.end())

    def _matches_in(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, list[GazetteerEntry]]]:
        groups = [found.span() for found in _DIGITS.finditer(text, start, end)]
        first = 0
        while first < len(groups):
            found = self._longest_from(text, groups, first)
            if found is None:
                first += 1
                continue
            last, entries = found
            begin = _with_prefix(text, groups[first][0])
            extension = _TRAILING_EXTENSION.match(text, groups[last][1])
            yield begin, extension.end() if extension else groups[last][1], entries
            first = last + 1

    def _longest_from(
        self, text: str, groups: list[tuple[int, int]], first: int
    ) -> tuple[int, list[GazetteerEntry]] | None:
        digits = ""
        best: tuple[int, list[GazetteerEntry]] | None = None
        for last in range(first, len(groups)):
            start, end = groups[last]
            group = text[start:end]
            if not (group == "0" and last > first and text[start - 1] == "("):
                digits += group
            if len(digits) > _LONGEST:
                break
            entries = self._lookup(digits.lstrip("0"))
            if entries:
                best = last, entries
        return best

    def _lookup(self, digits: str) -> list[GazetteerEntry]:
        known = self._by_tail.get(digits[-_TAIL:], [])
        exact = [entry for number, entry in known if number == digits]
        return exact or [entry for number, entry in known if _differ_by_country_code(number, digits)]


def significant_digits(value: str) -> str:
    """The digits of a written number without extension and leading zeros."""
    bare = _TRUNK_ZERO.sub("", _EXTENSION.sub("", value.strip()))
    return "".join(_DIGITS.findall(bare)).lstrip("0")


def _differ_by_country_code(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _TAIL and 0 < len(long) - len(short) <= _LONGEST_PREFIX and long.endswith(short)


def _with_prefix(text: str, start: int) -> int:
    while start > 0 and text[start - 1] in "+(":
        start -= 1
    return start
