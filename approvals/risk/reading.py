"""A text as it is weighed: plain digits, quotes and spaces, and each run of white space as one."""

import re
from functools import lru_cache
from typing import Final

from redaction import MapBuilder, Mapped, Reading

_BLANKS: Final = re.compile(r"\s{2,}|(?<=\d)\n(?=\d)|[^\S \n]")


@lru_cache(maxsize=512)  # the sources are read for each sentence anew
def as_read(text: str) -> Mapped:
    """The text in the one spelling that the rules know, with a map back; a line break stays one, except in a
    number. What a person reads as 5,000 is 5,000, however its digits and the spaces in it are encoded."""
    base = Reading(text).normalised
    if not _BLANKS.search(base.text):
        return base
    builder = MapBuilder(base)
    position = 0
    for run in _BLANKS.finditer(base.text):
        builder.copy(base.text[position : run.start()], position, run.start())
        builder.replace(_blank(base.text, *run.span()), *run.span())
        position = run.end()
    builder.copy(base.text[position:], position, len(base.text))
    return builder.build()


def _blank(text: str, start: int, end: int) -> str:
    in_number = text[:start][-1:].isdigit() and text[end : end + 1].isdigit()
    return " " if in_number or "\n" not in text[start:end] else "\n"
