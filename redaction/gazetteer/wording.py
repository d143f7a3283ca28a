"""A text as words: runs of letters and digits, folded one by one, with their places in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from functools import lru_cache
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits

from redaction.normalise import Mapped, fold, normalise

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_KEPT = ascii_lowercase + digits
_STAND_IN = "\x7f"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_ASCII = str.maketrans(
    {**{chr(code): " " for code in range(128)}, **{c: c for c in _KEPT + _STAND_IN}}
    | dict(zip(ascii_uppercase, ascii_lowercase, strict=True))
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LATIN = re.compile(r"[\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f]*")
_HAS_UMLAUT = re.compile("[äöüÄÖÜ]")


class Words:
    """The words of normalised text. Their places are worked out only for those that are asked for.

    Everything is done on an ASCII shadow of the text, as long as the text, in which a word that is not
    ASCII is a run of one stand-in character: those few words are folded one by one.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._foreign: list[str] = []
        self._foreign_places: list[int] = []
        plain = text.replace(_STAND_IN, " ")
        self._spaced = (plain if plain.isascii() else self._shadow(plain)).translate(_ASCII)
        self._pieces = self._spaced.split()
        self.folded = self._pieces
        if self._foreign:
            self._foreign_places = [place for place, word in enumerate(self._pieces) if word[0] == _STAND_IN]
            self.folded = self._with_foreign(_folded)
        self._placed: dict[int, tuple[int, int]] = {}
        self._last = (0, 0)

    def __len__(self) -> int:
        return len(self.folded)

    def place(self, index: int) -> tuple[int, int]:
        """Start and end of a word in the text."""
        found = self._placed.get(index)
        if found is None:
            word, position = self._last if self._last[0] <= index else (0, 0)
            rest = self._spaced[position:].split(None, index - word)[-1]
            start = len(self._spaced) - len(rest)
            self._last = index, start
            found = self._placed[index] = start, start + len(self._pieces[index])
        return found

    def written(self, index: int) -> str:
        """A word as it is written."""
        start, end = self.place(index)
        return self.text[start:end]

    def gap(self, index: int) -> str:
        """What stands between this word and the one after it."""
        return self.text[self.place(index)[1] : self.place(index + 1)[0]]

    def is_capital(self, index: int) -> bool:
        """Whether a word begins with a capital."""
        return self.written(index)[0].isupper()

    def with_umlauts_spelled_out(self) -> tuple[Words, list[int]] | None:
        """The same words with “ue” for “ü”, and which ones that changes; None if it changes none."""
        if not self._foreign or _HAS_UMLAUT.search(self.text) is None:
            return None
        other = copy(self)
        other.folded = self._with_foreign(_spelled_out)
        changed = [place for place in self._foreign_places if self.folded[place] != other.folded[place]]
        return (other, changed) if changed else None

    def _with_foreign(self, form: Callable[[str], str]) -> list[str]:
        words = list(self._pieces)
        for place, word in zip(self._foreign_places, self._foreign, strict=True):
            words[place] = form(word)
        return words

    def _shadow(self, text: str) -> str:
        pieces: list[str] = []
        position = 0
        for run in _NOT_ASCII.finditer(text):
            if run.end() <= position:
                continue
            start, end = max(position, run.start()), run.end()
            while start > position and _goes_on(text[start - 1]):
                start -= 1
            while end < len(text) and _goes_on(text[end]):
                end += 1
            pieces.append(text[position:start])
            at = start
            for word in _WORD.finditer(text, start, end):
                pieces += " " * (word.start() - at), self._stand_in(word.group())
                at = word.end()
            pieces.append(" " * (end - at))
            position = end
        pieces.append(text[position:])
        return "".join(pieces)

    def _stand_in(self, word: str) -> str:
        if word.isascii():
            return word
        self._foreign.append(word)
        return _STAND_IN * len(word)


def _goes_on(character: str) -> bool:
    return character.isalnum() or not character.isascii()


def words_of(value: str) -> list[str]:
    """The folded words of one value."""
    if value.isascii():
        return value.translate(_ASCII).split()
    text = value if _LATIN.fullmatch(value) else normalise(value).text
    return [_folded(word) for word in _WORD.findall(text)]


def spell_out_umlauts(value: str) -> str:
    """“Mueller” for “Müller”."""
    return value.translate(_UMLAUTS)


def gaps_of(value: str) -> list[str]:
    """What stands between the words of one value: one text fewer than there are words."""
    text = normalise(value).text
    places = [found.span() for found in _WORD.finditer(text)]
    return [text[one[1] : other[0]] for one, other in pairwise(places)]


def marks_around(value: str) -> tuple[str, str]:
    """What a value has before its first word and after its last."""
    text = normalise(value).text.strip()
    places = [found.span() for found in _WORD.finditer(text)]
    return (text[: places[0][0]], text[places[-1][1] :]) if places else ("", "")


@lru_cache(maxsize=65536)
def _folded(word: str) -> str:
    return word.lower() if word.isascii() else fold(Mapped(word)).text.replace(" ", "")


@lru_cache(maxsize=4096)
def _spelled_out(word: str) -> str:
    return _folded(spell_out_umlauts(word))
