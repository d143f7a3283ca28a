"""How well weights do on texts that they were not made of, without a second set: by cross-validation."""

from collections.abc import Sequence
from typing import Final

from .evaluate import Evaluation, evaluate
from .labelled import Labelled
from .likeness import Embed, Likeness, centred
from .policy import Policy
from .training import embedded_as, train

_FOLDS: Final = 5
_ALIKE: Final = 0.7  # a text and its translation: were one learned from, the other would be no new text


def evaluate_unseen(policy: Policy, texts: Sequence[Labelled], embed: Embed, *, encoder: str) -> Evaluation:
    """Weigh each text with weights that were made without it, without what is like it, and, where it has a
    `source`, without all of that source. In the figures the source stands in the place of the half."""
    places = [one.source or fold for one, fold in zip(texts, _folds(texts, embed), strict=True)]
    whole = Evaluation(policy.version)
    for left_out in dict.fromkeys(places):
        kept = [one for one, place in zip(texts, places, strict=True) if place != left_out]
        made = train(kept, embed, encoder=encoder)
        other = policy.with_weights(Likeness(made.content, sha256=made.sha256))
        out = [one for one, place in zip(texts, places, strict=True) if place == left_out]
        named = [one.model_copy(update={"split": one.source or one.split}) for one in out]
        whole.add(evaluate(other, named, embed))
    return whole


def _folds(texts: Sequence[Labelled], embed: Embed) -> list[str]:
    """A fold for each text; those that are alike share one."""
    import numpy
    from scipy.sparse.csgraph import connected_components

    raw = numpy.asarray(embed([embedded_as(one) for one in texts]), dtype="float32")
    vectors = centred(raw, raw.mean(axis=0))
    _, groups = connected_components(vectors @ vectors.T > _ALIKE, directed=False)
    return [f"fold {group % _FOLDS}" for group in groups.tolist()]
