"""Known values in scripts that are not written as words with spaces: found letter by letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from redaction.entities import EntityType, GazetteerEntry
from redaction.normalise import Mapped, fold_value, normalise

from .lexicon import Lexicon, is_spaceless, is_whole_word

_LATIN = re.compile(r"[\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f]*")
_NOT_OF_WORDS = re.compile(r"[^\x00-\x7f\w\s\u0300-\u036f]")
_FIRST_LINE = re.compile(r"[,\n]")


def is_spelled(value: str) -> bool:
    """Whether words do not say where this value begins and ends: Chinese, Thai, Devanagari, “Acme®”."""
    if value.isascii() or _LATIN.fullmatch(value) is not None:
        return False
    text = normalise(value).text
    return _NOT_OF_WORDS.search(text) is not None or any(is_spaceless(character) for character in text)


class SpelledIndex:
    """Few values, as a rule: an automaton over their folded letters."""

    def __init__(self, entries: Sequence[tuple[int, GazetteerEntry]]) -> None:
        table: dict[str, list[int]] = {}
        for row, entry in entries:
            for key in _keys(entry):
                table.setdefault(key, []).append(row)
        self._lexicon = Lexicon(table)

    def __len__(self) -> int:
        return len(self._lexicon)

    def matches(self, folded: Mapped) -> Iterator[tuple[int, int, Sequence[int]]]:
        """Yield start and end in the original text, and the rows found there."""
        if not len(self._lexicon):
            return
        for start, end, _, rows in self._lexicon.matches(folded.text):
            if is_whole_word(folded.text, start, end):
                yield *folded.original(start, end), rows

    def has_key_from(self, beginning: str) -> bool:
        """Whether more text could make a value of this."""
        return self._lexicon.has_key_from(beginning)


def _keys(entry: GazetteerEntry) -> set[str]:
    folded = fold_value(entry.value)
    keys = {folded}
    words = folded.split(" ")
    if entry.type is EntityType.PERSON and 2 <= len(words) <= 4:
        keys |= {f"{words[-1]} {' '.join(words[:-1])}", f"{words[0]} {words[-1]}"}
        keys |= {f"{words[0][0]}. {words[-1]}"}
    if entry.type is EntityType.ORGANIZATION:
        keys.add(re.sub(r" (?:gmbh|ag|kg|inc\.?|llc|ltd\.?|limited|corp\.?|co\.?|s\.?a\.?)$", "", folded))
    if entry.type is EntityType.ADDRESS:
        street = fold_value(_FIRST_LINE.split(entry.value, maxsplit=1)[0])
        if len(street) >= 8 and any(character.isdigit() for character in street):
            keys.add(street)
    return {key for key in keys if key}
