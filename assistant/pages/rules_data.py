"""What the page of rules shows: numbers of each rule, what they suggest, and what officers said to that."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class RuleLine:
    """A rule in numbers: `counts` of what became of the drafts that it held, empty where it held none.

    `trial` answers it would have held were it not on trial, `more` of which went out unread.
    """

    rule: str
    title: str
    on_trial: bool = False
    counts: Mapping[str, Any] = field(default_factory=dict)
    trial: int = 0
    more: int = 0

    @property
    def held(self) -> int:
        """How many drafts it held."""
        return int(self.counts.get("held", 0))


@dataclass(frozen=True)
class SuggestedChange:
    """A change of a rule that follows from the decisions; `now` has its fields as they are in force."""

    id: str
    rule: str
    title: str
    change: Mapping[str, Any]
    now: Mapping[str, Any]
    count: int
    decided: int


@dataclass(frozen=True)
class AnsweredChange:
    """A change that somebody accepted or put aside, and the numbers it rested on."""

    id: uuid.UUID
    rule: str
    title: str
    change: Mapping[str, Any]
    count: int
    decided: int
    by: str
    at: datetime


@dataclass(frozen=True)
class RulesView:
    """The page of rules. `proposal` is YAML with each accepted change: a whole policy, or rules alone."""

    days: int
    policy: str
    mode: str
    rules: Sequence[RuleLine] = ()
    drafts: int = 0
    double: int = 0
    agreed: int = 0
    weighed: int = 0
    held: int = 0
    would_hold: int = 0
    suggestions: Sequence[SuggestedChange] = ()
    accepted: Sequence[AnsweredChange] = ()
    in_force: Sequence[AnsweredChange] = ()
    put_aside: Sequence[AnsweredChange] = ()
    proposal: str = ""
    proposal_is_whole: bool = True
