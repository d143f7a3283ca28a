"""A question as it is searched with: its parts, and how much the words before it count."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from retrieval.index import Sparse, Terms
from retrieval.pieces import as_terms, plain_references, without_references

PARTS: Final = 4
"""A long request is searched for in at most so many parts besides the whole."""

_LONG: Final = 40  # words: a shorter question is one
_PART_WORDS: Final = 36
_GONE: Final = "\0"
_EARLIER: Final = 0.4  # what a term weighs that only stood in an earlier question

_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSE: Final = re.compile(
    r",?\s+(?:and|und|also|as well as|sowie)\s+(?=(?:what|when|where|who|whose|which|why|how|is|are|was|were"
    r"|does|do|did|has|have|can|could|should|was|wann|wo|wer|welche\w*|warum|wie|ist|sind|hat|kann)\b)",
    re.IGNORECASE,
)
_COURTESY: Final = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|thanks?|thank you|many thanks"
    r"|kind regards"
    r"|best(?: regards)?|regards|cheers|yours|sincerely|hallo|guten (?:tag|morgen|abend)|sehr geehrte\w*"
    r"|liebe\w*|danke|vielen dank|mit freundlichen|viele grüße|freundliche grüße)\b[^.!?]{0,40}[.!?,]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Searched:
    """What is looked for: texts to be embedded, the whole first, and the terms with their weights."""

    texts: tuple[str, ...]
    terms: Sparse
    topic: Sparse
    """The terms without references: what is asked, not of whom."""


def searched(
    terms: Terms, question: str, earlier: str, words: Sequence[str], kinds: Sequence[str]
) -> Searched:
    """The question with the map's `words` for its own; what was asked `earlier` counts for less.

    A follow-up is embedded together with what it follows, and once more alone.
    """
    said = " ".join((question, *words))
    joined = f"{earlier} {said}" if earlier else said
    texts = [joined, *([said] if earlier else []), *parts_of(question)]
    return Searched(
        tuple(dict.fromkeys(plain_references(text) for text in texts)),
        _weighed(terms.of_query(as_terms(said, kinds)), terms.of_query(as_terms(earlier, kinds))),
        _weighed(
            terms.of_query(as_terms(without_references(said), kinds)),
            terms.of_query(as_terms(without_references(earlier), kinds)),
        ),
    )


def parts_of(question: str) -> list[str]:
    """The parts of a request that asks for more than one thing, or says much; empty where it is short."""
    said = [one.strip() for one in _SENTENCE.split(question) if one.strip() and not _COURTESY.match(one)]
    asking, telling = list[str](), list[str]()
    for sentence in said:
        clauses = [clause.strip() for clause in _CLAUSE.split(sentence)]
        (asking if sentence.endswith("?") or len(clauses) > 1 else telling).extend(clauses)
    if len(asking) < 2 and len(question.split()) < _LONG:
        return []
    return [*asking, *_packed(telling)][:PARTS]


def rest_of(
    question: str,
    named: Iterable[tuple[int, int]],
    *,
    goes_back: Callable[[str], bool],
    is_enough: Callable[[str], bool],
) -> str:
    """What a request asks for besides what is `named` at these places; empty where there is no more to it.

    A clause that names it is kept without it where what is left `is_enough`, as that of an error code; else
    it is left out, and with it what goes back to it right after. Of a long request whatever it says may
    matter; of a short one only what it asks for.
    """
    long = len(question.split()) >= _LONG
    for start, end in sorted(named, reverse=True):
        question = f"{question[:start]}{_GONE * (end - start)}{question[end:]}"
    kept, is_after = [], False
    for sentence in (one.strip() for one in _SENTENCE.split(question)):
        clauses = [] if _COURTESY.match(sentence) else _CLAUSE.split(sentence)
        asks = long or sentence.endswith("?") or len(clauses) > 1
        for clause in clauses:
            said = " ".join(clause.replace(_GONE, " ").split())
            if _GONE in clause:
                is_after = not is_enough(said)
            elif asks:
                is_after = is_after and goes_back(said)
            if (asks or _GONE in clause) and not is_after:
                kept.append(said)
    return " ".join(filter(None, kept))


def _packed(sentences: Sequence[str]) -> list[str]:
    """Sentences together as far as they are short."""
    packed: list[str] = []
    for sentence in sentences:
        if packed and len(packed[-1].split()) + len(sentence.split()) <= _PART_WORDS:
            packed[-1] = f"{packed[-1]} {sentence}"
        else:
            packed.append(sentence)
    return packed


def _weighed(now: Sparse, before: Sparse) -> Sparse:
    """Terms of the question, and those that only stood before it."""
    weights = {index: _EARLIER * value for index, value in zip(*before, strict=True)}
    weights |= dict(zip(*now, strict=True))
    return Sparse(list(weights), list(weights.values()))
