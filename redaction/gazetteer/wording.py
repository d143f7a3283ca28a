"""A text as words: runs of letters and digits, folded one by one, with their places in the text."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits

from redaction.normalise import Mapped, fold, normalise

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_KEPT = ascii_lowercase + digits
_ASCII = str.maketrans(
    {**{chr(code): " " for code in range(128)}, **{c: c for c in _KEPT}}
    | dict(zip(ascii_uppercase, ascii_lowercase, strict=True))
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LATIN = re.compile(r"[\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f]*")
_HAS_UMLAUT = re.compile("[äöüÄÖÜ]")


class Words:
    """The words of normalised text. Their places are worked out only for those that are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        self._placed: dict[int, tuple[int, int]] = {}
        self._last = (0, 0)
        if self.is_ascii:
            self._spaced = text.translate(_ASCII)
            self.folded = self._spaced.split()
        else:
            self._placed = dict(enumerate(found.span() for found in _WORD.finditer(text)))
            self.folded = [_folded(text[start:end]) for start, end in self._placed.values()]

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
            found = self._placed[index] = start, start + len(self.folded[index])
        return found

    def written(self, index: int) -> str:
        """A word as it is written."""
        start, end = self.place(index)
        return self.text[start:end]

    def gap(self, index: int) -> str:
        """What stands between this word and the one after it."""
        return self.text[self.place(index)[1] : self.place(index + 1)[0]]

    def with_umlauts_spelled_out(self) -> Words | None:
        """The same words with “ue” for “ü”, None where that changes nothing."""
        if self.is_ascii or _HAS_UMLAUT.search(self.text) is None:
            return None
        other = Words("")
        other.text, other.is_ascii, other._placed = self.text, False, self._placed
        other.folded = [_spelled_out(self.text[start:end]) for start, end in self._placed.values()]
        return other


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
