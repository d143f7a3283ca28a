"""Whether what was found is good enough to answer from.

A logistic model of three things that stay comparable from one question to another, with weights found on the
open half of the query sets. What is named by a name or a number is always good enough: the record is there.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from .legs import Seen
from .rank import Scores

_LOOKED_AT: Final = 5


class _Weights(NamedTuple):
    one: float
    likeness: float
    words: float
    phrases: float


_WEIGHTS: Final = _Weights(one=-4.1, likeness=8.0, words=3.9, phrases=0.25)
_GOOD: Final = 0.4
"""From here on the best of what was found is taken for an answer."""


def is_weak(seen: Seen, ranked: Sequence[Scores]) -> bool:
    """Whether nothing that was found, the best first, is likely to answer the question.

    Without vectors this is not known, and nothing is held to be weak.
    """
    if seen.named or not seen.meaning:
        return False
    return goodness(max(seen.meaning.values()), ranked) < _GOOD


def goodness(likeness: float, ranked: Sequence[Scores]) -> float:
    """How likely it is, from 0 to 1, that the best of what was found answers; `likeness` is a cosine."""
    best = ranked[:_LOOKED_AT]
    found = _Weights(
        1.0,
        likeness,
        max((one.words for one in best), default=0.0),
        max((one.phrases for one in best), default=0.0),
    )
    return 1 / (1 + math.exp(-sum(part * weight for part, weight in zip(found, _WEIGHTS, strict=True))))
