"""Known telephone numbers, however they are written: compared by digits."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

from .hashed import HashTable

_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension|#)\s*\d{1,6}$", re.IGNORECASE)
_CANDIDATE = re.compile(r"[0-9](?:[\s().\-/]{0,3}[0-9]){4,}")
_TRAILING_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension)\s*\d{1,6}\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_NOT_PLAIN = re.compile(r"[A-Za-z#(]")
_ONLY_DIGITS = str.maketrans({chr(code): None for code in range(128) if not chr(code).isdigit()})
_TRUNK_ZERO = re.compile(r"\(0\)")

_TAIL = 7
_SHORTEST = 5
_LONGEST = 17
_LONGEST_PREFIX = 3  # a country code


class PhoneIndex:
    """Finds known numbers with or without country code, trunk zero, extension and separators.

    `written` gives the number of a row as it was given to `add`.
    """

    def __init__(self, written: Callable[[int], str]) -> None:
        self._written = written
        self._tails = array("q")
        self._rows = array("i")
        self._table: HashTable | None = None

    def add(self, row: int, value: str) -> bool:
        """Keep a number; False if it has too few digits to be told from others."""
        digits = significant_digits(value)
        if len(digits) < _SHORTEST:
            return False
        self._tails.append(hash(digits[-_TAIL:]))
        self._rows.append(row)
        return True

    def finish(self) -> None:
        """No more numbers will come."""
        self._table = HashTable(self._tails, self._rows) if len(self._rows) else None
        self._tails, self._rows = array("q"), array("i")

    def may_be_in(self, words: Sequence[str], numerals: Iterable[int]) -> bool:
        """Whether words with digits, at these places, could make a known number."""
        if self._table is None:
            return False
        digits, bare, expected = "", "", -1
        for place in numerals:
            if place != expected:
                digits = bare = ""
            expected = place + 1
            word = words[place]
            if not word.isdecimal():
                groups = _DIGITS.findall(word)
                if sum(map(len, groups)) >= _SHORTEST:
                    return True
                word = groups[0] if groups and word[0].isdecimal() else ""
            digits, bare = digits + word, bare if word == "0" else bare + word  # “+49 (0)30”
            if self._knows_end_of(digits) or (bare != digits and self._knows_end_of(bare)):
                return True
            if not words[place].isdecimal():
                digits = bare = groups[-1] if groups and words[place][-1].isdecimal() else ""
        return False

    def _knows_end_of(self, digits: str) -> bool:
        table = self._table
        sizes = range(_SHORTEST, min(len(digits), _TAIL) + 1)
        return table is not None and any(table.rows(hash(digits[-size:])) for size in sizes)

    def matches(self, text: str) -> Iterator[tuple[int, int, Sequence[int]]]:
        """Yield start, end and the rows of each known number in normalised text, without overlaps."""
        if self._table is None:
            return
        for candidate in _CANDIDATE.finditer(text):
            yield from self._matches_in(self._table, text, candidate.start(), candidate.end())

    def _matches_in(
        self, table: HashTable, text: str, start: int, end: int
    ) -> Iterator[tuple[int, int, Sequence[int]]]:
        groups = [found.span() for found in _DIGITS.finditer(text, start, end)]
        first = 0
        while first < len(groups):
            found = self._longest_from(table, text, groups, first)
            if found is None:
                first += 1
                continue
            last, rows = found
            begin = _with_prefix(text, groups[first][0])
            extension = _TRAILING_EXTENSION.match(text, groups[last][1])
            yield begin, extension.end() if extension else groups[last][1], rows
            first = last + 1

    def _longest_from(
        self, table: HashTable, text: str, groups: list[tuple[int, int]], first: int
    ) -> tuple[int, list[int]] | None:
        digits = ""
        best: tuple[int, list[int]] | None = None
        for last in range(first, len(groups)):
            start, end = groups[last]
            group = text[start:end]
            if not (group == "0" and last > first and text[start - 1] == "("):
                digits += group
            if len(digits) > _LONGEST:
                break
            rows = self._lookup(table, digits.lstrip("0"))
            if rows:
                best = last, rows
        return best

    def _lookup(self, table: HashTable, digits: str) -> list[int]:
        rows = table.rows(hash(digits[-_TAIL:]))
        if not rows:
            return []
        known = [(significant_digits(self._written(row)), row) for row in rows]
        exact = [row for number, row in known if number == digits]
        return exact or [row for number, row in known if _differ_by_country_code(number, digits)]


def significant_digits(value: str) -> str:
    """The digits of a written number without extension and leading zeros."""
    if value.isascii() and _NOT_PLAIN.search(value) is None:
        return value.translate(_ONLY_DIGITS).lstrip("0")
    bare = _TRUNK_ZERO.sub("", _EXTENSION.sub("", value.strip()))
    return "".join(_DIGITS.findall(bare)).lstrip("0")


def _differ_by_country_code(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _TAIL and 0 < len(long) - len(short) <= _LONGEST_PREFIX and long.endswith(short)


def _with_prefix(text: str, start: int) -> int:
    while start > 0 and text[start - 1] in "+(":
        start -= 1
    return start
