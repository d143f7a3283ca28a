"""Evidence: the sentences of the sources that speak to the question, for models that may only quote.

A model of a hundred million parameters invents when it writes freely; bound to sentences of the best
sources it chooses well. What it may choose from is decided here, by meaning and by words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .sentences import split_sentences
from .support import Source, overlap

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
        return f"{self.title}: {self.text}"


def candidates(question: str, sources: Sequence[Source]) -> list[Candidate]:
    """Every quotable sentence of the sources, which stand in order of worth."""
    found = []
    for position, source in enumerate(sources):
        for sentence in split_sentences(source.text):
            text = " ".join(sentence.split())
            if 12 <= len(text) <= _LONGEST and not text.endswith("?"):
                score = 0.7 * overlap(question, text) + 0.3 * overlap(question, source.title)
                found.append(Candidate(text, source.n, source.title, score, 1 / (1 + position)))
    return found


def choose(found: Sequence[Candidate], likeness: Sequence[float]) -> list[Candidate]:
    """The best candidates, best first; `likeness` is the cosine of each with the question."""
    scored = sorted(zip(found, likeness, strict=True), key=lambda item: -_score(*item))
    if not scored:
        return []
    best = _score(*scored[0])
    kept: list[Candidate] = []
    for candidate, cosine in scored:
        fresh = all(candidate.text != other.text for other in kept)
        if fresh and _score(candidate, cosine) >= _CLOSE * best:
            kept.append(candidate)
        if len(kept) == _CHOICES:
            break
    return kept


def quote(candidate: Candidate) -> str:
    """The sentence as the model may write it, with its citation."""
    return f"{candidate.text} [{candidate.n}]"


def _score(candidate: Candidate, cosine: float) -> float:
    return 0.55 * cosine + 0.35 * candidate.lexical + 0.1 * candidate.rank
