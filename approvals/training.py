"""Making the weights of the likeness from labelled examples. The same examples give the same file."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .labelled import Labelled
from .likeness import Embed, letters_of, pieces_of

ANY: Final = "any"
"""The category of everything that is risky."""
CLAIM: Final = "unsupported_claims"
"""Learned from what no source carries: claims against sentences that only connect."""
_SCALES: Final = (4.0, 4.0)  # how much the meaning and the letters count
_STRENGTH: Final = 10.0
_FOLDS: Final = 5
_RARE: Final = 2  # a piece of a word that only one text has says nothing


@dataclass(frozen=True)
class Trained:
    """The file's content, its SHA-256, and what each text was given by weights that had not seen it."""

    content: bytes
    sha256: str
    categories: tuple[str, ...]
    unseen: tuple[dict[str, float], ...]


def train(examples: Sequence[Labelled], embed: Embed, *, encoder: str) -> Trained:
    """Fit one line a category; `unseen` is from five folds, in the order of `examples`.

    Needs scikit-learn, which only this needs. Raises `ImportError` without it.
    """
    import numpy

    texts = [" ".join(piece.text for piece in pieces_of(one.text)) or "-" for one in examples]
    vectors = numpy.asarray(embed(texts), dtype="float64")
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    categories = (*sorted({name for one in examples for name in one.categories} | {ANY}),)
    model = _fitted(texts, vectors, examples, categories)
    unseen: list[dict[str, float]] = [{} for _ in examples]
    for fold in range(_FOLDS):
        # neighbours in the file are alike, so that whole runs of it are left out
        out = [place for place in range(len(examples)) if place // 4 % _FOLDS == fold]
        kept = [place for place in range(len(examples)) if place // 4 % _FOLDS != fold]
        part = _fitted([texts[i] for i in kept], vectors[kept], [examples[i] for i in kept], categories)
        for place, row in zip(out, _shares(part, [texts[i] for i in out], vectors[out]), strict=True):
            unseen[place] = dict(zip(categories, row, strict=True))
    content = _stored(model, categories, encoder)
    return Trained(content, hashlib.sha256(content).hexdigest(), categories, tuple(unseen))


def labels_of(examples: Sequence[Labelled], category: str) -> list[int | None]:
    """1 for an example of the category, 0 for a counter-example, None for one that says nothing about it."""
    return [_label(one, category) for one in examples]


def _label(one: Labelled, category: str) -> int | None:
    if category == CLAIM:
        if CLAIM in one.categories:
            return 1
        if one.categories or one.place == "question":
            return None
        return 1 if one.supported else 0  # an ordinary statement would be a claim if no source had it
    if CLAIM in one.categories or not (one.supported or one.categories):
        return 0
    if category == ANY:
        return int(bool(one.categories))
    if category in one.categories:
        return 1
    return None if set(one.categories) & set(_NEAR.get(category, ())) else 0


# examples of one are no counter-examples of the other: they were labelled with one name alone
_NEAR: Final = {
    "regulator_complaint": ("legal_threat",),
    "legal_threat": ("regulator_complaint",),
    "contract_change": ("contract_termination", "refund_or_credit_above_limit"),
    "date_promise": ("refund_or_credit_above_limit", "contract_termination", "contract_change"),
    "minors": ("medical",),
    "medical": ("minors",),
}


@dataclass(frozen=True)
class _Model:
    vectorizer: Any
    dense: Any
    lexical: Any
    bias: Any


def _fitted(
    texts: Sequence[str], vectors: Any, examples: Sequence[Labelled], categories: Sequence[str]
) -> _Model:
    import numpy
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer=_analysed, sublinear_tf=True, min_df=_RARE)
    features = hstack(
        [csr_matrix(vectors * _SCALES[0]), vectorizer.fit_transform(texts) * _SCALES[1]], format="csr"
    )
    size = vectors.shape[1]
    dense, lexical, bias = [], [], []
    for category in categories:
        labels = labels_of(examples, category)
        rows = [place for place, label in enumerate(labels) if label is not None]
        line = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=2000)
        line.fit(features[rows], [labels[place] for place in rows])
        dense.append(line.coef_[0][:size])
        lexical.append(line.coef_[0][size:])
        bias.append(line.intercept_[0])
    return _Model(vectorizer, numpy.array(dense), numpy.array(lexical), numpy.array(bias))


def _analysed(text: str) -> list[str]:
    return list(letters_of(text).elements())


def _shares(model: _Model, texts: Sequence[str], vectors: Any) -> list[list[float]]:
    import numpy

    letters = model.vectorizer.transform(texts) * _SCALES[1]
    scores = vectors * _SCALES[0] @ model.dense.T + letters @ model.lexical.T + model.bias
    shares: list[list[float]] = (1 / (1 + numpy.exp(-scores))).tolist()
    return shares


def _stored(model: _Model, categories: Sequence[str], encoder: str) -> bytes:
    import numpy

    grams = sorted(model.vectorizer.vocabulary_, key=model.vectorizer.vocabulary_.__getitem__)
    content = io.BytesIO()
    numpy.savez_compressed(
        content,
        encoder=numpy.array(encoder),
        categories=numpy.array(categories),
        dense=model.dense.astype("float32"),
        bias=model.bias.astype("float32"),
        lexical=model.lexical.T.astype("float16"),
        idf=model.vectorizer.idf_.astype("float32"),
        grams=numpy.array(grams),
        scales=numpy.array(_SCALES),
    )
    return content.getvalue()
