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
from .nicknames import other_given_names
from .ordinary import is_plain_word
from .variants import PARTICLES, Rank
from .wording import Words

_GAP = re.compile(r"\s|,\s?")
_INITIAL_GAP = re.compile(r"\s|\.\s?")


def expanded_matches(
    index: Index, indexes: tuple[Index, ...], reading: Reading, words: Words, places: Iterable[int]
) -> Iterator[Hit]:
    """Whole names of which one half is not written as the CRM has it, around words at `places`."""
    search = _Search(index, indexes, reading, words)
    for place in places:
        shapes = index.anchors[words.folded[place]]
        if shapes[0] < 0 and search.is_promising(place):
            yield from search.around(place, shapes)


class _Search:
    """One text and one index; what any index knows as a name is no slip in another name."""

    def __init__(self, index: Index, indexes: tuple[Index, ...], reading: Reading, words: Words) -> None:
        self._index = index
        self._indexes = indexes
        self._reading = reading
        self._words = words
        self._folded = words.folded

    def is_promising(self, place: int) -> bool:
        """Whether a neighbour could be the other half of this name: most are not, and that is soon seen."""
        around = self._folded[max(0, place - 1) : place] + self._folded[place + 1 : place + 2]
        if any(len(word) == 1 or word in PARTICLES or other_given_names(word) for word in around):
            return True
        if is_plain_word(self._folded[place]) and not self._words.is_capital(place):
            return False
        return any(map(self._may_be_a_slip, around))

    def _may_be_a_slip(self, word: str) -> bool:
        return len(word) >= SHORTEST and word.isalpha() and not self._is_a_word_of_its_own(word)

    def around(self, place: int, shapes: tuple[int, ...]) -> Iterator[Hit]:
        folded = self._folded
        for other in (place - 1, place + 1):
            if not 0 <= other < len(folded):
                continue
            word = folded[other]
            if FAMILY in shapes and (names := other_given_names(word)):
                yield from self._hits(names, folded[place], place, other, Rank.NICKNAME)
            if self._may_be_a_slip(word):
                yield from self._near(place, other, shapes)
        if FAMILY in shapes and place >= 2:
            if len(folded[place - 1]) == 1:
                yield from self._initial_between(place)
            if folded[place - 1] in PARTICLES and (names := other_given_names(folded[place - 2])):
                surname = f"{folded[place - 1]} {folded[place]}"
                yield from self._hits(names, surname, place - 1, place - 2, Rank.NICKNAME)

    def _near(self, place: int, other: int, shapes: tuple[int, ...]) -> Iterator[Hit]:
        whole = self._folded[place]
        names = self._index.names.near(self._folded[other])
        for swap in (False, True):
            if names and (GIVEN if swap else FAMILY) in shapes:
                yield from self._hits(names, whole, place, other, Rank.TYPO, swap=swap)

    def _is_a_word_of_its_own(self, word: str) -> bool:
        if is_plain_word(word) or other_given_names(word):
            return True
        bare = word.removesuffix("s")
        return any(word in index.people or bare in index.people for index in self._indexes)

    def _hits(
        self, names: Iterable[str], whole: str, place: int, other: int, rank: Rank, *, swap: bool = False
    ) -> Iterator[Hit]:
        first = min(place, other)
        exact = self._folded[other] if rank is Rank.NICKNAME else whole
        for name in sorted(names):
            phrase = [whole, name] if swap else [name, whole]  # as the CRM has it: given name first
            rows = self._index.phrases.rows(hash(" ".join(phrase)))
            if not rows or not _GAP.fullmatch(self._words.gap(first if place < other else other)):
                continue
            if is_plain_word(exact) and not self._are_capitals(place, other):
                continue
            words = whole.count(" ") + 2
            yield self._index.hit(self._reading, self._words, first, phrase, rows, rank, count=words)

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
        return all(map(self._words.is_capital, places))
