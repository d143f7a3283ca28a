"""Links, images and tags taken out of a stream of Markdown, however it is cut."""

import re
from typing import Final

from .destinations import Hosts

REMOVED: Final = "[link removed]"
_LABEL: Final = 300
_DESTINATION: Final = 600
_TAG: Final = 600
_DROPPED: Final = 600
_SPECIAL: Final = re.compile(r"[\[\]!<]")
_SPACE: Final = " \t\r\n\f\v"
_TOKEN: Final = r"<[A-Z][A-Z0-9_]{0,60}>"  # noqa: S105 - the form of a token
_INSIDE: Final = re.compile(rf"(?:[^<>]|{_TOKEN})*")
_IS_TOKEN: Final = re.compile(_TOKEN)
_OPENS_TOKEN: Final = re.compile(r"<[A-Z0-9_]{0,61}\Z")
_OPENS_TAG: Final = re.compile(r"<[A-Za-z/!?]")
_AUTOLINK: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,31}:\S*")
_NAME: Final = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)(?=[\s/]|\Z)")
_ACTIVE: Final = frozenset(
    "a area audio base button embed form frame iframe image img input link math meta object script source"
    " style svg template track video".split()
)
_GLUE_AFTER: Final = frozenset("([:]<!/\\&#;")
_GLUE_BEFORE: Final = frozenset("<[!&]:/\\#")


