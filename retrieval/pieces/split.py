"""Long texts in pieces that an embedding model can read whole."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from retrieval.crm.map import Split

from .forms import Part, form_of, parts_of

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?\n]*\s*|[.!?\n]+\s*")
PIECE_WORDS: Final = 180
OVERLAP_WORDS: Final = 24
_SURELY_SHORT: Final = PIECE_WORDS  # characters: no text has more words than characters


class Cut(NamedTuple):
    """A piece of a text: its place there (code points, half open) and the headings it stands under."""

    text: str
    start: int
    end: int
    under: str = ""


def split(text: str, form: Split = Split.AUTO) -> list[Cut]:
    """Pieces of at most `PIECE_WORDS` words and marks each.

    A mail thread is cut by message, a transcript by turn (a piece holds several, and repeats the last of the
    one before), an article by heading; what is longer than a piece by sentence, overlapping a little.
    """
    if not text.strip():
        return []
    if is_short(text):
        return [_trimmed(text, 0, len(text))]
    form = form_of(text) if form is Split.AUTO else form
    cuts = [cut for part in parts_of(text, form) for cut in _cuts(text, part)]
    return list(_together(text, cuts)) if form is Split.TURNS else cuts


def is_short(text: str) -> bool:
    """Whether a text is one piece as it is."""
    return len(text) <= _SURELY_SHORT or _words(text) <= PIECE_WORDS


def _words(text: str) -> int:
    return len(_WORD.findall(text))


def _together(text: str, turns: Sequence[Cut]) -> Iterator[Cut]:
    """As many turns as go into a piece; the next begins with the last of them, for what it answers."""
    sizes = [_words(turn.text) for turn in turns]
    first = 0
    while first < len(turns):
        last, size = first, sizes[first]
        while last + 1 < len(turns) and size + sizes[last + 1] <= PIECE_WORDS:
            last += 1
            size += sizes[last]
        yield _trimmed(text, turns[first].start, turns[last].end)
        if last + 1 == len(turns):
            return
        repeats = last > first and sizes[last] + sizes[last + 1] <= PIECE_WORDS
        first = last if repeats else last + 1


def _cuts(text: str, part: Part) -> Iterator[Cut]:
    whole = text[part.start : part.end]
    if not whole.strip():
        return
    if is_short(whole):
        yield _trimmed(text, part.start, part.end, part.under)
        return
    at = part.start
    for piece in _splitter().split_text(whole):
        if piece.strip():
            at = text.index(piece, at, part.end)
            yield _trimmed(text, at, at + len(piece), part.under)


def _trimmed(text: str, start: int, end: int, under: str = "") -> Cut:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return Cut(piece.strip(), start, start + len(piece.strip()), under)


@lru_cache(maxsize=1)
def _splitter() -> Any:
    from retrieval.llama import sentence_splitter

    return sentence_splitter(PIECE_WORDS, OVERLAP_WORDS, _WORD.findall, _SENTENCE.findall)
