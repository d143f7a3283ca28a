"""Lists of records: which of them meet the question's condition on their state, one sentence each."""

import re
from collections.abc import Sequence
from typing import Final

from retrieval import is_negated, says_open, unfinished

from .statements import state
from .support import Source, stems

_STATE: Final = re.compile(r"(?:.* )?(?:status|state|zustand)", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]+")
_UNFINISHED: Final = frozenset({"running", "current", "active"})


def asks_for_kind(question: str, kind: str) -> bool:
    """Whether records of a kind are asked for in the plural: `cases`, `orders`."""
    return bool(kind) and re.search(rf"\b{re.escape(kind)}s\b", question, re.IGNORECASE) is not None


def state_of(source: Source) -> str:
    """The value of the fact that says in which state a record is; empty where none does."""
    return next((value.lower() for label, value in source.facts if _STATE.fullmatch(label)), "")


def state_line(source: Source) -> str:
    """The sentence of a source that says its state; empty where none does."""
    found = (state(source.title, label, value) for label, value in source.facts if _STATE.fullmatch(label))
    return next(found, "")


def count_line(sources: Sequence[Source], kind: str) -> tuple[str, int] | None:
    """The first fact that counts records of a kind, as a sentence with the number of its source."""
    for source in sources:
        for label, value in source.facts:
            if source.kind != kind and label.startswith("number of ") and asks_for_kind(label, kind):
                return state(source.title, label, value), source.n
    return None


def meeting(question: str, sources: Sequence[Source]) -> list[Source]:
    """The sources in the state that a question asks for: all of them where it asks for none.

    `not closed` takes every other state. `open` takes whatever is not finished, since people say open for
    records that wait or are escalated; each answer says the state, so the reader sees which.
    """
    wanted, refused = _conditions(question, {state_of(source) for source in sources} - {""})
    return [
        source
        for source in sources
        if (wanted is None or state_of(source) in wanted) and state_of(source) not in refused
    ]


def matching(question: str, sources: Sequence[Source]) -> list[Source]:
    """The sources with a fact, other than the state, whose words stand in the question: `wrong invoice`.

    All of them where none has one.
    """
    asked = stems(question)
    found = [
        source
        for source in sources
        if any(
            stems(value) and stems(value) <= asked
            for label, value in source.facts
            if not _STATE.fullmatch(label)
        )
    ]
    return found or list(sources)


def _conditions(question: str, states: set[str]) -> tuple[set[str] | None, set[str]]:
    """States that a question wants (None: it does not say) and those that it refuses."""
    wanted: set[str] | None = None
    refused: set[str] = set()
    if not states:
        return wanted, refused
    for match in _WORD.finditer(question):
        word = match.group().lower()
        named = {one for one in states if stems(word) & stems(one)}
        if word in _UNFINISHED or says_open(word):
            named |= set(unfinished(sorted(states)))
        elif not named and unfinished([word]):
            continue
        if is_negated(question[: match.start()]):
            refused |= named
        else:
            wanted = (wanted or set()) | named
    return wanted, refused
