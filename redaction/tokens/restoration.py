"""Values put back in place of tokens, in whole texts and in streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from redaction.entities import EntityType
from redaction.errors import TokenConflict

from .form import FACET_WORDS, NAME_FACETS, parse_token
from .marks import BEFORE, Mark, Subject, next_mark, open_from

_NAMED = frozenset({EntityType.PERSON, EntityType.ORGANIZATION})


@dataclass(frozen=True, slots=True)
class Restoration:
    """A text with the values of `restored` tokens in it; `unresolved` pieces of it look like tokens.

    An unresolved piece stands as it was written: it is nobody's, or nobody can say whose.
    """

    text: str
    restored: int
    unresolved: int


def restore(text: str, values: Mapping[str, str]) -> str:
    """Replace every token that `values` (token to value) holds; other text stays as it is. See `Restorer`."""
    return Restorer(values).restore(text).text


class Restorer:
    """Puts values in the place of tokens, and of what a model made of them.

    `[PERSON_1]`, `<person 1>`, `<PERSON1>`, `&lt;PERSON_1&gt;`, `＜PERSON_1＞`, `PERSON\\_1`, `PERSON_1` as a
    whole word: brackets, case and joints may slip, the number never. A facet that does not exist is read as
    another of the same subject when only one could be meant, so a slip never ends at another person.
    Uniqueness is judged by `values`: give all tokens of the conversation, a token as its own value where
    it may not be read.

    Raises TokenConflict for a key that is no token.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._facets: dict[Subject, dict[str, str]] = {}
        for text in values:
            token = parse_token(text)
            if token is None:
                raise TokenConflict(text)
            self._facets.setdefault(Subject(token.stem, token.number), {})[token.facet or ""] = text
        self.kinds = frozenset(subject.stem for subject in self._facets)

    def restore(self, text: str) -> Restoration:
        """The text with its values, and what is left marked in it."""
        stream = StreamRestorer(self)
        restored = stream.feed(text) + stream.finish()
        return Restoration(restored, stream.restored, stream.unresolved)

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Start, end and token of each place where a value would be put; the token in its proper form."""
        return [
            (mark.start, mark.end, token)
            for mark in self.marks(text, 0)
            if (token := self.token_of(mark, text)) is not None
        ]

    def marks(self, text: str, position: int) -> Iterator[Mark]:
        """All that looks like a token. A word without brackets counts for kinds of which there are tokens."""
        while (mark := next_mark(text, position)) is not None:
            is_mark = not mark.is_bare or mark.subject.stem in self.kinds
            position = mark.end if is_mark else mark.start + 1
            if is_mark:
                yield mark

    def token_of(self, mark: Mark, text: str) -> str | None:
        """The one token that a mark in `text` can mean, None if there is none or several."""
        facets = self._facets.get(mark.subject, {})
        if mark.is_open and mark.end == len(text):
            return self._only_one_begun(mark)
        token = facets.get(mark.facet)
        if token is not None or mark.spaced:
            return token
        meant = _meant(mark.subject.stem, mark.facet, facets)
        return facets[meant[0]] if len(meant) == 1 else None

    def value_of(self, token: str) -> str:
        """The value of a token that `token_of` gave."""
        return self._values[token]

    def open_from(self, text: str, start: int = 0) -> int:
        """Where the end of `text` begins that more text could turn into a token; its length if nowhere."""
        return open_from(text, start, self.kinds)

    def _only_one_begun(self, mark: Mark) -> str | None:
        """A text that ends within brackets may have lost digits: every token that begins so counts."""
        core = f"<{mark.subject.stem}_{mark.subject.number}{f'_{mark.facet}' if mark.facet else ''}"
        begun = [token for token in self._values if token.startswith(core)]
        return begun[0] if len(begun) == 1 else None


class StreamRestorer:
    """A `Restorer` for text that comes in pieces: the pieces together give what the whole would give.

    Only the end of the text that could still become a token is withheld. `restored` and `unresolved` count
    what has been given so far.
    """

    def __init__(self, values: Mapping[str, str] | Restorer, *, unresolved: str | None = None) -> None:
        """`unresolved` is what to write in the place of such pieces, None to leave them as they are."""
        self._instead = unresolved
        self._restorer = values if isinstance(values, Restorer) else Restorer(values)
        self._before = ""
        self._pending = ""
        self.restored = 0
        self.unresolved = 0

    def feed(self, chunk: str) -> str:
        """Take the next piece, return what is certain by now."""
        self._pending += chunk
        text = self._before + self._pending
        return self._advance(text, self._restorer.open_from(text, len(self._before)))

    def finish(self, *, cut: bool = False) -> str:
        """Return the rest. Of a text that was `cut` off, half a token at its end is dropped.

        A whole `PERSON_1` at such an end is half a token too: it may have been about to become `PERSON_12`.
        """
        text = self._before + self._pending
        if not cut:
            return self._advance(text, len(text))
        opened = self._restorer.open_from(text, len(self._before))
        given = self._advance(text, opened)
        held, self._pending = self._pending, ""
        return given + held if held.isalpha() else given

    def _advance(self, text: str, limit: int) -> str:
        """Restore and release the pending end of `text` up to `limit`."""
        position = len(self._before)
        pieces: list[str] = []
        for mark in self._restorer.marks(text, position):
            if mark.start >= limit:
                break
            token = self._restorer.token_of(mark, text)
            self.restored += token is not None
            self.unresolved += token is None
            value = self._instead if token is None else self._restorer.value_of(token)
            if value is not None:
                pieces += text[position : mark.start], mark.before, value, mark.after
                position = mark.end
        limit = max(limit, position)
        pieces.append(text[position:limit])
        self._before = text[max(0, limit - BEFORE) : limit]
        self._pending = text[limit:]
        return "".join(pieces)


def _meant(stem: EntityType, facet: str, facets: Mapping[str, str]) -> list[str]:
    """The facets that a facet which does not exist may stand for: those cut short, or the forms of a name.

    A whole word such as EMAIL means a value of that type, which there is none of.
    """
    word = facet.split("_")[0]
    if word in FACET_WORDS and word not in NAME_FACETS:
        return []
    if word not in NAME_FACETS and (begun := [other for other in facets if other.startswith(facet)]):
        return begun
    if stem not in _NAMED:
        return []
    return [other for other in facets if not other or other.split("_")[0] in NAME_FACETS]
