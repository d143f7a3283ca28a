"""Known people under a pet name, with an initial in between, or with a slip in one half of their name.

Nobody is looked for among all customers: one half must be the known name to the letter. The other half
leads, through the table of pet names or that of near words, to whole names, which are then looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from redaction.normalise import Reading

from .building import FAMILY, GIVEN
from .index import Hit, Index
from .nearby import SHORTEST
from .nicknames import full_names, is_pet_name, pet_names
from .ordinary import is_ordinary_word
from .variants import Rank
from .wording import Words
from .words import is_everyday_word

_GAP = re.compile(r"\s|,\s?")
_INITIAL_GAP = re.compile(r"\s|\.\s?")


def expanded_matches(
    indexes: tuple[Index, ...], reading: Reading, words: Words, unique: set[str]
) -> Iterator[tuple[Index, Hit]]:
    """Whole names of which one half is not written as the CRM has it."""
    for index in indexes:
        known = index.people & unique
        if known:
            search = _Search(index, indexes, reading, words)
            for place, word in enumerate(words.folded):
                if word in known:
                    for hit in search.around(place, index.anchors[word]):
                        yield index, hit


class _Search:
    """One text and one index; names are strangers' names if any index knows them."""

    def __init__(self, index: Index, indexes: tuple[Index, ...], reading: Reading, words: Words) -> None:
        self._index = index
        self._indexes = indexes
        self._reading = reading
        self._words = words
        self._folded = words.folded

    def around(self, place: int, shapes: tuple[int, ...]) -> Iterator[Hit]:
        for other in (place - 1, place + 1):
            if 0 <= other < len(self._folded):
                if FAMILY in shapes:
                    yield from self._pet_name(place, other)
                    yield from self._near(place, other, is_surname=False)
                if GIVEN in shapes:
                    yield from self._near(place, other, is_surname=True)
        if FAMILY in shapes and place >= 2 and len(self._folded[place - 1]) == 1:
            yield from self._initial_between(place)

    def _pet_name(self, place: int, other: int) -> Iterator[Hit]:
        word = self._folded[other]
        names = full_names(word)
        if not names and (len(word) < 3 or not (names := pet_names(word))):
            return
        needs_capital = is_everyday_word(word)
        yield from self._hits(names, self._folded[place], place, other, Rank.NICKNAME, needs_capital)

    def _near(self, place: int, other: int, *, is_surname: bool) -> Iterator[Hit]:
        word = self._folded[other]
        if len(word) < SHORTEST or not word.isalpha() or self._is_a_word_of_its_own(word):
            return
        names = self._index.names.near(word)
        if names:
            whole = self._folded[place]
            needs_capital = is_everyday_word(whole) or len(whole) < SHORTEST - 1
            yield from self._hits(names, whole, place, other, Rank.TYPO, needs_capital, swap=is_surname)

    def _is_a_word_of_its_own(self, word: str) -> bool:
        if is_everyday_word(word) or is_ordinary_word(word) or is_pet_name(word) or pet_names(word):
            return True
        return any(name in index.people for index in self._indexes for name in (word, word.removesuffix("s")))

    def _hits(
        self,
        names: Iterable[str],
        whole: str,
        place: int,
        other: int,
        rank: Rank,
        needs_capital: bool,
        *,
        swap: bool = False,
    ) -> Iterator[Hit]:
        first = min(place, other)
        for name in sorted(names):
            phrase = [whole, name] if swap else [name, whole]  # as the CRM has it: given name first
            rows = self._index.phrases.rows(hash(" ".join(phrase)))
            if rows and _GAP.fullmatch(self._words.gap(first)):
                if needs_capital and not self._are_capitals(first, first + 1):
                    continue
                yield self._index.hit(self._reading, self._words, first, phrase, rows, rank)

    def _initial_between(self, place: int) -> Iterator[Hit]:
        first = place - 2
        phrase = [self._folded[first], self._folded[place]]
        rows = self._index.phrases.rows(hash(" ".join(phrase)))
        gaps = self._words
        if not rows or len(phrase[0]) < 2 or not self._folded[place - 1].isalpha():
            return
        if _INITIAL_GAP.fullmatch(gaps.gap(first)) and _INITIAL_GAP.fullmatch(gaps.gap(place - 1)):
            has_point = gaps.gap(place - 1).startswith(".")
            if has_point or self._are_capitals(first, place - 1, place):
                yield self._index.hit(self._reading, self._words, first, phrase, rows, Rank.NICKNAME, count=3)

    def _are_capitals(self, *places: int) -> bool:
        return all(self._words.text[self._words.place(place)[0]].isupper() for place in places)
