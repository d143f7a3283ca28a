"""What a place is worth to a question: a sum of what the legs say and of what its live text says.

Scores of the legs are put on one scale by the best of each (Bruch, Gai & Ingber 2023, “An Analysis of Fusion
Functions for Hybrid Retrieval”: a convex combination of scores keeps what ranks alone throw away).
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from .legs import Seen, Spot

T = TypeVar("T", bound=Hashable)

_WORD: Final = re.compile(r"\w+")


class Scores(NamedTuple):
    """Parts of a score, each from 0 to 1.

    `terms` and `meaning` are the legs' own; `named` says that the question names the record, `linked`
    that a named one leads here, `belongs` that it was found among what belongs to one; `words` is the
    share of the question's terms, by their worth among the candidates, that the live text has, `phrases` the
    share of its neighbouring words that are neighbours there; `kind` that this kind of record was asked for;
    `recent` how new it is.
    """

    terms: float = 0.0
    meaning: float = 0.0
    named: float = 0.0
    linked: float = 0.0
    belongs: float = 0.0
    words: float = 0.0
    phrases: float = 0.0
    kind: float = 0.0
    recent: float = 0.0

    def total(self, weights: "Scores") -> float:
        """Their weighted sum."""
        return sum(part * weight for part, weight in zip(self, weights, strict=True))


WEIGHTS: Final = Scores(
    terms=1.0,
    meaning=0.55,
    named=1.3,
    linked=1.4,
    belongs=1.8,
    words=0.25,
    phrases=0.65,
    kind=0.5,
    recent=0.06,
)
"""Found on the open half of the query sets; see the evaluation."""


def shortlist(seen: Seen, at_most: int) -> list[Spot]:
    """The places whose live text is worth reading, by what the legs say; named records and theirs first.

    Among places that are worth the same the order is the places' own, not that of whichever index found them.
    """
    terms, meaning = scaled(seen.terms), scaled(seen.meaning, from_least=True)

    def worth(spot: Spot) -> float:
        by_leg = Scores(
            terms=terms.get(spot, 0.0),
            meaning=meaning.get(spot, 0.0),
            named=float(spot.ref in seen.named),
            linked=seen.linked.get(spot.ref, 0.0),
            belongs=float(spot.ref in seen.belonging),
        )
        return by_leg.total(WEIGHTS)

    return sorted(seen.spots, key=lambda spot: (-worth(spot), spot))[:at_most]


def scaled(scores: Mapping[T, float], *, from_least: bool = False) -> dict[T, float]:
    """Scores from 0 to 1 by the best; with `from_least` counted from the least, as for cosines."""
    if not scores:
        return {}
    best = max(scores.values())
    least = min(scores.values()) if from_least else 0.0
    width = best - least
    if width <= 0:
        return dict.fromkeys(scores, 1.0)
    return {one: max(0.0, (score - least) / width) for one, score in scores.items()}


@dataclass(frozen=True)
class Wording:
    """What a question says, against which live texts are read.

    `terms` gives the terms of a text; a term that all candidates have tells none of them apart and counts for
    nothing.
    """

    asked: frozenset[int]
    pairs: frozenset[tuple[str, str]]
    terms: Callable[[str], Sequence[int]]

    @classmethod
    def of(cls, question: str, terms: Callable[[str], Sequence[int]]) -> "Wording":
        return cls(frozenset(terms(question)), frozenset(_pairs(question)), terms)

    def agreement(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        """(words, phrases) for each text."""
        found = [self.asked.intersection(self.terms(text)) for text in texts]
        worth = self._worth(found)
        whole = sum(worth.values())
        return [
            (
                sum(worth[term] for term in terms) / whole if whole else 0.0,
                len(self.pairs.intersection(_pairs(text))) / len(self.pairs) if self.pairs else 0.0,
            )
            for terms, text in zip(found, texts, strict=True)
        ]

    def _worth(self, found: Sequence[frozenset[int]]) -> dict[int, float]:
        counts = Counter(term for terms in found for term in terms)
        return {
            term: math.log(1 + (len(found) - counts[term] + 0.5) / (counts[term] + 0.5))
            for term in self.asked
        }


def _pairs(text: str) -> set[tuple[str, str]]:
    words = [word[:6].casefold() for word in _WORD.findall(text)]
    return set(itertools.pairwise(words))