class MarkupFilter:
    """Takes away what would make a reader's program ask another host.

    `[text](address)` keeps its text, `![text](address)` too; a definition, an autolink and a tag with an
    attribute go. What was taken out never lets its neighbours grow together to something new. At most
    900 characters are held back; what is not decided by then is made harmless.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._pending = ""
        self._last = ""
        self._gap = False
        self._closing = 0
        self._dropped = 0
        self._skipping = False

    def feed(self, chunk: str) -> str:
        """Take the next piece, give what is certain."""
        self._pending += chunk
        return self._run(final=False)

    def finish(self) -> str:
        """Give the rest."""
        return self._run(final=True)

    def _run(self, *, final: bool) -> str:
        text, position, given = self._pending, 0, []
        while position < len(text):
            if self._closing or self._skipping:
                position += self._drop(text[position])
                continue
            found = _SPECIAL.search(text, position)
            start = found.start() if found else len(text)
            given.append(self._give(text[position:start]))
            position = start
            if found is None:
                break
            step = self._step(text, position, final)
            if step is None:
                break
            position += step[0]
            given.append(self._give(step[1]))
            if step[1] == REMOVED:
                self._gap, self._last = True, ""
        self._pending = text[position:]
        return "".join(given)

    def _give(self, piece: str) -> str:
        if not piece:
            return ""
        if self._gap and (piece[0] in _GLUE_AFTER or self._last in _GLUE_BEFORE):
            piece = " " + piece
        self._gap = False
        self._last = piece[-1]
        return piece

    def _drop(self, character: str) -> int:
        """Leave out one character of the construct that is being removed; 0 when it is no part of it."""
        if self._skipping:
            self._skipping = character not in _SPACE
            return int(self._skipping)
        self._dropped += bool(self._dropped or character in _SPACE)  # an address is left out to its end
        self._closing += {"(": 1, ")": -1}.get(character, 0)
        if self._dropped >= _DROPPED:
            self._closing = 0
        return 1

    def _step(self, text: str, at: int, final: bool) -> tuple[int, str] | None:
        """How many characters are used up and what is given for them; None until more is known."""
        character = text[at]
        if character == "]":
            return self._close(text, at, final)
        if character == "<":
            return self._tag(text, at, final)
        bracket = at + (character == "!")
        if bracket == len(text):
            return (1, character) if final else None
        if text[bracket] != "[":
            return 1, character
        verdict = self._is_foreign_link(text, bracket, final)
        if verdict is None:
            return None
        if not verdict:
            return 1, character
        self._gap = True
        return bracket + 1 - at, ""

    def _is_foreign_link(self, text: str, bracket: int, final: bool) -> bool | None:
        """Whether `[` begins a link to elsewhere; one whose text is very long loses only its address."""
        window = text[bracket : bracket + _LABEL]
        depth = 0
        for index, character in enumerate(window):
            depth += {"[": 1, "]": -1}.get(character, 0)
            if depth == 0:
                return self._leads_away(text, bracket + index, final)
            if window[index : index + 2] == "\n\n":
                return False
        return False if final or len(window) == _LABEL else None

    def _leads_away(self, text: str, closed: int, final: bool) -> bool | None:
        if closed + 1 == len(text):
            return False if final else None
        if text[closed + 1] != "(":
            return False
        found = self._destination(text, closed + 2, final, inline=True)
        return None if found is None else found[0]

    def _close(self, text: str, at: int, final: bool) -> tuple[int, str] | None:
        if at + 1 == len(text):
            return (1, "]") if final else None
        mark = text[at + 1]
        if mark not in "(:":
            return 1, "]"
        found = self._destination(text, at + 2, final, inline=mark == "(")
        if found is None:
            return None
        foreign, end = found
        if not foreign:
            return 1, "]"
        if mark == "(":
            self._gap, self._closing, self._dropped = True, 1, 0
            return 2, ""
        self._skipping = True
        return end - at, f"]: {REMOVED}"

    def _destination(self, text: str, start: int, final: bool, *, inline: bool) -> tuple[bool, int] | None:
        """Whether the destination at `start` leads elsewhere, and where it ends; None until it is whole."""
        window = text[start : start + _DESTINATION]
        whole = final or len(window) == _DESTINATION
        begin = len(window) - len(window.lstrip(_SPACE))
        end = _end_of_angled(window, begin) if window[begin : begin + 1] == "<" else None
        if end is None:
            end = _end_of_bare(window, begin, inline)
        if end == len(window) and not whole:
            return None
        raw = window[begin:end]
        unfinished = end == len(window) and not final
        if raw.startswith("<") and raw.endswith(">") and not _IS_TOKEN.fullmatch(raw):
            raw = raw[1:-1]
        return (unfinished and bool(raw)) or self._hosts.are_left_by(raw), start + end

    def _tag(self, text: str, at: int, final: bool) -> tuple[int, str] | None:
        if at + 1 == len(text):
            return (1, "<") if final else None
        if not _OPENS_TAG.match(text, at):
            return 1, "<"
        inside = _INSIDE.match(text, at + 1, at + _TAG)
        end = inside.end() if inside else at + 1
        if end == len(text) and not final and end < at + _TAG:
            return None
        if end < at + _TAG and not final and _OPENS_TOKEN.match(text, end):
            return None
        if end >= at + _TAG or end == len(text) or text[end] != ">":
            return 1, "< "
        return self._whole_tag(text[at + 1 : end], end + 1 - at)

    def _whole_tag(self, inside: str, length: int) -> tuple[int, str]:
        if _AUTOLINK.fullmatch(inside):
            return (length, REMOVED) if self._hosts.are_left_by(inside) else (length, f"<{inside}>")
        name = _NAME.match(inside)
        if "=" in inside or (name is not None and name[1].lower() in _ACTIVE):
            return length, " "
        return 1, "<"


def _end_of_angled(window: str, begin: int) -> int | None:
    """After the `>`; the next character decides whether the destination ends there."""
    end = window.find(">", begin)
    if end < 0:
        return len(window)
    follows = window[end + 1 : end + 2]
    return None if follows and follows not in _SPACE + ")" else end + 1


def _end_of_bare(window: str, begin: int, inline: bool) -> int:
    depth = 0
    for index in range(begin, len(window)):
        character = window[index]
        if character in _SPACE:
            return index
        if inline:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                return index
    return len(window)
