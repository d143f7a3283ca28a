"""Making the weights of the likeness from labelled examples. The same examples give the same file.

Rounded, so that another machine's arithmetic gives the same numbers in all but rare cases.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .labelled import Labelled
from .likeness import Embed, Kernel, Views, pieces_of, rarities

if TYPE_CHECKING:
    from .likeness import Numbers

ANY: Final = "any"
"""The category of everything that is risky."""
CLAIM: Final = "unsupported_claims"
"""Learned from what no source carries: claims against sentences that only connect."""
_SMOOTH: Final = 0.03
_FOLDS: Final = 5
_RUN: Final = 4  # neighbours in the file are alike: they are left out together
_RARE: Final = 2  # a piece of a word that only one text has says nothing


@dataclass(frozen=True)
class Trained:
    """The file's content, its SHA-256, and what each text was given by weights that had not seen it."""

    content: bytes
    sha256: str
    categories: tuple[str, ...]
    unseen: tuple[dict[str, float], ...]


def train(examples: Sequence[Labelled], embed: Embed, *, encoder: str) -> Trained:
    """Fit every category at once; `unseen` is from five folds, in the order of `examples`."""
    import numpy

    texts = [" ".join(piece.text for piece in pieces_of(one.text)) or "-" for one in examples]
    rare = rarities(texts, _RARE)
    views = Views(texts, numpy.asarray(embed(texts), dtype="float64"), rare)
    categories = (*sorted({name for one in examples for name in one.categories} | {ANY}),)
    labels = numpy.array([[_label(one, category) for category in categories] for one in examples], "float64")
    compared, usual = _compared(views, len(rare))
    everything = numpy.arange(len(examples))
    weights = _solved(compared, labels, everything)
    unseen = numpy.zeros_like(labels)
    for fold in range(_FOLDS):
        out = everything // _RUN % _FOLDS == fold
        kept = everything[~out]
        unseen[out] = compared[numpy.ix_(out, ~out)] @ _solved(compared, labels, kept)
    shares = numpy.clip((unseen + 1) / 2, 0, 1).tolist()
    content = _stored(views, weights, usual, rare, categories, encoder)
    return Trained(
        content,
        hashlib.sha256(content).hexdigest(),
        categories,
        tuple(dict(zip(categories, row, strict=True)) for row in shares),
    )


def _solved(compared: "Numbers", labels: "Numbers", kept: "Numbers") -> "Numbers":
    import numpy

    square = compared[numpy.ix_(kept, kept)] + _SMOOTH * numpy.eye(len(kept))
    solved: Numbers = numpy.linalg.solve(square, labels[kept])
    return solved


def _compared(views: Views, grams: int) -> tuple["Numbers", float]:
    """The kernel of all texts with all, and what the concepts of a text usually come to."""
    import numpy
    from scipy.sparse import csr_matrix

    rows = [row for row, found in enumerate(views.letters) for _ in found]
    flat = [one for found in views.letters for one in found]
    shape = (len(views.letters), grams)
    sparse = csr_matrix(([weight for _, weight in flat], (rows, [place for place, _ in flat])), shape)
    letters = (sparse @ sparse.T).toarray()
    about, common = views.about @ views.about.T, views.about**2 @ (views.about**2).T
    told = about.diagonal() + Kernel().pairs * (about.diagonal() ** 2 - common.diagonal()) / 2
    usual = float(numpy.round(told.mean(), 4))
    return Kernel(usual=usual).between(views.vectors @ views.vectors.T, letters, about, common), usual


def _postings(views: Views, grams: int) -> list[list[tuple[int, float]]]:
    """For each piece of a word the texts that have it, and its weight there."""
    postings: list[list[tuple[int, float]]] = [[] for _ in range(grams)]
    for row, found in enumerate(views.letters):
        for place, weight in found:
            postings[place].append((row, weight))
    return postings


def _label(one: Labelled, category: str) -> int:
    """1 for an example of the category, -1 for a counter-example, 0 for one that says nothing about it."""
    unsupported = CLAIM in one.categories
    connecting = not one.supported and not one.categories
    if category == CLAIM:
        if unsupported or connecting:
            return 1 if unsupported else -1
        # an ordinary statement would be a claim if no source had it
        return 1 if not one.categories and one.place == "draft" else 0
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
    "contract_change": ("contract_termination", "refund_or_credit_above_limit"),
    "date_promise": ("refund_or_credit_above_limit", "contract_termination", "contract_change"),
    "minors": ("medical",),
    "medical": ("minors",),
}


def _stored(
    views: Views,
    weights: "Numbers",
    usual: float,
    rare: dict[str, tuple[int, float]],
    categories: Sequence[str],
    encoder: str,
) -> bytes:
    import numpy

    postings = _postings(views, len(rare))
    flat = [one for posting in postings for one in posting]
    arrays: dict[str, Any] = {
        "encoder": numpy.array(encoder),
        "categories": numpy.array(categories),
        "weights": numpy.round(weights, 3).astype("float32"),
        "vectors": numpy.round(views.vectors, 3).astype("float16"),
        "about": (views.about * 2).astype("uint8"),
        "grams": numpy.array(list(rare)),
        "rarity": numpy.round([rarity for _, rarity in rare.values()], 4).astype("float32"),
        "starts": numpy.cumsum([0, *map(len, postings)]).astype("uint32"),
        "places": numpy.array([row for row, _ in flat], dtype="uint16"),
        "counts": numpy.round([weight for _, weight in flat], 3).astype("float16"),
        "usual": numpy.array(usual),
    }
    content = io.BytesIO()
    numpy.savez_compressed(content, **arrays)
    return content.getvalue()
