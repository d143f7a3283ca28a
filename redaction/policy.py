"""What is masked: which types, how sure a detector must be, and what is allowed to stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from .entities import EntityType, Source, Span
from .normalise import fold_value

QUASI_IDENTIFIERS = frozenset({EntityType.DATE, EntityType.AGE, EntityType.GROUP})
_DIRECT = frozenset(EntityType) - QUASI_IDENTIFIERS
_GUESSED = frozenset({EntityType.PERSON, EntityType.ORGANIZATION, EntityType.LOCATION, EntityType.ADDRESS})
_KNOWN = frozenset({Source.GAZETTEER, Source.ESCAPE})


class Level(StrEnum):
    """How far masking goes."""

    DIRECT = "direct"
    """What names or reaches somebody by itself."""
    QUASI = "quasi"
    """Also what narrows down who it is: dates, ages, nationalities."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`types` are masked at all; `guessed` are those that the models of names may report.

    `thresholds` (0 to 1) rule out guesses that a detector is less sure of. `allowed` values are never
    masked on a guess, whatever their case and accents: product names, the company's own name. What the
    CRM knows as a customer's is masked whatever this says.
    """

    level: Level = Level.DIRECT
    types: frozenset[EntityType] = frozenset(EntityType)
    guessed: frozenset[EntityType] = _GUESSED
    thresholds: Mapping[EntityType, float] = field(default_factory=lambda: MappingProxyType({}))
    allowed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed", frozenset(fold_value(value) for value in self.allowed))

    @property
    def masked(self) -> frozenset[EntityType]:
        """The types that are masked at this level."""
        return self.types if self.level is Level.QUASI else self.types & _DIRECT

    @property
    def models(self) -> frozenset[EntityType]:
        """What the models of names have to report."""
        quasi = QUASI_IDENTIFIERS if self.level is Level.QUASI else frozenset()
        return (self.guessed | quasi) & self.masked

    def masks(self, text: str, span: Span) -> bool:
        """Whether this span of `text` is masked."""
        if span.source in _KNOWN:
            return True
        if span.type not in self.masked or span.score < self.thresholds.get(span.type, 0.0):
            return False
        return not self.allowed or fold_value(text[span.start : span.end]) not in self.allowed
