"""Reading entries into what an index is made of; thrown away when it has been made."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection

from redaction.entities import EntityType

from .entry_table import EntryTable
from .phones import PhoneIndex
from .spelled import is_spelled
from .variants import LONGEST, is_plain_name, name_parts, phrases_of
from .wording import words_of

NUMBERS = frozenset(
    {
        EntityType.ACCOUNT,
        EntityType.CARD,
        EntityType.IBAN,
        EntityType.TAX_ID,
        EntityType.ID,
        EntityType.SECRET,
    }
)
SUBJECTS = (EntityType.PERSON, EntityType.ORGANIZATION)
FAMILY, GIVEN = -1, -2  # beside its shapes, what a word may be in a name
PLACES = 64
HEAD = 4

_SHORTEST_NUMBER = 6
_LONGEST_NUMBER = 40
_TWO_LETTERS_TOGETHER = re.compile(r"[A-Za-z][a-z]")
_HEAD = re.compile(r"[^\W\d]+")


class Building:
    """Hashes of phrases with their rows, and where on its telling word each phrase hangs.

    A *shape* is the place of the telling word in a phrase and the number of its words, as one integer.
    """

    def __init__(self, entries: EntryTable) -> None:
        self._entries = entries
        self.skipped = 0
        self.subjects: dict[int, EntityType] = {}
        self.hashes, self.rows = array("q"), array("i")
        self.number_hashes, self.number_rows = array("q"), array("i")
        self.number_heads: set[str] = set()
        self.number_lengths: set[int] = set()
        self.word_heads: set[str] = set()
        self.people: set[str] = set()
        self.spelled: list[int] = []
        self.phones = PhoneIndex(entries.value)
        self.beginnings = array("q")  # hashes of whatever a longer phrase begins with
        self._shapes: dict[int, int] = {}
        self._masks: dict[str, int] = {}
        first, second = self._bit(2), self._bit(PLACES + 2)
        self._surname = self._bit(FAMILY) | first | second
        self._of_surname = second
        self._given_name = self._bit(GIVEN) | first
        for row, kind in enumerate(entries.types()):
            if kind in SUBJECTS and (entity := entries.entity_number(row)) >= 0:
                self.subjects.setdefault(entity, kind)
        for row in entries.rows_by_type():  # like beside like: a fifth quicker, for the processor's caches
            self._add(row)
        self.phones.finish()

    def anchors(self) -> dict[str, tuple[int, ...]]:
        """Each telling word with its shapes; equal shapes are one object."""
        known: dict[int, tuple[int, ...]] = {}
        for mask in set(self._masks.values()):
            known[mask] = tuple(sorted(shape for shape, bit in self._shapes.items() if mask & bit))
        return {word: known[mask] for word, mask in self._masks.items()}

    def _add(self, row: int) -> None:
        kind, value = self._entries.type(row), self._entries.value(row)
        if kind is EntityType.PHONE and self.phones.add(row, value):
            return
        words = words_of(value)
        if not _says_something(value, words):
            self.skipped += 1
            return
        if kind in NUMBERS:
            self._add_number(row, words)
        if len(words) > LONGEST or is_spelled(value):
            self.spelled.append(row)
        elif kind is EntityType.PERSON:
            self._add_person(row, value, words)
        elif kind is EntityType.EMAIL:
            self._add_mail(row, value, words)
        else:
            self._add_phrases(row, value, kind, words)

    def _add_person(self, row: int, value: str, words: list[str]) -> None:
        phrases = phrases_of(value, EntityType.PERSON, words)
        if is_plain_name(value, words):
            self._add_plain_person(row, words, phrases)
            return
        given, family = name_parts(value, words)
        telling = family[-1] if given else ""
        for name in given:
            if len(name) > 1:
                self._mark(name, self._bit(GIVEN))
                self.people.add(name)
        if telling:
            self._mark(telling, self._bit(FAMILY))
            self.people.add(telling)
        for phrase in phrases:
            parts = phrase.split(" ")
            self._add_phrase(row, phrase, parts, telling if telling in parts else "", genitive=True)

    def _add_plain_person(self, row: int, words: list[str], phrases: Collection[str]) -> None:
        """“Anna Schmidt”: most entries, so what `_add_phrase` would do is written out."""
        given, surname = words
        self.hashes.extend(map(hash, phrases))
        self.rows.extend((row,) * len(phrases))
        self._mark(surname, self._surname)
        self._mark(f"{surname}s", self._of_surname)
        self._mark(given, self._given_name)
        self.people.update(words)
        self.word_heads.add(given[:HEAD])
        self.word_heads.add(surname[:HEAD])
        self.beginnings.extend(map(hash, (given, surname, given[0])))

    def _add_mail(self, row: int, value: str, words: list[str]) -> None:
        local = words[: len(words_of(value.partition("@")[0]))] or words
        self._add_phrase(row, " ".join(words), words, max(local, key=len))

    def _add_phrases(self, row: int, value: str, kind: EntityType, words: list[str]) -> None:
        known: list[str] = []
        for phrase in phrases_of(value, kind, words):
            parts = phrase.split(" ")
            if known[: len(parts)] != parts:
                self._begin(phrase, parts)
                known = parts
            self._add_phrase(row, phrase, parts, genitive=kind is EntityType.ORGANIZATION, begins=False)

    def _add_phrase(
        self,
        row: int,
        phrase: str,
        words: list[str],
        telling: str = "",
        *,
        genitive: bool = False,
        begins: bool = True,
    ) -> None:
        anchor = telling or max(words, key=len)
        place = words.index(anchor)
        self.hashes.append(hash(phrase))
        self.rows.append(row)
        bit = self._bit(place * PLACES + len(words))
        self._masks[anchor] = self._masks.get(anchor, 0) | bit
        if genitive and place == len(words) - 1:
            self._mark(f"{anchor}s", bit)
        if begins:
            self._begin(phrase, words)

    def _begin(self, phrase: str, words: list[str]) -> None:
        """What the phrase begins with, for a text whose end is still to come."""
        self.word_heads.update([word[:HEAD] for word in words])
        end = -1
        for word in words[:-1]:
            end += 1 + len(word)
            self.beginnings.append(hash(phrase[:end]))

    def _add_number(self, row: int, words: list[str]) -> None:
        number = "".join(words)
        if _SHORTEST_NUMBER <= len(number) <= _LONGEST_NUMBER and not number.isalpha():
            self.number_hashes.append(hash(number))
            self.number_rows.append(row)
            self.number_lengths.add(len(number))
            if head := _HEAD.match(number):
                self.number_heads.update((head.group(), words[0]))

    def _bit(self, shape: int) -> int:
        bit = self._shapes.get(shape)
        if bit is None:
            bit = self._shapes[shape] = 1 << len(self._shapes)
        return bit

    def _mark(self, word: str, bits: int) -> None:
        self._masks[word] = self._masks.get(word, 0) | bits


def _says_something(value: str, words: list[str]) -> bool:
    if _TWO_LETTERS_TOGETHER.search(value) is not None:
        return True
    folded = "".join(words)
    letters = sum(character.isalpha() for character in folded)
    digits = sum(character.isdigit() for character in folded)
    return letters >= 2 or digits >= 4 or (letters == 1 and (digits >= 2 or not folded.isascii()))
