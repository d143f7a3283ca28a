"""What a model makes of tokens: each piece of text that was meant as one, however it was copied."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from redaction.entities import EntityType

from .form import (
    ANGLE,
    CLOSING,
    FACET_WORDS,
    JOINED_STEMS,
    JOINT,
    LOOSE_STEMS,
    OPENING,
    OWNING,
    REST,
    UNDERSCORE,
)

BEFORE: Final = 8
"""How many characters before a mark decide whether it is one."""

_MARK = re.compile(
    rf"(?ai:(?P<slash>\\)?(?P<opening>{OPENING}) ?/? ?(?P<stem>{LOOSE_STEMS})(?P<joint>{JOINT})"
    rf"(?P<number>[0-9]{{1,9}})(?P<rest>{REST})(?P<owning>{OWNING}) ?/?{CLOSING})"
    rf"|(?:(?P<lone>{ANGLE})|(?<![\w\\\-＿])(?<!(?i:tax) ))(?P<style>_{{0,3}})"
    rf"(?ai:(?P<bare>{JOINED_STEMS}){UNDERSCORE}(?P<count>[0-9]{{1,9}})(?P<more>(?:{UNDERSCORE}[A-Z0-9]+)*))"
    r"(?P=style)(?![\w\\＿])(?P<lost>[>＞])?"
)
_SQUARE = frozenset("[［【{｛")
_MAY_LOSE_ITS_OPENING = frozenset("\"'(* \t\r\n")
_OPENING = re.compile(rf"\\?{OPENING}")
_OPENING_BEGUN = re.compile(r"(?i)(?:\\(?:u0{0,2}3?)?|&(?:amp;)?(?:#x?[0-9]{0,6}c?|[a-z]{0,3}))\Z")
_OPENED = re.compile(
    r"[ /]{0,3}(?P<core>[A-Za-z0-9_＿\\\-][A-Za-z0-9_＿\\ \-]{0,200})?(?:['’][sS]?)?[ /]{0,2}"
    r"(?:&(?:amp;)?[#A-Za-z0-9]{0,8}|\\(?:u[0-9]{0,3})?)?\Z"
)
_LAST_WORD = re.compile(r"(?<![\w\\\-＿])(?:_{1,3}|(?=[A-Za-z]))(?P<core>[A-Za-z0-9_＿\\]*)\Z")
_CORE = re.compile(r"(?P<letters>[A-Za-z_＿\\ \-]*)(?P<number>[0-9]*)(?P<rest>.*)", re.DOTALL)
_LONGEST = 240
_JOINTS = re.compile(r"[\\_＿ \-]+")
_SPACES = re.compile(r"[ \-]")
_KINDS = {kind.replace("_", ""): kind for kind in EntityType}


class Subject(NamedTuple):
    """What the tokens of one record share. No token has the number 0."""

    stem: EntityType
    number: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters `start` up to `end` that were meant as a token of `subject`; `facet` is "" for none.

    `before` and `after` stay in the text around the value. A `spaced` facet may be words of the sentence.
    `is_bare` says that there are no brackets, `is_open` that only the first is there.
    """

    start: int
    end: int
    subject: Subject
    facet: str
    before: str = ""
    after: str = ""
    spaced: bool = False
    is_bare: bool = False
    is_open: bool = False


def next_mark(text: str, position: int) -> Mark | None:
    """The first mark at or after `position`; up to `BEFORE` characters before it count."""
    while (found := _MARK.search(text, position)) is not None:
        mark = _bare(found) if found["bare"] else _bracketed(found)
        if mark is not None:
            return mark
        position = found.start() + 1
    return None


def open_from(text: str, start: int, kinds: Collection[EntityType]) -> int:
    """Where the end of `text`, from `start` on, begins that more text could make a mark, or make it longer.

    The length of `text` if nowhere. A word without brackets counts for these `kinds` alone.
    """
    for opening in _OPENING.finditer(text, max(start, len(text) - _LONGEST)):
        tail = _OPENED.match(text, opening.end())
        if tail is not None and _may_become_mark(tail["core"] or "", _KINDS.values()):
            return opening.start()
    begun = _OPENING_BEGUN.search(text, start)
    word = _LAST_WORD.search(text, start)
    places = [len(text) if begun is None else begun.start()]
    if word is not None and _may_become_mark(word["core"], kinds):
        places.append(word.start())
    return min(places)


def _bracketed(found: re.Match[str]) -> Mark | None:
    joined = "_" in found["joint"] or "＿" in found["joint"]
    if found["opening"] in _SQUARE and not joined and not found["stem"].isupper():
        return None  # people write “[card 1]”
    slash = found["slash"] or ""
    return Mark(
        found.start(),
        found.end(),
        _subject(found["stem"], found["number"]),
        _facet(found["rest"]),
        before="" if found["rest"].endswith("\\") else slash,
        after=found["owning"],
        spaced=_SPACES.search(found["rest"]) is not None,
    )


def _bare(found: re.Match[str]) -> Mark:
    lone = found["lone"] is not None
    closed = found["lost"] is not None
    keeps = closed and not lone and found.string[: found.start()][-1:] not in {"", *_MAY_LOSE_ITS_OPENING}
    return Mark(
        found.start(),
        found.start("lost") if keeps else found.end(),
        _subject(found["bare"], found["count"]),
        _facet(found["more"]),
        before=found["style"],
        after=found["style"],
        is_bare=not lone,
        is_open=lone and not closed,
    )


def _subject(stem: str, number: str) -> Subject:
    return Subject(_KINDS[_JOINTS.sub("", stem).upper()], 0 if number.startswith("0") else int(number))


def _facet(rest: str) -> str:
    return _JOINTS.sub("_", rest).strip("_").upper()


def _may_become_mark(core: str, kinds: Collection[EntityType]) -> bool:
    """Whether more text could make a mark of brackets or a word with this inside; wider than it need be."""
    found = _CORE.fullmatch(core)
    if found is None:
        return False
    letters = _JOINTS.sub("", found["letters"]).upper()
    if not found["number"]:
        return any(kind.replace("_", "").startswith(letters) for kind in kinds)
    _, *words = _SPACES.split(found["rest"])
    *whole, last = [_JOINTS.split(word.upper())[0] for word in words] or [""]
    goes_on = last.isdigit() or any(word.startswith(last) for word in FACET_WORDS)
    is_facet = all(not word or word.isdigit() or word in FACET_WORDS for word in whole)
    return is_facet and goes_on and _KINDS.get(letters) in kinds
