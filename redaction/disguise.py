"""A made-up name of the same form: what stands for a name where nobody may tell that it is known."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

_WORD: Final = re.compile(r"\S*\d\S*|\w+")
_KEPT: Final = frozenset(
    """and und et of the der die das von van de la
    gmbh ltd limited inc ag llc corp corporation plc kg se bv srl""".split()
)
_LETTERS: Final = 4


def disguise(value: str, key: str) -> str:
    """`value` with every word made up: capitals, digits, small words and legal forms stay where they were.

    `key` makes two disguises differ; the same key gives the same words. Nothing of the value but its form
    is left, and no word has the length that it had.
    """
    digest = sha256(key.encode()).digest()
    letters = "".join(chr(ord("a") + byte % 26) for byte in digest[:_LETTERS])
    digits = str(int.from_bytes(digest[_LETTERS:12]))

    def made_up(found: re.Match[str]) -> str:
        word = found.group()
        if word.lower() in _KEPT:
            return word
        if any(character.isdigit() for character in word):
            return _code(word, digits)
        made = f"xo{letters}"
        return (
            made.upper() if len(word) > 1 and word.isupper() else made.title() if word[0].isupper() else made
        )

    return _WORD.sub(made_up, value)


def _code(word: str, digits: str) -> str:
    """A number that begins with 0 and letters that are all X, in the places of the word's own."""
    numbers = iter("0" + digits[: len(word)].rjust(len(word), "0"))
    return "".join(
        next(numbers) if one.isdigit() else "X" if one.isupper() else "x" if one.isalpha() else one
        for one in word
    )
