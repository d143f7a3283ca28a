"""The labelled example that a text is most like, in words: for whoever asks why it was held."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from .labelled import Labelled, shipped
from .likeness import Likeness, Vector
from .training import ANY


def most_like(weights: Likeness, vector: Vector, category: str) -> str:
    """The example of a category whose meaning is nearest to a piece's vector.

    Empty where the weights are not the shipped ones: a file of weights has no texts in it.
    """
    if weights.sha256 != _shipped_sha256():
        return ""
    rows = _rows(category)
    return _shipped()[rows[weights.nearest(vector, rows)]].text


@cache
def _shipped_sha256() -> str:
    return hashlib.sha256((files("approvals.risk") / "likeness.npz").read_bytes()).hexdigest()


@cache
def _shipped() -> Sequence[Labelled]:
    """In the order of the rows of the shipped weights."""
    return shipped()


@cache
def _rows(category: str) -> Sequence[int]:
    wanted = {category}
    return [
        row
        for row, one in enumerate(_shipped())
        if (one.categories if category == ANY else wanted & set(one.categories))
    ]
