"""The few records that a text is about: their names count alone, as pet names and with slips in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from redaction.entities import EntityType
from redaction.normalise import Reading

from .index import Hit, Index
from .mentions import is_written_like_a_name
from .nearby import is_near, slips_allowed
from .nicknames import full_names, is_pet_name, other_given_names, pet_names
from .ordinary import is_ordinary_word
from .variants import PARTICLES, TITLES, Rank, name_parts, phrases_of
from .wording import Words, words_of
from .words import is_everyday_word

_MAIL = re.compile(r"[\w.%+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_SHORTEST_COMPANY_WORD = 4
_AT_MOST = 400


class Scope:
    """What some records of one index are called."""

    def __init__(self, index: Index, entities: Sequence[str]) -> None:
        self._index = index
        self._lone: dict[str, dict[int, Rank]] = {}
        self._given: set[str] = set()
        self._mails: dict[str, list[int]] = {}
        self._initials: dict[tuple[str, str], list[int]] = {}
        rows = [row for entity in entities for row in index.rows_of(entity)]
        for row in rows[:_AT_MOST]:
            self._learn(row)
        self._near: list[tuple[str, int]] = [
            (word, slips)
            for word, ranks in self._lone.items()
            if (slips := slips_allowed(word))
            and not is_everyday_word(word)
            and not is_ordinary_word(word)
            and min(ranks.values()) < Rank.NICKNAME
        ]

    def _learn(self, row: int) -> None:
        entries = self._index.entries
        kind, value = entries.type(row), entries.value(row)
        if kind is EntityType.PERSON:
            self._learn_person(row, value)
        elif kind is EntityType.ORGANIZATION:
            for word in _company_words(value):
                self._put(word, row, Rank.SHORTER)
        elif kind is EntityType.EMAIL and len(value) >= 9:
            self._mails.setdefault(value.lower(), []).append(row)

    def _learn_person(self, row: int, value: str) -> None:
        for spelling in dict.fromkeys((value, value.replace("-", ""))):
            given, family = name_parts(spelling)
            for word in given:
                self._put(word, row, Rank.SHORTER)
                self._given.add(word)
                for other in pet_names(word) | full_names(word):
                    self._put(other, row, Rank.NICKNAME)
                    self._given.add(other)
            for word in family:
                if word not in PARTICLES:
                    self._put(word, row, Rank.SHORTER)
        if given and family:
            self._initials.setdefault((given[0][0], family[-1][0]), []).append(row)

    def _put(self, word: str, row: int, rank: Rank) -> None:
        if len(word) >= 2:
            ranks = self._lone.setdefault(word, {})
            ranks[row] = min(rank, ranks.get(row, rank))

    def matches(self, reading: Reading, words: Words) -> Iterator[Hit]:
        """Lone names, pet names, initials with points, and slips in names, companies and mails."""
        known = {word: found for word in set(words.folded) if (found := self._read(word))}
        if known or self._initials:
            for place, word in enumerate(words.folded):
                if word in known:
                    yield from self._lone_hits(reading, words, place, known[word])
                elif len(word) == 1 and place + 1 < len(words):
                    yield from self._initial_hits(reading, words, place)
        if self._mails and "@" in words.text:
            yield from self._mail_hits(reading)

    def _read(self, word: str) -> dict[int, Rank] | None:
        exact = self._lone.get(word) or (self._lone.get(word[:-1]) if word.endswith("s") else None)
        if exact is not None or not self._near or not slips_allowed(word) or not word.isalpha():
            return exact
        if is_everyday_word(word) or is_ordinary_word(word) or is_pet_name(word) or self._index.is_name(word):
            return None
        near: dict[int, Rank] = {}
        for name, slips in self._near:
            allowed = min(slips, slips_allowed(word))
            if abs(len(name) - len(word)) <= allowed and is_near(word, name, allowed):
                near |= dict.fromkeys(self._lone[name], Rank.TYPO)
        return near or None

    def _lone_hits(self, reading: Reading, words: Words, place: int, found: dict[int, Rank]) -> Iterator[Hit]:
        if not is_written_like_a_name(words, place):
            return
        best = min(found.values())
        rows = [row for row, rank in found.items() if rank == best]
        doubtful = self._belongs_to_a_stranger(words, place)
        word = words.folded[place]
        yield self._index.hit(reading, words, place, [word], rows, best, doubtful=doubtful)

    def _belongs_to_a_stranger(self, words: Words, place: int) -> bool:
        """“Anna Bergmann” in a text about Anna Schmidt: somebody else, or nobody knows."""
        word = words.folded[place]
        if place + 1 < len(words) and (word in self._given or word.removesuffix("s") in self._given):
            after = words.folded[place + 1]
            if words.gap(place) == " " and after not in self._lone:
                capital = words.written(place + 1)[0].isupper() and not is_ordinary_word(after)
                if self._index.is_surname(after) or (capital and after.isalpha() and len(after) > 1):
                    return True
        if place == 0 or words.gap(place - 1) != " " or words.folded[place - 1] in self._lone:
            return False
        before = words.folded[place - 1]
        if before in TITLES or len(before) < 3 or is_everyday_word(before) or is_ordinary_word(before):
            return False
        is_name = self._index.is_given_name(before) or bool(other_given_names(before))
        return is_name or (words.written(place - 1).istitle() and before.isalpha())

    def _initial_hits(self, reading: Reading, words: Words, place: int) -> Iterator[Hit]:
        rows = self._initials.get((words.folded[place], words.folded[place + 1]))
        if rows and words.gap(place) in (".", ". ") and words.written(place).isupper():
            end = words.place(place + 1)[1]
            if words.written(place + 1).isupper() and words.text[end : end + 1] == ".":
                yield self._index.hit(
                    reading, words, place, words.folded[place : place + 2], rows, Rank.NICKNAME
                )

    def _mail_hits(self, reading: Reading) -> Iterator[Hit]:
        text = reading.normalised.text
        for start, end in _mails_in(text):
            written = text[start:end].lower()
            rows = [
                row
                for mail, owners in self._mails.items()
                if mail != written and abs(len(mail) - len(written)) <= 2 and is_near(written, mail, 2)
                for row in owners
            ]
            if rows:
                yield Hit(*reading.normalised.original(start, end), rows, rank=Rank.TYPO)


def _mails_in(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _MAIL.finditer(text))


def _company_words(value: str) -> Iterator[str]:
    shortest = min(phrases_of(value, EntityType.ORGANIZATION), key=len, default="").split(" ")
    for word in words_of(value):
        is_telling = word in shortest and len(word) >= _SHORTEST_COMPANY_WORD and word.isalpha()
        if is_telling and not is_everyday_word(word) and not is_ordinary_word(word):
            yield word
