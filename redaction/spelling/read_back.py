"""A text with its spoken addresses and numbers in signs.

Nothing is read back that is not a whole address or at least six digits, so prose stays prose.
"""

from __future__ import annotations

import re

from redaction.normalise import MapBuilder, Mapped

from .addresses import spoken_addresses
from .numbers import spoken_numbers
from .sayings import Saying

_WORD = re.compile(r"[^\W\d_]+")


def read_back(normalised: Mapped) -> Mapped | None:
    """The text with spoken addresses and numbers in signs; None where there are none."""
    text = normalised.text.lower()
    if len(text) != len(normalised.text):
        text = "".join(low if len(low := each.lower()) == 1 else each for each in normalised.text)
    words = set(_WORD.findall(text))
    sayings = _apart([*spoken_addresses(text, words), *spoken_numbers(text, words)])
    if not sayings:
        return None
    builder = MapBuilder(normalised)
    position = 0
    for start, end, signs in (piece for _, _, pieces in sayings for piece in pieces):
        builder.copy(normalised.text[position:start], position, start)
        builder.replace(signs, start, end)
        position = end
    builder.copy(normalised.text[position:], position, len(normalised.text))
    return builder.build()


def _apart(sayings: list[Saying]) -> list[Saying]:
    """In order and without overlaps: of two readings of the same words the longer one."""
    kept: list[Saying] = []
    for saying in sorted(sayings):
        if kept and saying[0] < kept[-1][1]:
            kept[-1] = max(kept[-1], saying, key=lambda each: each[1] - each[0])
            if len(kept) > 1 and kept[-1][0] < kept[-2][1]:
                kept.pop()
        else:
            kept.append(saying)
    return kept
