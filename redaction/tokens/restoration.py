"""Values put back in place of tokens, in whole texts and in streams."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .form import token_core

_UNDERSCORE = r"\\?_"
_JOINT = r"(?:\\?_|[ \-])"
_FORMS = re.compile(
    rf"< ?(?P<angle>(?ai:{token_core(_JOINT)})) ?>"
    rf"|[\[{{] ?(?P<square>(?ai:{token_core(_UNDERSCORE)})|{token_core(_JOINT)}) ?[\]}}]"
    rf"|(?<![\w\\\-])(?<!(?i:tax) )(?P<bare>(?ai:{token_core(_UNDERSCORE)}))(?![\w\\])"
)
_OPENED = re.compile(r"[<\[{] ?[A-Za-z0-9_\\\- ]*\Z")
_LAST_WORD = re.compile(r"(?<![\w\\])[A-Za-z][A-Za-z0-9_\\]*\Z", re.ASCII)
_CONTEXT = 4
"""How many characters before a token decide whether it is a whole word."""


def restore(text: str, values: Mapping[str, str]) -> str:
    """Replace every token that `values` (token to value) holds; other text stays as it is.

    Small slips of a model are understood (`[PERSON_1]`, `{PERSON_1}`, `<PERSON 1>`, `<person_1>`,
    `PERSON_1` as a whole word, `PERSON\\_1`), but only for a token that is in `values`. A token is
    closed: `PERSON_1` is never found in `PERSON_10` or in `PERSON_1_EMAIL`.
    """
    restorer = StreamRestorer(values)
    return restorer.feed(text) + restorer.finish()


class StreamRestorer:
    """`restore` for text that comes in pieces: the pieces together give what the whole would give.

    Only the end of the text that could still become a token of `values` is withheld.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {token.strip("<>"): value for token, value in values.items()}
        self._prefixes = {key[:length] for key in self._values for length in range(len(key) + 1)}
        self._before = ""
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """Take the next piece, return what is certain by now."""
        self._pending += chunk
        return self._advance(self._first_open())

    def finish(self) -> str:
        """Return the rest: the text has ended."""
        return self._advance(len(self._pending))

    def _advance(self, limit: int) -> str:
        """Restore and release the pending text up to `limit`, or to the end of a token that spans it."""
        text = self._before + self._pending
        offset = len(self._before)
        limit += offset
        pieces: list[str] = []
        position = offset
        search_from = offset
        while (found := _FORMS.search(text, search_from)) is not None and found.start() < limit:
            value = self._values.get(_key(found))
            search_from = found.start() + 1
            if value is not None:
                pieces += text[position : found.start()], value
                search_from = position = found.end()
        limit = max(limit, position)
        pieces.append(text[position:limit])
        self._before = text[max(0, limit - _CONTEXT) : limit]
        self._pending = text[limit:]
        return "".join(pieces)

    def _first_open(self) -> int:
        """Where the part begins that more text could turn into a token; the length if there is none."""
        text = self._before + self._pending
        offset = len(self._before)
        for form in (_OPENED, _LAST_WORD):
            found = form.search(text, offset)
            if found is not None and self._could_become_token(found.group()):
                return found.start() - offset
        return len(self._pending)

    def _could_become_token(self, opened: str) -> bool:
        core = _canonical(opened.lstrip("<[{").lstrip()).replace("\\", "")
        return core in self._prefixes or core.removesuffix("_") in self._prefixes


def _key(found: re.Match[str]) -> str:
    return _canonical(found["angle"] or found["square"] or found["bare"])


def _canonical(core: str) -> str:
    return re.sub(_JOINT, "_", core).upper()
