"""What the words of a text are looked up in: hashed phrases, hung up on one telling word of each."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redaction.normalise import Reading

from .building import FAMILY, GIVEN, HEAD, PLACES, Building
from .entry_table import EntryTable
from .hashed import HashSet, HashTable, RowsByNumber
from .nearby import NameWords
from .spelled import SpelledIndex
from .variants import Rank
from .wording import Words

_PREFIXES = (1, 2, HEAD)
_LONGEST_NUMBER = 40
_LONGEST_INNER_LETTERS = 4
_NUMBER_GAP = re.compile(r"[\s.\-/_:,;#]*")


@dataclass(frozen=True, slots=True)
class Hit:
    """Rows that answer to a range of the original text.

    With a `phrase` but no `rank` each of them still has to be asked whether it is mentioned there.
    `doubtful` is a name that may as well be a stranger's.
    """

    start: int
    end: int
    rows: Sequence[int]
    phrase: list[str] | None = None
    index: int = 0
    rank: Rank | None = None
    words: Words | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What one pass over the words of a text has shown: places of telling words, and of parts of numbers."""

    unique: set[str]
    telling: list[int]
    numerals: list[int]
    numeral: set[str]


class Index:
    """Everything known about one list of entries. Immutable once built."""

    def __init__(self, entries: EntryTable) -> None:
        self.entries = entries
        build = Building(entries)
        self.skipped, self.subjects = build.skipped, build.subjects
        self.anchors = build.anchors()
        self.people = frozenset(build.people)
        self.phrases = HashTable(build.hashes, build.rows)
        self.names = NameWords(build.people)
        self.phones = build.phones
        self._numbers = HashTable(build.number_hashes, build.number_rows)
        self._number_heads = frozenset(build.number_heads)
        self._number_lengths = frozenset(build.number_lengths)
        self._longest_number = max(build.number_lengths, default=0)
        self._spelled = SpelledIndex([(row, entries[row]) for row in build.spelled])
        self._beginnings = HashSet(build.beginnings)
        self._word_beginnings = HashSet(
            array("q", [hash(word[:size]) for word in build.word_heads for size in _PREFIXES])
        )
        self._by_entity: RowsByNumber | None = None

    def rows_of(self, entity: str) -> tuple[int, ...]:
        """The rows of a record."""
        number = self.entries.number_of(entity)
        if number is None:
            return ()
        if self._by_entity is None:
            self._by_entity = RowsByNumber(self.entries.entity_numbers())
        return self._by_entity.rows(number)

    def is_name(self, word: str) -> bool:
        """Whether somebody is called so, by given name or surname."""
        return word in self.people

    def is_surname(self, word: str) -> bool:
        """Whether this is somebody's surname."""
        return word in self.people and FAMILY in self.anchors[word]

    def is_given_name(self, word: str) -> bool:
        """Whether this is somebody's given name."""
        return word in self.people and GIVEN in self.anchors[word]

    def look(self, words: Words) -> Look:
        """Where in the text the words stand that known phrases and numbers hang on: one pass over them."""
        unique = set(words.folded)
        known = self.anchors.keys() & unique
        digital = {word for word in unique if not word.isalpha()}
        numeral = digital | (self._number_heads & unique) if digital else digital
        interesting = known | numeral
        places = [place for place, word in enumerate(words.folded) if word in interesting]
        folded = words.folded
        return Look(
            unique,
            [place for place in places if folded[place] in known],
            [place for place in places if folded[place] in numeral],
            numeral,
        )

    def matches(self, reading: Reading, words: Words, look: Look) -> Iterator[Hit]:
        """Everything that reads like one of the entries."""
        yield from self.phrases_at(look.telling, reading, words)
        if len(self._numbers):
            yield from self._numbers_at(look, reading, words)
        if self.phones.may_be_in(words.folded, look.numerals):
            for start, end, rows in self.phones.matches(words.text):
                yield Hit(*reading.normalised.original(start, end), rows)
        if len(self._spelled):
            for start, end, rows in self._spelled.matches(reading.folded):
                yield Hit(start, end, rows)

    def phrases_at(self, places: Sequence[int], reading: Reading, words: Words) -> Iterator[Hit]:
        folded, anchors, rows_of = words.folded, self.anchors, self.phrases.rows
        for place in places:
            for shape in anchors[folded[place]]:
                first = place - shape // PLACES
                after = first + shape % PLACES
                if shape < 0 or first < 0 or after > len(folded):
                    continue
                phrase = " ".join(folded[first:after])
                rows = rows_of(hash(phrase))
                if not rows and phrase[-1] == "s":
                    rows = rows_of(hash(phrase := phrase[:-1]))
                if rows:
                    yield self.hit(reading, words, first, phrase.split(" "), rows)

    def hit(
        self,
        reading: Reading,
        words: Words,
        first: int,
        phrase: list[str],
        rows: Sequence[int],
        rank: Rank | None = None,
        *,
        count: int = 0,
        doubtful: bool = False,
    ) -> Hit:
        """What was found at `count` words of the text, as many as the phrase has unless it is told."""
        last = first + (count or len(phrase)) - 1
        start, end = words.place(first)[0], words.place(last)[1]
        return Hit(*reading.normalised.original(start, end), rows, phrase, first, rank, words, doubtful)

    def _numbers_at(self, look: Look, reading: Reading, words: Words) -> Iterator[Hit]:
        telling, folded = look.numeral, words.folded
        for first in look.numerals:
            number = ""
            for last in range(first, min(first + _LONGEST_NUMBER, len(folded))):
                piece = folded[last]
                if last > first and len(piece) > _LONGEST_INNER_LETTERS and piece not in telling:
                    break
                number += piece
                if len(number) > self._longest_number:
                    break
                if len(number) not in self._number_lengths:
                    continue
                rows = self._numbers.rows(hash(number))
                if rows and self._is_one_number(words, first, last):
                    start, end = words.place(first)[0], words.place(last)[1]
                    yield Hit(*reading.normalised.original(start, end), rows)

    @staticmethod
    def _is_one_number(words: Words, first: int, last: int) -> bool:
        return all(_NUMBER_GAP.fullmatch(words.gap(place)) for place in range(first, last))

    def may_begin(self, complete: list[str], partial: str) -> bool:
        """Whether more text could make a known phrase of these words, the last of them unfinished."""
        if complete and hash(" ".join(complete)) not in self._beginnings:
            return False
        if not partial:
            return bool(complete)
        size = max(length for length in _PREFIXES if length <= len(partial))
        return hash(partial[:size]) in self._word_beginnings

    @property
    def has_spelled(self) -> bool:
        """Whether some values are found letter by letter."""
        return len(self._spelled) > 0

    def may_be_spelled(self, tail: str) -> bool:
        """`may_begin` for values that are found letter by letter."""
        return self._spelled.has_key_from(tail)
