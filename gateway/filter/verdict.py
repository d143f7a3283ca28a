"""What the filter says of a text: a value, never an exception."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Allowed:
    """Nothing spoke against the text."""


@dataclass(frozen=True)
class Flagged:
    """Worth a second look, and let through; `reasons` are ids of rules."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Denied:
    """Not to be answered. `reason` is the sentence for the person who asked, `reasons` are ids of rules."""

    reason: str
    family: str
    reasons: tuple[str, ...]


Verdict = Allowed | Flagged | Denied
Outcome = Literal["allowed", "flagged", "denied"]


def outcome_of(verdict: Verdict) -> Outcome:
    """The verdict's name on the wire."""
    match verdict:
        case Allowed():
            return "allowed"
        case Flagged():
            return "flagged"
        case Denied():
            return "denied"
