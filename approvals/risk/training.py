"""Making the weights of the likeness from labelled examples. The same examples give the same file.

Rounded, so that another machine's arithmetic gives the same numbers in all but rare cases.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .labelled import Labelled
from .likeness import STEP, Embed, centred, kernel, pieces_of

if TYPE_CHECKING:
    from .likeness import Numbers

ANY: Final = "any"
"""The category of everything that is risky."""
CLAIM: Final = "unsupported_claims"
"""Learned from what no source carries: claims against sentences that only connect."""
_SOURCE: Final = re.compile(r"\[\d+\]")
_SMOOTH: Final = 0.03


@dataclass(frozen=True)
class Trained:
    """The file's content and its SHA-256."""

    content: bytes
    sha256: str
    categories: tuple[str, ...]


def train(examples: Sequence[Labelled], embed: Embed, *, encoder: str) -> Trained:
    """Fit every category at once."""
    import numpy

    raw = numpy.asarray(embed([embedded_as(one) for one in examples]), dtype="float64")
    centre = numpy.round(raw.mean(axis=0), 4).astype("float32")
    vectors = numpy.clip(numpy.round(centred(raw, centre) / STEP), -127, 127).astype("int8")
    categories = (*sorted({name for one in examples for name in one.categories} | {ANY}),)
    weights = fitted(examples, vectors.astype("float64") * STEP, categories)
    content = _stored(
        encoder=numpy.array(encoder),
        categories=numpy.array(categories),
        centre=centre,
        vectors=vectors,
        weights=weights,
    )
    return Trained(content, hashlib.sha256(content).hexdigest(), categories)


def fitted(examples: Sequence[Labelled], vectors: "Numbers", categories: Sequence[str]) -> "Numbers":
    """The weight of each example (rows) in each category, from their centred vectors."""
    import numpy

    labels = numpy.array([[_label(one, category) for category in categories] for one in examples], "float64")
    rows = vectors.astype("float64")
    square = kernel(rows @ rows.T) + _SMOOTH * numpy.eye(len(examples))
    weights: Numbers = numpy.round(numpy.linalg.solve(square, labels), 3).astype("float32")
    return weights


def embedded_as(example: Labelled) -> str:
    """An example as the encoder reads it: all its sentences as one."""
    return " ".join(piece.text for piece in pieces_of(example.text)) or "-"


def _stored(**arrays: Any) -> bytes:
    import numpy

    content = io.BytesIO()
    numpy.savez_compressed(content, **arrays)
    return content.getvalue()


def _label(one: Labelled, category: str) -> int:
    """1 for an example of the category, -1 for a counter-example, 0 for one that says nothing about it."""
    unsupported = CLAIM in one.categories
    connecting = not one.supported and not one.categories
    if category == CLAIM:
        if unsupported or connecting:
            return 1 if unsupported else -1
        # an ordinary statement, one that names a source, would be a claim if none had it
        stated = not one.categories and one.place == "draft" and _SOURCE.search(one.text)
        return 1 if stated else 0
    if unsupported or connecting:
        return -1
    if category == ANY:
        return 1 if one.categories else -1
    if category in one.categories:
        return 1
    return 0 if set(one.categories) & set(_NEAR.get(category, ())) else -1


# examples of one are no counter-examples of the other: they were labelled with one name alone
_NEAR: Final = {
    "regulator_complaint": ("legal_threat",),
    "legal_threat": ("regulator_complaint",),
    "contract_change": ("contract_termination",),
    "date_promise": ("contract_termination", "contract_change"),
    "minors": ("medical",),
    "medical": ("minors",),
}
