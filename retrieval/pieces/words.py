"""References inside texts: one word each for the terms of BM25, and the same in questions and documents."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

_BRACKETED: Final = re.compile(r"\[([a-z][a-z0-9_]*:[^\]\s|]+(?:\|[^\]\s|]+)*)\]")
_NOT_A_WORD: Final = re.compile(r"\W+")
_CODE: Final = re.compile(
    r"(?<!\w)(?:(?P<head>[A-Za-z]{1,6})[-_/.#]{1,2}|(?P<upper>[A-Z]{1,5}) )"
    r"(?P<number>\d{2,}(?:[-/]\d+)*)(?!\w)"
)
"""The number of a case, an order or a product, such as `CS-30517` or `SO 1004`."""


def plain_references(text: str) -> str:
    """`[account:12]` → `account_12`, as documents have it; `[contact:3|contact:9]` → both."""
    return _BRACKETED.sub(
        lambda found: " ".join(_NOT_A_WORD.sub("_", ref) for ref in found.group(1).split("|")), text
    )


def references_in(text: str) -> tuple[str, ...]:
    """Every reference in brackets, in order; those of one ambiguous value stay joined by `|`."""
    return tuple(dict.fromkeys(_BRACKETED.findall(text)))


def with_references(text: str, kept: Collection[str]) -> str:
    """The text with those references alone that are among `kept`; the others leave nothing behind."""

    def some(found: re.Match[str]) -> str:
        refs = [ref for ref in found.group(1).split("|") if ref in kept]
        return f"[{'|'.join(refs)}]" if refs else ""

    return _BRACKETED.sub(some, text)


def as_terms(text: str, kinds: Collection[str]) -> str:
    """The text with each reference as one term: `account_12` → `refaccount12`, which no tokenizer parts.

    A number that is written in parts is there in one as well, as somebody may type it: `CS-30517 cs30517`.
    """
    words = _reference_words(frozenset(kinds)).sub(
        lambda found: "ref" + found.group(0).replace("_", ""), plain_references(text)
    )
    codes = [
        _NOT_A_WORD.sub("", (found["head"] or found["upper"]) + found["number"]).lower()
        for found in _CODE.finditer(words)
    ]
    return " ".join([words, *dict.fromkeys(codes)])


def without_references(text: str) -> str:
    """The text without references: what is asked, not of whom."""
    return " ".join(_BRACKETED.sub(" ", text).split())


@lru_cache(maxsize=8)
def _reference_words(kinds: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(kinds, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{names})_\w+")
