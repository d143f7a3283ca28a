"""How a text is built: messages of a mail thread, turns of a transcript, sections under headings, or prose.

A long text is parted where its own parts end, so that no piece holds half of two messages.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from retrieval.crm.map import Split

_FEW_TURNS: Final = 3
_HEADING: Final = re.compile(
    r"^(?P<marks>#{1,6})[ \t]+(?P<hashed>\S.*?)[ \t]*#*$"
    r"|^(?P<under>\S[^\n]{0,100})\n(?P<line>={3,}|-{3,})[ \t]*$"
    r"|^\*\*(?P<bold>[^*\n]{2,100})\*\*:?[ \t]*$",
    re.MULTILINE,
)
_MESSAGE: Final = re.compile(
    r"^[> \t]*(?:"
    r"-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht)[ -]*$"
    r"|on\b[^\n]{4,120}(?:\n[>\s]*[^\n]{1,60})?\bwrote:[ \t]*$"
    r"|am\b[^\n]{4,120}(?:\n[>\s]*[^\n]{1,60})?\bschrieb\b[^\n]{0,80}:[ \t]*$"
    r"|(?:from|von):[ \t][^\n]+\n[>\s]*(?:sent|date|to|gesendet|datum|an|subject|betreff):[ \t]"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_TURN: Final = re.compile(
    r"^[ \t>*_]*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]m)?[\])]?[ \t,-]*)?"
    r"(?P<who>[^\W\d_][\w.'’ -]{0,40}?)[ \t]*(?:\([^)\n]{1,30}\))?[ \t]*[*_]*:[*_]*(?=\s|$)",
    re.MULTILINE,
)


class Part(NamedTuple):
    """A part of a text, by its place (code points, half open), and the headings it stands under."""

    start: int
    end: int
    under: str = ""


def form_of(text: str) -> Split:
    """What a text is, by its own marks; prose when it has none."""
    if _MESSAGE.search(text):
        return Split.MAIL
    if len([*_turns(text)]) >= _FEW_TURNS:
        return Split.TURNS
    if len(_HEADING.findall(text)) > 1:
        return Split.HEADINGS
    return Split.PROSE


def parts_of(text: str, form: Split = Split.AUTO) -> list[Part]:
    """The parts of a text in their order; together they are the whole of it."""
    match form_of(text) if form is Split.AUTO else form:
        case Split.MAIL:
            return _between(text, [found.start() for found in _MESSAGE.finditer(text)])
        case Split.TURNS:
            return _between(text, list(_turns(text)))
        case Split.HEADINGS:
            return _sections(text)
        case _:
            return [Part(0, len(text))]


def _turns(text: str) -> Iterator[int]:
    """Where somebody begins to speak: a short name before a colon that speaks more than once."""
    found = [(turn.start(), turn["who"].strip().casefold()) for turn in _TURN.finditer(text)]
    speakers = [who for _, who in found]
    return (start for start, who in found if speakers.count(who) > 1)


def _between(text: str, starts: list[int]) -> list[Part]:
    edges = [0, *(start for start in starts if start > 0), len(text)]
    return [Part(start, end) for start, end in pairwise(edges) if end > start]


def _sections(text: str) -> list[Part]:
    path: list[tuple[int, str]] = []
    parts: list[Part] = []
    last, under = 0, ""
    for found in _HEADING.finditer(text):
        if found.start() > last:
            parts.append(Part(last, found.start(), under))
        level, name = _named(found)
        path = [(other, called) for other, called in path if other < level]
        under = " › ".join(called for _, called in path)
        path.append((level, name))
        last = found.start()
    return [*parts, Part(last, len(text), under)] if text[last:] else parts


def _named(found: re.Match[str]) -> tuple[int, str]:
    if found["marks"]:
        return len(found["marks"]), found["hashed"]
    if found["under"]:
        return (1 if found["line"].startswith("=") else 2), found["under"].strip()
    return 7, found["bold"].strip()
