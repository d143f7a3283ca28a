"""What weighing finds: hits of rules, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Tier(StrEnum):
    """How many officers must agree: `top` needs two."""

    NORMAL = "normal"
    TOP = "top"

    @property
    def reviewers(self) -> int:
        """How many distinct officers must approve the same text."""
        return 2 if self is Tier.TOP else 1


@dataclass(frozen=True)
class RuleHit:
    """A rule that a text meets, and where: code points, half open.

    `place` is None in the question, else the number of the draft's sentence (from 0) that the offsets
    are in. A hit of the whole text, such as a customer's tag, is empty (start == end).
    """

    rule: str
    tier: Tier
    sentence: str
    start: int
    end: int
    place: int | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        return asdict(self)

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "RuleHit":
        """The hit as it was stored."""
        return cls(**{**members, "tier": Tier(members["tier"])})


@dataclass(frozen=True)
class Weighing:
    """What a text weighs: `hits` hold the answer, `marks` are only shown."""

    hits: tuple[RuleHit, ...] = ()
    marks: tuple[RuleHit, ...] = ()

    @property
    def risky(self) -> bool:
        """Whether the answer must wait for an officer."""
        return bool(self.hits)

    @property
    def tier(self) -> Tier:
        """The strictest tier among the hits."""
        return Tier.TOP if any(hit.tier is Tier.TOP for hit in self.hits) else Tier.NORMAL

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were hit, each once, in order of appearance."""
        return tuple(dict.fromkeys(hit.rule for hit in self.hits))

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
        )
