"""The form of tokens: `<PERSON_1>`, and `<PERSON_1_EMAIL>` for another value of the same person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from redaction.entities import EntityType

STEMS = "|".join(sorted(EntityType, key=len, reverse=True))
NAME_FACETS = frozenset({"FIRST", "LAST", "MIDDLE", "ALT"})
"""Facets that are forms of the record's own name; every other facet is the type of another value."""

_FACET = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*"
_TOKEN = re.compile(rf"<(?P<stem>{STEMS})_(?P<number>[1-9][0-9]{{0,8}})(?:_(?P<facet>{_FACET}))?>")


def _joined(pattern: str, joint: str) -> str:
    return pattern.replace("_", joint)


UNDERSCORE = r"\\?[_＿]"
JOINT = r"(?: ?\\?[_＿\-] ?| ?)"
"""What may stand between the words of a token in brackets: as little as nothing."""
ANGLE = r"(?:[<＜‹〈《⟨⟦]|&(?:amp;)?(?:lt|#0{0,4}60|#[xX]0{0,4}3[cC]);|\\u003[cC])"
OPENING = rf"(?:{ANGLE}|[\[［【{{｛])"
CLOSING = r"(?:[>＞›〉》⟩⟧\]］】}｝]|&(?:amp;)?(?:gt|#0{0,4}62|#[xX]0{0,4}3[eE]);|\\u003[eE])"
LOOSE_STEMS = _joined(STEMS, JOINT)
JOINED_STEMS = _joined(STEMS, UNDERSCORE)
FACET_WORDS = frozenset({word for kind in EntityType for word in kind.split("_")} | NAME_FACETS)

_WORDS = "|".join(sorted(FACET_WORDS, key=len, reverse=True))
_SPACED = rf"[ \-](?!(?:{JOINED_STEMS}){UNDERSCORE}[0-9])(?:{_WORDS}|[0-9]{{1,3}})(?![A-Za-z0-9])"
REST = rf"(?:(?:{_WORDS})?(?:{UNDERSCORE}[A-Za-z0-9]{{1,20}}|{_SPACED}){{0,5}}\\?)"
"""What may follow the number in brackets: any word after an underscore, words of facets after a space."""
OWNING = r"(?:['’][sS]?)?"

_LOOKALIKE = re.compile(
    rf"\\?{OPENING} ?/? ?(?:{LOOSE_STEMS}){JOINT}[0-9]+{REST}{OWNING} ?/?{CLOSING}"
    rf"|(?:{JOINED_STEMS}){UNDERSCORE}[0-9]+",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart; `str` puts it together."""

    stem: EntityType
    number: int
    facet: str | None = None

    def __str__(self) -> str:
        return f"<{self.stem}_{self.number}{f'_{self.facet}' if self.facet else ''}>"


def is_token(text: str) -> bool:
    """Whether `text` is exactly one token in its proper form."""
    return _TOKEN.fullmatch(text) is not None


def parse_token(text: str) -> Token | None:
    """Take a token apart; None when `text` is not exactly one."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    return Token(EntityType(found["stem"]), int(found["number"]), found["facet"])


def find_tokens(text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of every token in its proper form."""
    return [(*found.span(), found.group()) for found in _TOKEN.finditer(text)]


def find_lookalikes(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Ranges that a restorer could take for a token, now or next to other text.

    Deliberately wider than what `marks` reads: no word boundaries, any number, any case.
    """
    for found in _LOOKALIKE.finditer(text, start, len(text) if end is None else end):
        yield found.span()
