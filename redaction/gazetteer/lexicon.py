"""Many values looked up in one pass over a text (Aho-Corasick)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

Payload = TypeVar("Payload")


class Lexicon(Generic[Payload]):
    """Keys with what they stand for; `matches` finds every key in a text, overlapping ones too."""

    def __init__(self, table: Mapping[str, Payload]) -> None:
        from ahocorasick_rs import AhoCorasick

        self._keys = list(table)
        self._payloads = list(table.values())
        self._automaton = AhoCorasick(self._keys, store_patterns=False) if self._keys else None

    def __len__(self) -> int:
        return len(self._keys)

    def matches(self, text: str) -> Iterator[tuple[int, int, str, Payload]]:
        """Yield start, end, key and payload of each occurrence, in order of their ends."""
        if self._automaton is None:
            return
        for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            yield start, end, self._keys[index], self._payloads[index]

    def has_key_from(self, beginning: str) -> bool:
        """Whether any key begins with this, or is this."""
        index = bisect_left(self._sorted_keys, beginning)
        return index < len(self._sorted_keys) and self._sorted_keys[index].startswith(beginning)

    @cached_property
    def _sorted_keys(self) -> list[str]:
        return sorted(self._keys)


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Whether the range does not begin or end inside a word (scripts without spaces have no inside)."""
    return not (
        (start > 0 and _joins(text[start - 1], text[start]))
        or (end < len(text) and _joins(text[end - 1], text[end]))
    )


def _joins(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and not (is_spaceless(left) or is_spaceless(right))


def is_spaceless(character: str) -> bool:
    """Whether a letter belongs to a script that is written without spaces between words."""
    return "\u0e00" <= character <= "\u0eff" or "\u2e80" <= character <= "\ud7af" or character >= "\uf900"
