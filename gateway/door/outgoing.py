"""What leaves the door holds no way to another host: markup first, then the addresses that stand bare."""

from typing import Final

import regex  # type: ignore[import-untyped]

from .destinations import Hosts
from .markup import REMOVED, MarkupFilter

_INVISIBLE: Final = "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]{0,8}"
_COLON: Final = "(?:[:：﹕︓]|&(?:#0{0,6}58|#[xX]0{0,6}3[aA]|colon))"
_SLASH: Final = r"(?:[/\\／＼]|&(?:#0{0,6}(?:47|92)|#[xX]0{0,6}(?:2[fF]|5[cC])|sol|bsol))"
_THEN: Final = f";?{_INVISIBLE}"
# the end of the last entity is left to what follows: a match must not depend on what is not there yet
_SLASHES: Final = f"{_INVISIBLE}{_COLON}{_THEN}{_SLASH}{_THEN}{_SLASH}"
_FORMS: Final = regex.compile(
    "|".join(
        (
            f"(?<![A-Za-z0-9])(?i:https?|ftps?|wss?|file|blob|intent|sftp|ssh){_SLASHES}",
            rf"{_SLASHES}(?=\S)",
            rf"(?<![A-Za-z0-9])(?i:javascript|vbscript){_INVISIBLE}{_COLON}(?=\S)",
            rf"(?<![A-Za-z0-9])(?i:data){_INVISIBLE}{_COLON}(?:[\w.+\-]{{1,40}}/[\w.+\-]{{1,80}})?(?=[;,]\S)",
            r"(?<![A-Za-z0-9@.])(?i:www)[.。．｡](?=\w)",
            r"(?<![\w/])/{2,8}(?=[^\s/])",
            r"<URL_[0-9A-Z_]{1,60}>(?=[\w/?#&=%<\[{@~+\-]|[.:,;]\S)",
        )
    )
)
_MAY_BEGIN: Final = regex.compile(r"[:：﹕︓&/／＼hHfFwWbBiIsSjJvVdD<\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_AUTHORITY: Final = regex.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?")
_AUTHORITY_BOUND: Final = 280
_ENDS_AUTHORITY: Final = frozenset("/?#,;!)]}>\"'* \t\r\n")
_ENDS: Final = frozenset('<>"`|')
_TRAILING: Final = frozenset(".,;!?)]}*_'’”")
_TRAILING_BOUND: Final = 12
_TOKEN: Final = regex.compile(r"<[A-Z][A-Z0-9_]{0,60}>")


class AddressFilter:
    """Puts `[link removed]` in place of addresses that stand in the text by themselves.

    An address is left out to its end, however long it is, tokens within it too; nothing of it is kept.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._before = ""
        self._pending = ""
        self._swallowing = False

    def feed(self, chunk: str) -> str:
        """Take the next piece, give what is certain."""
        self._pending += chunk
        return self._run(final=False)

    def finish(self) -> str:
        """Give the rest."""
        return self._run(final=True)

    def _run(self, *, final: bool) -> str:
        text = self._before + self._pending
        start = position = len(self._before)
        given: list[str] = []
        while position < len(text):
            if self._swallowing:
                end = self._end(text, position, final)
                if end is None:
                    break
                position, self._swallowing = end
                continue
            found = _MAY_BEGIN.search(text, position)
            until = found.start() if found else len(text)
            given.append(text[position:until])
            position = until
            if found is None:
                break
            step = self._step(text, position, final)
            if step is None:
                break
            used, piece = step
            given.append(piece)
            position += used
        self._before = text[max(0, position - 1) : position] if position > start else self._before
        self._pending = text[position:]
        return "".join(given)

    def _step(self, text: str, at: int, final: bool) -> tuple[int, str] | None:
        found = _FORMS.match(text, at, partial=not final)
        if found is None:
            return 1, text[at]
        if found.partial:
            return None
        permitted = self._is_permitted(text, found, final)
        if permitted is None:
            return None
        if permitted:
            return permitted - at, text[at:permitted]
        self._swallowing = True
        return found.end() - at, REMOVED

    def _is_permitted(self, text: str, found: "regex.Match[str]", final: bool) -> int | None:
        """Where an allowed host ends, 0 for one that is not, None until it is whole."""
        written = found.group().lower()
        if written not in ("https://", "http://", "//"):
            return 0
        window = text[found.end() : found.end() + _AUTHORITY_BOUND]
        authority = _AUTHORITY.match(window)
        if authority is None:
            return None if not window and not final else 0
        if authority.end() == len(window):
            if not final:
                return None if len(window) < _AUTHORITY_BOUND else 0
        elif window[authority.end()] not in _ENDS_AUTHORITY:
            if window[authority.end()] == ":" and authority.end() + 1 == len(window) and not final:
                return None
            return 0
        return found.end() + authority.end() if self._hosts.permit(authority.group()) else 0

    def _end(self, text: str, at: int, final: bool) -> tuple[int, bool] | None:
        """Where to go on, and whether the address goes on there; None until more is known."""
        character = text[at]
        if character == "<":
            token = _TOKEN.match(text, at, partial=not final)
            if token is None:
                return at, False
            return None if token.partial else (token.end(), True)
        if character.isspace() or character in _ENDS:
            return at, False
        if character not in _TRAILING:
            return at + 1, True
        end = at
        while end < len(text) and text[end] in _TRAILING and end - at < _TRAILING_BOUND:
            end += 1
        if end - at == _TRAILING_BOUND:
            return end, True
        if end == len(text):
            return (at, False) if final else None
        ends_here = text[end].isspace() or text[end] in _ENDS - {"<"}
        return (at, False) if ends_here else (end, True)


class OutgoingText:
    """Markup, then bare addresses. Any cut of the stream gives what the whole gives."""

    def __init__(self, hosts: Hosts) -> None:
        self._markup = MarkupFilter(hosts)
        self._addresses = AddressFilter(hosts)

    def feed(self, chunk: str) -> str:
        """Take the next piece, give what is certain."""
        return self._addresses.feed(self._markup.feed(chunk))

    def finish(self) -> str:
        """Give the rest."""
        return self._addresses.feed(self._markup.finish()) + self._addresses.finish()


def without_links(text: str, hosts: Hosts | None = None) -> str:
    """A whole text without ways to other hosts; none are permitted where none are given."""
    outgoing = OutgoingText(hosts or Hosts())
    return outgoing.feed(text) + outgoing.finish()
