"""Words within one slip of the keyboard of a known one, found by what is left when a letter is dropped.

After W. Garbe's symmetric deletions: two words are within one insertion, deletion, substitution or swap of
neighbours only if they share a form that lacks at most one letter.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from .hashed import HashTable

SHORTEST = 5
_SHORTEST_FOR_TWO = 9


class NameWords:
    """The given names and surnames of all known people."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(name for name in names if len(name) >= SHORTEST - 1)
        hashes, rows = array("q"), array("i")
        for row, name in enumerate(self._names):
            for form in _forms(name):
                hashes.append(hash(form))
                rows.append(row)
        self._table = HashTable(hashes, rows)

    def near(self, word: str) -> list[str]:
        """Known names within one slip of a word of five letters or more, itself left out."""
        if len(word) < SHORTEST or not self._names:
            return []
        rows = {row for form in _forms(word) for row in self._table.rows(hash(form))}
        return [
            self._names[row]
            for row in sorted(rows)
            if self._names[row] != word and is_near(word, self._names[row], 1)
        ]


def is_near(word: str, known: str, slips: int) -> bool:
    """Whether two words are within so many slips (Damerau and Levenshtein)."""
    from rapidfuzz.distance import DamerauLevenshtein

    return bool(DamerauLevenshtein.distance(word, known, score_cutoff=slips) <= slips)


def slips_allowed(word: str) -> int:
    """How many slips a mention of this word may hold: two need a long word, and a short one allows none."""
    if len(word) < SHORTEST:
        return 0
    return 1 if len(word) < _SHORTEST_FOR_TWO else 2


def _forms(word: str) -> set[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}
