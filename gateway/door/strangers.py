"""People in a model's own words whom nobody told it of: made up, or remembered from its training."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from gateway.errors import PartUnavailable
from redaction import DetectorFailed, EntityType, Redactor, Span

WITHHELD: Final = "[withheld]"
_LONGEST: Final = 400
# a sentence that has ended, but not behind the initial of a name
_ENDED: Final = re.compile(r"(?:[.!?:;](?<!\b[A-Z]\.)(?=\s)|\n)")

Names = Callable[[str], Awaitable[list[Span]]]
"""Spans of guessed names in a text."""


class StrangerScreen:
    """Holds text back to the end of a sentence, which the detector of names needs, and reads it there.

    A person that stands in `told` is none of the model's making: the words that it was given were read
    before. Everybody else becomes `[withheld]`, and is counted.
    """

    def __init__(self, names: Names, told: Iterable[str]) -> None:
        self._names = names
        self._told = _plain(" ".join(told))
        self._plain_redactor = Redactor([])
        self._pending = ""
        self.withheld = 0

    async def feed(self, chunk: str) -> str:
        """Take the next piece, give whole sentences. Raises `PartUnavailable`."""
        self._pending += chunk
        end = 0
        for found in _ENDED.finditer(self._pending):
            end = found.end()
        if not end and len(self._pending) > _LONGEST:
            end = max(self._pending.rfind(" "), 0)
        ready, self._pending = self._pending[:end], self._pending[end:]
        return await self._read(ready)

    async def finish(self) -> str:
        """Give the rest."""
        ready, self._pending = self._pending, ""
        return await self._read(ready)

    async def _read(self, text: str) -> str:
        if not any(character.isalpha() for character in text):
            return text
        pieces: list[str] = []
        position = 0
        for span in self._spans(text, await self._names(text)):
            if span.type is EntityType.PERSON and _plain(text[span.start : span.end]) not in self._told:
                pieces += text[position : span.start], WITHHELD
                position = span.end
                self.withheld += 1
        return "".join([*pieces, text[position:]])

    def _spans(self, text: str, names: list[Span]) -> list[Span]:
        try:
            return self._plain_redactor.detect(text, ner_spans=names)
        except DetectorFailed as error:
            raise PartUnavailable(error.detector, str(error)) from error


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
