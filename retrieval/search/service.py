"""One question: found by several legs, fused by rank, and checked once more in the CRM itself."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from gateway import CloisterError, Principal, log
from retrieval.crm import EVERYONE, AmbiguousUser, CrmUnavailable, acl_keys, facts, link, title
from retrieval.crm.map import FactKind, Row
from retrieval.index import Embedder, Index, Leg, Terms
from retrieval.pieces import (
    FACTS,
    Piece,
    as_terms,
    facts_of,
    plain_references,
    prose_of,
    references_in,
    without_references,
)
from retrieval.records import Records
from retrieval.rights import Visibility, visibility_of

from .focus import FOCUS_ROWS, Focus, find_focus, kinds_asked_for, kinds_beneath, links_to, numbered
from .fuse import Ranking, choose, fuse
from .listing import find_listing
from .live import live_facts
from .reading import words_of_map
from .values import Fact, Listing, Passage, Question, SearchResult

_CHOICE: Final = 3  # of so many times the places is chosen
_LINKED: Final = 25
_LINKED_UNASKED: Final = 4
_EMBED_S: Final = 4.0

UNKNOWN_USER: Final = (
    "Your sign-in matches no active user of the CRM, so there are no records you may see. "
    "Ask the administrator of the CRM."
)
NO_CRM: Final = "The CRM does not answer, so no record can be shown: rights are checked there each time."
WORDS_ONLY: Final = "Searched by words only: search by meaning is not available at the moment."


class _Spot(NamedTuple):
    """A place in the CRM: one piece of one row."""

    kind: str
    key: str
    field: str
    ordinal: int

    @property
    def ref(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, eq=False)
class _Confirmed:
    """A spot that the CRM confirmed, with its live row."""

    spot: _Spot
    row: Row
    score: float
    as_of: datetime


@dataclass(frozen=True, eq=False)
class _Found(_Confirmed):
    """A confirmed spot with its text."""

    piece: Piece


class Searcher:
    """Answers questions. Keeps nothing of a caller between two of them."""

    def __init__(
        self,
        records: Records,
        index: Index,
        terms: Terms,
        embedder: Embedder,
        is_stale: Callable[[], bool],
    ) -> None:
        self._records = records
        self._map = records.crm_map
        self._index = index
        self._terms = terms
        self._embedder = embedder
        self._is_stale = is_stale

    async def search(self, principal: Principal, question: Question) -> SearchResult:
        """Passages and facts for one question, all read from the CRM in the course of it.

        A caller without a CRM user gets nothing, and so does everybody while the CRM does not answer:
        both are said in a notice, not raised.
        """
        try:
            visibility = await visibility_of(self._records, principal)
            if visibility is None:
                return _nothing(user_known=False, notice=UNKNOWN_USER)
            return await self._search(principal, question, visibility)
        except AmbiguousUser as error:
            return _nothing(user_known=False, notice=str(error))
        except CrmUnavailable:
            return _nothing(crm_available=False, notice=NO_CRM)

    async def _search(self, principal: Principal, question: Question, visibility: Visibility) -> SearchResult:
        scope = [question.scope] if question.scope else []
        named = [*question.entities, *references_in(question.question)]
        if not scope:
            named += await numbered(self._records, visibility, question.question)
        focus = await find_focus(self._records, visibility, scope or named)
        if listed := await find_listing(
            self._records,
            visibility,
            question.question,
            focus,
            named=bool(scope or named),
            scoped=bool(scope),
        ):
            return await self._list(visibility, focus, *listed)
        words = words_of_map(self._map, without_references(question.question))
        question = question.model_copy(
            update={"question": " ".join(filter(None, (question.question, *words, question.earlier)))}
        )
        vector = await self._vector(principal, question.question)
        notices = () if vector else (WORDS_ONLY,)
        if scope and not focus.named:
            return _nothing(stale=self._is_stale(), notices=notices)
        asked_for = kinds_asked_for(self._map, without_references(question.question))
        rankings = await self._by_index(question, visibility, focus, vector, within_only=bool(scope))
        rankings += await self._by_links(question.question, visibility, focus, asked_for)
        confirmed = await self._check(visibility, fuse(rankings))
        best = choose(
            list(islice(self._cut(confirmed, visibility), _CHOICE * question.limit)),
            question.limit,
            kind=lambda one: one.spot.kind,
            row=lambda one: one.spot.ref,
            share=lambda kind: 0.75 if kind in asked_for else 0.4,
        )
        return SearchResult(
            user_known=True,
            crm_available=True,
            stale=self._is_stale(),
            found=len(confirmed),
            checked=len({one.spot.ref for one in confirmed}),
            passages=tuple(self._passage(one) for one in best),
            facts=tuple(await live_facts(self._records, visibility, focus)),
            notices=notices,
            words=words,
        )

    async def _list(
        self, visibility: Visibility, focus: Focus, listing: Listing, passages: list[Passage], count: Fact
    ) -> SearchResult:
        """A list out of the CRM; the index has no part in it."""
        return SearchResult(
            user_known=True,
            crm_available=True,
            stale=False,
            found=listing.total,
            checked=len(passages),
            passages=tuple(passages),
            facts=(count, *await live_facts(self._records, visibility, focus)),
            listing=listing,
        )

    async def _vector(self, principal: Principal, question: str) -> list[float] | None:
        """The question's vector, or None when the door cannot make it: terms alone must then do."""
        try:
            async with asyncio.timeout(_EMBED_S):
                (vector,) = await self._embedder.embed(principal, [plain_references(question)], "query")
        except (CloisterError, TimeoutError) as error:
            log.warning("search.words_only", reason=type(error).__name__)
            return None
        return vector

    async def _by_index(
        self,
        question: Question,
        visibility: Visibility,
        focus: Focus,
        vector: Sequence[float] | None,
        *,
        within_only: bool,
    ) -> list[Ranking]:
        kinds = tuple(self._map.entities)
        whole = self._terms.of_query(as_terms(question.question, kinds))
        legs = []
        if not focus.named:
            legs += [Leg(terms=whole), *([Leg(vector=vector)] if vector else [])]
        else:
            topic = self._terms.of_query(without_references(question.question))
            legs.append(Leg(terms=topic, within=focus.refs))
            legs += [Leg(vector=vector, within=focus.refs)] if vector else []
            beneath = kinds_beneath(self._map, focus.kinds)
            elsewhere = tuple(kind for kind in kinds if kind not in beneath)
            if elsewhere and not within_only:  # what belongs to nobody: articles, products
                legs.append(Leg(terms=topic, kinds=elsewhere))
                legs += [Leg(vector=vector, kinds=elsewhere)] if vector else []
        legs = [leg for leg in legs if leg.vector or (leg.terms and leg.terms.indices)]
        found = await self._index.search(visibility, legs)
        return [Ranking([_Spot(hit.kind, hit.key, hit.field, hit.ordinal) for hit in hits]) for hits in found]

    async def _by_links(
        self, question: str, visibility: Visibility, focus: Focus, asked_for: Sequence[str]
    ) -> list[Ranking]:
        """The named records, and the latest of theirs, those first whose live values are asked for."""
        rankings = []
        if focus.named:
            rankings.append(Ranking([_spot_of(ref) for ref in focus.named], 1.5))
        words = set(without_references(question).lower().split())
        keys: dict[str, list[str]] = {}
        for ref in list(focus.named)[:FOCUS_ROWS]:
            kind, _, key = ref.partition(":")
            keys.setdefault(kind, []).append(key)
        for kind in keys:
            for child, column in links_to(self._map, kind):
                asked = child in asked_for
                limit = _LINKED if asked else _LINKED_UNASKED
                rows = await self._records.linked(child, column, keys[kind], visibility, limit)
                ranked = sorted(rows, key=lambda row: -self._agreement(child, row, visibility, words))
                key = self._map.entities[child].key
                spots = [_Spot(child, str(row[key]), FACTS, 0) for row in ranked]
                rankings.append(Ranking(spots, 2.0 if asked else 0.5))
        return rankings

    def _agreement(self, kind: str, row: Row, visibility: Visibility, words: set[str]) -> int:
        """How many facts of a row have a value that the question names: “open”, “escalated”."""
        found = facts(self._map, kind, row, visibility.user.attributes)
        return sum(fact.kind is FactKind.TEXT and fact.text.lower() in words for fact in found)

    async def _check(
        self, visibility: Visibility, ranked: Sequence[tuple[object, float]]
    ) -> list[_Confirmed]:
        """The late check: what of this there still is, that the caller may see now, as it reads now."""
        spots = [(spot, score) for spot, score in ranked if isinstance(spot, _Spot)]
        keys: dict[str, dict[str, None]] = {}
        for spot, _ in spots:
            keys.setdefault(spot.kind, {})[spot.key] = None
        answers = await asyncio.gather(
            *(self._records.rows(kind, list(wanted), visibility) for kind, wanted in keys.items())
        )
        rows = dict(zip(keys, answers, strict=True))
        as_of = datetime.now(UTC)
        return [
            _Confirmed(spot, rows[spot.kind][spot.key], score, as_of)
            for spot, score in spots
            if spot.key in rows[spot.kind]
        ]

    def _cut(self, confirmed: Sequence[_Confirmed], visibility: Visibility) -> Iterator[_Found]:
        """Spots with their text as it reads now; those whose piece of the row is gone are left out."""
        for one in confirmed:
            piece = self._piece(one.spot, one.row, visibility)
            if piece is not None:
                yield _Found(one.spot, one.row, one.score, one.as_of, piece)

    def _piece(self, spot: _Spot, row: Row, visibility: Visibility) -> Piece | None:
        if spot.field == FACTS:
            return facts_of(self._map, spot.kind, row, visibility.user.attributes)
        pieces = {(one.field, one.ordinal): one for one in prose_of(self._map, spot.kind, row)}
        return pieces.get((spot.field, spot.ordinal))

    def _passage(self, one: _Found) -> Passage:
        spot = one.spot
        return Passage(
            id=f"{spot.ref}/{spot.field}/{spot.ordinal}",
            entity=spot.ref,
            field=spot.field,
            title=title(self._map, spot.kind, one.row),
            text=one.piece.text,
            url=link(self._map, spot.kind, one.row),
            internal=one.piece.internal,
            open=EVERYONE in acl_keys(self._map, spot.kind, one.row),
            reference=self._map.entities[spot.kind].reference and spot.field != FACTS,
            as_of=one.as_of,
            score=one.score,
            free=one.piece.free,
        )


def _spot_of(ref: str) -> _Spot:
    kind, _, key = ref.partition(":")
    return _Spot(kind, key, FACTS, 0)


def _nothing(
    *,
    user_known: bool = True,
    crm_available: bool = True,
    stale: bool = False,
    notice: str = "",
    notices: tuple[str, ...] = (),
) -> SearchResult:
    return SearchResult(
        user_known=user_known,
        crm_available=crm_available,
        stale=stale or not crm_available,
        found=0,
        checked=0,
        passages=(),
        facts=(),
        notices=(notice,) if notice else notices,
    )
