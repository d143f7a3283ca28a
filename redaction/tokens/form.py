"""The form of tokens: `<PERSON_1>`, and `<PERSON_1_EMAIL>` for another value of the same person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from redaction.entities import EntityType

_STEMS = "|".join(sorted(EntityType, key=len, reverse=True))
_FACET = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*"
_TOKEN = re.compile(rf"<(?P<stem>{_STEMS})_(?P<number>[1-9][0-9]{{0,8}})(?:_(?P<facet>{_FACET}))?>")


def token_core(joint: str) -> str:
    """A pattern for the inside of a token whose words are joined by the pattern `joint`."""
    stems = _STEMS.replace("_", joint)
    return rf"(?:{stems}){joint}[1-9][0-9]{{0,8}}(?:{joint}[A-Z0-9]+)*"


_UNDERSCORE = r"\\?_"
_ANY_JOINT = r"(?:\\?_|[ \-])"
_LOOSE_STEMS = _STEMS.replace("_", _ANY_JOINT)
_JOINED_STEMS = _STEMS.replace("_", _UNDERSCORE)
_LOOKALIKE = re.compile(
    rf"[<\[{{] ?(?:{_LOOSE_STEMS}){_ANY_JOINT}[0-9][A-Z0-9_\\ \-]*[>\]}}]"
    rf"|(?:{_JOINED_STEMS}){_UNDERSCORE}[0-9]+",
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
    """Ranges that `restore` could take for a token, now or next to other text.

    Deliberately wider than what `restore` accepts: no word boundaries, any number.
    """
    for found in _LOOKALIKE.finditer(text, start, len(text) if end is None else end):
        yield found.span()
