"""What is shown while the CRM does not answer: copies of articles that are open to everyone.

Nobody's rights can be read then. So the index is asked with the one key that everybody holds, for the kinds
of records that were written to answer questions, and their text comes from the copies that the sync keeps, in
which the CRM's identities are references.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from retrieval.index import Leg, Searches
from retrieval.pieces import FACTS
from retrieval.rights import visibility_of_anyone
from retrieval.sync.open_texts import OpenText, OpenTexts

from .asked import Searched
from .legs import DEPTH, Seen, Spot, keep_best
from .rank import WEIGHTS, Scores, scaled, shortlist
from .values import Passage, SearchResult

_A_ROW: Final = 2

NO_CRM: Final = "The CRM does not answer, so no record can be shown: rights are checked there each time."
ONLY_ARTICLES: Final = (
    "The CRM does not answer, so no record can be shown: rights are checked there each time. These are "
    "copies of articles that are open to everyone, last compared with the CRM {when}; they may have changed."
)
_AT: Final = "on %d %B %Y at %H:%M UTC"


class WithoutCrm:
    """Searches copies. It reads neither the CRM nor who asks."""

    def __init__(self, index: Searches, copies: OpenTexts) -> None:
        self._index = index
        self._copies = copies

    async def search(
        self, searched: Searched, vectors: Sequence[Sequence[float]], limit: int, scope: str | None
    ) -> SearchResult:
        """Copied articles, marked stale; none for a question about one record."""
        if scope is not None or not self._copies.kinds:
            return away(())
        seen = Seen()
        legs = list(_legs(searched, vectors, self._copies.kinds))
        answers = await self._index.search(visibility_of_anyone(self._copies.crm_map), legs)
        for leg, hits in zip(legs, answers, strict=True):
            keep_best(seen.terms if leg.terms is not None else seen.meaning, hits)
        spots = [spot for spot in shortlist(seen, DEPTH) if spot.field != FACTS]
        copied = await self._copies.read({spot.ref for spot in spots})
        passages: list[Passage] = []
        taken: dict[str, int] = {}
        for spot in spots:
            text = copied.texts.get(spot.ref)
            passage = _passage(text, spot, _scores(seen, spot)) if text else None
            if passage and taken.setdefault(spot.ref, 0) < _A_ROW and len(passages) < limit:
                taken[spot.ref] += 1
                passages.append(passage)
        return away(passages, copied.compared)


def away(passages: Sequence[Passage], compared: datetime | None = None) -> SearchResult:
    """An answer without the CRM, with what may be shown all the same."""
    when = compared.astimezone(UTC).strftime(_AT) if compared else "at an unknown time"
    return SearchResult(
        user_known=True,
        crm_available=False,
        stale=True,
        found=len(passages),
        checked=0,
        passages=tuple(passages),
        facts=(),
        notices=(ONLY_ARTICLES.format(when=when) if passages else NO_CRM,),
    )


def _legs(searched: Searched, vectors: Sequence[Sequence[float]], kinds: tuple[str, ...]) -> Iterable[Leg]:
    if searched.topic.indices:
        yield Leg(terms=searched.topic, kinds=kinds, limit=DEPTH)
    for vector in vectors:
        yield Leg(vector=vector, kinds=kinds, limit=DEPTH)


def _scores(seen: Seen, spot: Spot) -> Scores:
    terms, meaning = scaled(seen.terms), scaled(seen.meaning, from_least=True)
    return Scores(terms=terms.get(spot, 0.0), meaning=meaning.get(spot, 0.0))


def _passage(copy: OpenText, spot: Spot, scores: Scores) -> Passage | None:
    for piece in copy.pieces:
        if (piece["field"], piece["ordinal"]) == (spot.field, spot.ordinal):
            return Passage(
                id=f"{spot.ref}/{spot.field}/{spot.ordinal}",
                entity=spot.ref,
                field=spot.field,
                title=copy.title,
                text=piece["text"],
                url=copy.url,
                internal=piece["internal"],
                open=True,
                reference=True,
                as_of=copy.read_at,
                score=scores.total(WEIGHTS),
                scores=dict(scores._asdict()),
            )
    return None
