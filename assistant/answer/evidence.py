"""Evidence: the sentences of the sources that speak to the question, for models that may only quote.

A model of a hundred million parameters invents when it writes freely; bound to sentences of the best
sources it chooses well. What it may choose from is decided here, by meaning and by words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .sentences import split_sentences
from .support import Source, codes, overlap

_TOKEN: Final = re.compile(r"<[A-Z]+_\d+(?:_[A-Z]+)*>")
_CHOICES: Final = 6
_CLOSE: Final = 0.8
_LONGEST: Final = 360


@dataclass(frozen=True)
class Candidate:
    """A sentence that may be quoted; `lexical` is the share of the question's words in it and its title."""

    text: str
    n: int
    title: str
    lexical: float
    rank: float

    @property
    def in_context(self) -> str:
        """What is compared by meaning: a sentence alone often does not say what it is about."""
        return without_names(f"{self.title}: {self.text}")


def without_names(text: str) -> str:
    """The text for comparing meanings: every source is about the same names, so they tell nothing."""
    return _TOKEN.sub("the customer", text)


def about(question: str, sources: Sequence[Source], *, named: bool) -> Sequence[Source]:
    """The sources that can answer: those with the question's order or case number, where any has it.

    Records answer a question that names a customer, published articles one that names nobody; a list is
    answered by records of the kind that is asked for.
    """
    wanted = codes(question)
    narrowed = [source for source in sources if wanted & codes(source.whole)]
    if not narrowed:
        narrowed = [source for source in sources if source.published is not named] or list(sources)
    of_kind = [source for source in narrowed if _asks_for(question, source.kind)]
    return of_kind or narrowed


def asks_for_several(question: str, sources: Sequence[Source]) -> bool:
    """Whether a list of records is asked for, and these are such records."""
    return len(sources) > 1 and all(_asks_for(question, source.kind) for source in sources)


def _asks_for(question: str, kind: str) -> bool:
    return bool(kind) and re.search(rf"\b{re.escape(kind)}s\b", question, re.IGNORECASE) is not None


def candidates(question: str, sources: Sequence[Source]) -> list[Candidate]:
    """Every quotable sentence of the sources, which stand in order of worth."""
    found = []
    for position, source in enumerate(sources):
        for sentence in split_sentences(source.text):
            text = " ".join(sentence.split())
            if 12 <= len(text) <= _LONGEST and not text.endswith("?"):
                inside, around = overlap(question, text), overlap(question, f"{source.title} {text}")
                score = 0.3 * inside + 0.7 * around
                if source.stated and not inside:
                    continue  # a fact that nobody asked for
                found.append(Candidate(text, source.n, source.title, score, 1 / (1 + position)))
    return found


def choose(
    found: Sequence[Candidate], likeness: Sequence[float], *, one_each: bool = False
) -> list[Candidate]:
    """The best candidates, best first; `likeness` is the cosine of each with the question.

    With `one_each` the best of every source is kept, however the sources compare.
    """
    scored = sorted(zip(found, likeness, strict=True), key=lambda item: -_score(*item))
    if not scored:
        return []
    best = _score(*scored[0])
    kept: list[Candidate] = []
    for candidate, cosine in scored:
        fresh = all(candidate.text != other.text for other in kept)
        if one_each and any(candidate.n == other.n for other in kept):
            continue
        if fresh and (one_each or _score(candidate, cosine) >= _CLOSE * best):
            kept.append(candidate)
        if len(kept) == _CHOICES:
            break
    return kept


def quote(candidate: Candidate) -> str:
    """The sentence as the model may write it, with its citation."""
    return f"{candidate.text} [{candidate.n}]"


def _score(candidate: Candidate, cosine: float) -> float:
    return 0.55 * cosine + 0.35 * candidate.lexical + 0.1 * candidate.rank
