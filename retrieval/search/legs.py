"""Where to look, and what was found there: places in the CRM with what each way of looking says of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from retrieval.crm import CrmMap
from retrieval.index import Hit, Leg, Searches
from retrieval.pieces import FACTS
from retrieval.rights import Visibility

from .asked import Searched
from .focus import Focus, kinds_beneath

DEPTH: Final = 60
"""Of so many places each way of looking tells, and more where more passages are asked for."""


class Spot(NamedTuple):
    """A place in the CRM: one piece of one row."""

    kind: str
    key: str
    field: str
    ordinal: int

    @property
    def ref(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass
class Seen:
    """What the legs say of the places that they found: BM25 scores and cosines by place, and by record
    whether it is named, what it is worth that a named one leads there, and whether it was found among what
    belongs to one."""

    terms: dict[Spot, float] = field(default_factory=dict)
    meaning: dict[Spot, float] = field(default_factory=dict)
    named: dict[str, None] = field(default_factory=dict)
    linked: dict[str, float] = field(default_factory=dict)
    belonging: set[str] = field(default_factory=set)

    @property
    def spots(self) -> list[Spot]:
        """Every place once, the columns of named and linked records first."""
        columns = [_columns_of(ref) for ref in (*self.named, *self.linked)]
        return list(dict.fromkeys([*columns, *self.terms, *self.meaning]))

    def without(self, withheld: Collection[Spot]) -> "Seen":
        """The same without places that the asker may not see any more: no score may tell of them."""
        return replace(
            self,
            terms={spot: score for spot, score in self.terms.items() if spot not in withheld},
            meaning={spot: score for spot, score in self.meaning.items() if spot not in withheld},
        )

    def link(self, ref: str, worth: float) -> None:
        """A record that a named one leads to."""
        self.linked[ref] = max(worth, self.linked.get(ref, 0.0))


async def look(
    index: Searches,
    crm_map: CrmMap,
    visibility: Visibility,
    focus: Focus,
    searched: Searched,
    vectors: Sequence[Sequence[float]],
    *,
    depth: int,
    within_only: bool,
) -> Seen:
    """Ask the index, by terms and by each of the vectors, in one call; each way tells of `depth` places.

    Where records are named, among what belongs to them and, unless `within_only`, among what can belong to
    nobody, such as articles.
    """
    legs = [
        replace(leg, limit=depth) for leg in _legs(crm_map, focus, searched, vectors, within_only=within_only)
    ]
    answers = await index.search(visibility, legs)
    seen = Seen()
    for leg, hits in zip(legs, answers, strict=True):
        if leg.within:
            seen.belonging.update(hit.ref for hit in hits)
        keep_best(seen.terms if leg.terms is not None else seen.meaning, hits)
    return seen


def _legs(
    crm_map: CrmMap,
    focus: Focus,
    searched: Searched,
    vectors: Sequence[Sequence[float]],
    *,
    within_only: bool,
) -> Iterable[Leg]:
    if not focus.named:
        yield from _both(searched.terms.indices and Leg(terms=searched.terms), vectors)
        return
    topic = searched.topic
    yield from _both(topic.indices and Leg(terms=topic, within=focus.refs), vectors, focus.refs)
    beneath = kinds_beneath(crm_map, focus.kinds)
    elsewhere = tuple(kind for kind in crm_map.entities if kind not in beneath)
    if elsewhere and not within_only:
        lexical = topic.indices and Leg(terms=topic, kinds=elsewhere)
        yield from _both(lexical, vectors, kinds=elsewhere)


def _both(
    lexical: Leg | list[int],
    vectors: Sequence[Sequence[float]],
    within: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (),
) -> Iterable[Leg]:
    if isinstance(lexical, Leg):
        yield lexical
    for vector in vectors:
        yield Leg(vector=vector, within=within, kinds=kinds)


def _columns_of(ref: str) -> Spot:
    kind, _, key = ref.partition(":")
    return Spot(kind, key, FACTS, 0)


def keep_best(scores: dict[Spot, float], hits: Sequence[Hit]) -> None:
    """Note the best score of each place."""
    for hit in hits:
        spot = Spot(hit.kind, hit.key, hit.field, hit.ordinal)
        scores[spot] = max(hit.score, scores.get(spot, hit.score))
