"""Where in a text a rule is met: by its phrases or by likeness to its examples; and the hit that makes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .likeness import Likeness, Vector
from .nearest import most_like
from .policy import Policy, Rule
from .value import By, RuleHit, Tier

Spot = tuple[int, int]


@dataclass(frozen=True)
class Like:
    """How like the examples of a rule a piece is, 0..1, and which of them is nearest."""

    share: float
    example: str


@dataclass(frozen=True)
class Alike:
    """Where a text is how like the examples of each category; None where nobody could embed it."""

    found: tuple[tuple[Spot, Mapping[str, float], Vector], ...] | None = ()
    weights: Likeness | None = None

    def spots(self, rule: Rule, apart: Collection[str] = ()) -> list[tuple[Spot, Like]]:
        """Where it is more like the examples of a rule than the rule allows, and how like.

        Not where it is most like those of a rule in `apart`: that one looks at amounts, and knows better.
        """
        limit = rule.likeness
        if limit is None or not self.found or self.weights is None:
            return []
        return [
            (spot, Like(round(shares[rule.id], 2), most_like(self.weights, vector, rule.id)))
            for spot, shares, vector in self.found
            if shares.get(rule.id, 0.0) >= limit and _nearest(shares, rule.id) not in apart
        ]


def _nearest(shares: Mapping[str, float], besides: str) -> str:
    """The category that a text is most like, besides one."""
    return max((name for name in shares if name != besides), key=lambda name: shares[name], default="")


NOWHERE: Final = Alike()


def hit_of(
    rule: Rule,
    spot: Spot,
    place: int | None,
    tier: Tier | None = None,
    by: By = By.WORDS,
    like: Like | None = None,
) -> RuleHit:
    """The hit of a rule at a spot, with its own tier unless another is given."""
    hit = RuleHit(rule.id, tier or rule.tier, rule.sentence, *spot, place, by, rule.weight)
    return hit if like is None else replace(hit, share=like.share, example=like.example)


def spots_of(
    policy: Policy, rule: Rule, name: str, text: str, excused: Sequence[Spot] | None = None
) -> list[Spot]:
    """Where the phrases of a rule's field are, less those that touch what is `excused`: by its own `unless`
    where nothing is given."""
    pattern = policy.compiled[rule.id, name]
    if pattern is None:
        return []
    if excused is None:
        excused = excused_spots(policy, rule, text)
    spots = (found.span() for found in pattern.finditer(text))
    return [spot for spot in spots if not any(a < spot[1] and spot[0] < b for a, b in excused)]


def excused_spots(policy: Policy, rule: Rule, text: str) -> list[Spot]:
    """Where the phrases are that excuse what they touch."""
    unless = policy.compiled.get((rule.id, "unless"))
    return [found.span() for found in unless.finditer(text)] if unless else []


def merged(spots: Iterable[Spot]) -> list[Spot]:
    """The same from left to right, those that touch as one."""
    whole: list[Spot] = []
    for start, end in sorted(spots):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole
