"""People in a model's own words whom nobody told it of: made up, or remembered from its training."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from gateway.errors import PartUnavailable
from redaction import DetectorFailed, EntityType, Policy, Redactor, Span

WITHHELD: Final = "[withheld]"
_LONGEST: Final = 400
_LOOKED_FOR: Final = frozenset({EntityType.PERSON, EntityType.ADDRESS})
_ENDED: Final = re.compile(r"[.!?:;](?=\s)|\n")
# behind an initial or a title the name goes on
_ABBREVIATED: Final = re.compile(
    r"\b(?:[A-Z]|Mrs?|Ms|Dr|Prof|St|Lt|Sgt|Capt|Col|Gen|Rev|Hon|Jr|Sr|Hr|Fr|Nr|No)\.\Z"
)
_BEFORE_A_LOWER_CASE_WORD: Final = re.compile(r"\s(?=[^\W\dA-ZÀ-ÞĀ-Ž])")
_WORDS: Final = re.compile(r"\w+")

Names = Callable[[str], Awaitable[list[Span]]]
"""Spans of guessed names in a text."""


class StrangerScreen:
    """Holds text back to the end of a sentence, which the detector of names needs, and reads it there.

    Where a sentence ends is told by the text alone, so the pieces in which it comes make no difference.
    Somebody who stands in `told` is none of the model's making: the words that it was given were read
    before. Everybody else becomes `[withheld]`, and is counted.
    """

    def __init__(self, names: Names, told: Iterable[str], policy: Policy | None = None) -> None:
        self._names = names
        self._told = f" {_plain(' '.join(told))} "
        self._redactor = Redactor([], policy=policy)
        self._pending = ""
        self.withheld = 0

    async def feed(self, chunk: str) -> str:
        """Take the next piece, give whole sentences. Raises `PartUnavailable`."""
        self._pending += chunk
        shown = []
        while end := _end_of_sentence(self._pending):
            ready, self._pending = self._pending[:end], self._pending[end:]
            shown.append(await self._read(ready))
        return "".join(shown)

    async def finish(self) -> str:
        """Give the rest."""
        ready, self._pending = self._pending, ""
        return await self._read(ready)

    async def _read(self, text: str) -> str:
        if not any(character.isalpha() for character in text):
            return text
        pieces: list[str] = []
        position = 0
        for span in self._of_its_own(text, await self._names(text)):
            pieces += text[position : span.start], WITHHELD
            position = span.end
            self.withheld += 1
        return "".join([*pieces, text[position:]])

    def _of_its_own(self, text: str, names: list[Span]) -> Iterator[Span]:
        try:
            spans = self._redactor.detect(text, ner_spans=names)
        except DetectorFailed as error:
            raise PartUnavailable(error.detector, str(error)) from error
        for span in spans:
            if span.type in _LOOKED_FOR and f" {_plain(text[span.start : span.end])} " not in self._told:
                yield span


def _end_of_sentence(text: str) -> int:
    """Where the first sentence of `text` ends for certain, 0 if nowhere yet; a very long one is divided."""
    for found in _ENDED.finditer(text, 0, min(len(text), _LONGEST + 1)):
        if found.end() <= _LONGEST and not _ABBREVIATED.search(text, 0, found.end()):
            return found.end()
    if len(text) <= _LONGEST:
        return 0
    places = [found.start() for found in _BEFORE_A_LOWER_CASE_WORD.finditer(text, 1, _LONGEST)]
    return places[-1] if places else _LONGEST


def _plain(text: str) -> str:
    return " ".join(_WORDS.findall(text.casefold()))
