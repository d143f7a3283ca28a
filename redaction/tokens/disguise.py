"""Words that nobody has, in place of names of somebody whom the asker must not learn to be known.

A name that only the CRM knows is hidden from a model; a name that was made up is not. If the one became a
type and the other stayed a word, what is found by meaning would tell which of the two it is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle

from redaction.entities import Redacted, Span
from redaction.overlaps import resolve, subtract

_WORD = re.compile(r"\w+")
_VOWELS, _OTHERS, _DIGITS = "aeiou", "bdfghklmnprstvwz", "0123456789"
_OF_NOBODY = frozenset(
    """a ab ag and bros brothers co company corp corporation cie de der die do e eg et family foundation für
    gbr gmbh group gruppe holding household inc kg kgaa la limited llc llp ltd mbh of ohg partner partners plc
    s sa sarl se services sohn sons söhne the trust ug und v van verein von y""".split()
)
"""Words of many names: somebody made up may have them too, and they say of nobody who it is."""


def disguised(text: str, known: Iterable[Span], guessed: Iterable[Span], key: bytes) -> Redacted:
    """The text as if the CRM knew nobody: `guessed` becomes types, and other words of what is `known` become
    words of the same length that nobody has, always the same for a word and a `key`. This cannot be restored.

    `known` is what all detectors find, `guessed` what they find without the CRM.
    """
    types = [replace(span, entity=None, entities=(), field=None) for span in resolve(text, guessed)]
    taken = [(span.start, span.end) for span in types]
    left = [piece for span in resolve(text, known) for piece in subtract(text, span, taken)]
    instead = {(span.start, span.end): f"[{span.type}]" for span in types}
    instead |= {
        (span.start, span.end): _WORD.sub(lambda found: _other(found[0], key), text[span.start : span.end])
        for span in left
    }
    pieces, position = [], 0
    for (start, end), words in sorted(instead.items()):
        pieces += [text[position:start], words]
        position = end
    return Redacted("".join([*pieces, text[position:]]))


def _other(word: str, key: bytes) -> str:
    plain = word.casefold()
    if plain in _OF_NOBODY:
        return word
    drawn = cycle(hmac.digest(key, plain.encode(), hashlib.sha256))
    return "".join(_letter(letter, number) for letter, number in zip(word, drawn, strict=False))


def _letter(letter: str, number: int) -> str:
    if letter.isdigit():
        return _DIGITS[number % 10]
    if not letter.isalpha():
        return letter
    of = _VOWELS if letter.lower() in "aeiouyäöüáéíóúàèìòùâêîôû" else _OTHERS
    drawn = of[number % len(of)]
    return drawn.upper() if letter.isupper() else drawn
