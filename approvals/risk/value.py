"""What weighing finds: hits of rules, as values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Tier(StrEnum):
    """How many officers must agree: `top` needs two. What holds nothing is released and has no tier."""

    NORMAL = "normal"
    TOP = "top"

    @property
    def reviewers(self) -> int:
        """How many distinct officers must approve the same text."""
        return 2 if self is Tier.TOP else 1


class By(StrEnum):
    """What was met: words, likeness to examples, a mark, a source's text, a check, a function, or chance."""

    WORDS = "words"
    LIKENESS = "likeness"
    MARK = "mark"
    SOURCE = "source"
    CHECK = "check"
    FUNCTION = "function"
    CHANCE = "chance"


@dataclass(frozen=True)
class RuleHit:
    """A rule that a text meets, and where: code points, half open.

    `place` is None in the question, else the number of the draft's sentence (from 0) that the offsets
    are in. A hit of the whole text, such as a customer's tag, is empty (start == end). Hits of a `weight`
    below 1 hold only together: the weights of the different rules are added. `share` is how like the rule's
    examples it is, 0..1, where likeness found it, and `example` the one that is nearest.
    """

    rule: str
    tier: Tier
    sentence: str
    start: int
    end: int
    place: int | None = None
    by: By = By.WORDS
    weight: float = 1.0
    share: float | None = None
    example: str = ""

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        return asdict(self)

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "RuleHit":
        """The hit as it was stored."""
        by = By(members.get("by", By.WORDS))
        return cls(**{**members, "tier": Tier(members["tier"]), "by": by})


@dataclass(frozen=True)
class Weighing:
    """What a text weighs: `hits` are reasons to hold, `marks` are only shown, `shadow` is only reported."""

    hits: tuple[RuleHit, ...] = ()
    marks: tuple[RuleHit, ...] = ()
    shadow: tuple[RuleHit, ...] = ()

    @property
    def weight(self) -> float:
        """The sum over the rules that were hit, each once at its heaviest; 1 and more holds."""
        return _together(self.hits)

    @property
    def risky(self) -> bool:
        """Whether the answer must wait for an officer."""
        return self.weight >= 1

    @property
    def would_hold(self) -> bool:
        """Whether it would have to wait were no rule on trial."""
        return _together((*self.hits, *self.shadow)) >= 1

    @property
    def tier(self) -> Tier:
        """The strictest tier among the hits."""
        return Tier.TOP if any(hit.tier is Tier.TOP for hit in self.hits) else Tier.NORMAL

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were hit, each once, in order of appearance."""
        return tuple(dict.fromkeys(hit.rule for hit in self.hits))

    @property
    def shadowed(self) -> tuple[str, ...]:
        """The rules that would have held, were they not on trial."""
        return tuple(dict.fromkeys(hit.rule for hit in self.shadow))

    @property
    def named(self) -> frozenset[str]:
        """The rules that were hit, held or on trial."""
        return frozenset({*self.rules, *self.shadowed})

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """(rule, sentence in plain words) of each rule that was hit, for the card of the held answer."""
        return tuple(dict.fromkeys((hit.rule, hit.sentence) for hit in self.hits))

    def joined(self, *others: "Weighing") -> "Weighing":
        """This and others as one; each hit once."""
        every = (self, *others)
        return Weighing(
            tuple(dict.fromkeys(hit for one in every for hit in one.hits)),
            tuple(dict.fromkeys(mark for one in every for mark in one.marks)),
            tuple(dict.fromkeys(hit for one in every for hit in one.shadow)),
        )

    def on_trial(self, rules: Collection[str], by: Collection[By] = ()) -> "Weighing":
        """The same, but hits of these rules, or found by these means, are only reported, unless they ask for
        two officers."""
        tried = (hit for hit in self.hits if hit.rule in rules or hit.by in by)
        shadow = tuple(hit for hit in tried if hit.tier is not Tier.TOP)
        kept = tuple(hit for hit in self.hits if hit not in shadow)
        return replace(self, hits=kept, shadow=(*self.shadow, *shadow))


def _together(hits: Iterable[RuleHit]) -> float:
    heaviest: dict[str, float] = {}
    for hit in hits:
        heaviest[hit.rule] = max(heaviest.get(hit.rule, 0.0), hit.weight)
    return round(sum(heaviest.values()), 6)
