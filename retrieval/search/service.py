"""One question: found by several legs, fused by rank, and checked once more in the CRM itself."""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway import CloisterError, Principal, log
from retrieval.crm import EVERYONE, AmbiguousUser, CrmUnavailable, acl_keys, changed_at, facts, link, title
from retrieval.crm.map import FactKind, Row
from retrieval.index import Embedder, Leg, Searches, Terms
from retrieval.pieces import (
    FACTS,
    plain_references,
    references_in,
    with_references,
    without_references,
)
from retrieval.records import Records
from retrieval.rights import Visibility, visibility_of

from .asked import searched
from .besides import besides
from .choice import choose
from .doubt import is_weak
from .flags import flags_about
from .focus import FOCUS_ROWS, Focus, find_focus, kinds_asked_for, links_to, visible_rows
from .kinds import require_kind
from .late import Read, as_read, confirm, read
from .legs import DEPTH, Seen, keep_best, look
from .listing import find_listing
from .live import live_facts
from .numbers import Typed, found_by_number, missing_sentence, numbered, typed_in
from .rank import WEIGHTS, Scores, Wording, scaled, shortlist
from .reading import words_of_map
from .rerank import AsFound, Reranks
from .values import Fact, Listing, Passage, Question, SearchResult
from .without_crm import WithoutCrm, away

_CHECKED: Final = 80  # of so many places the live text is read,
_PLACES: Final = 3  # and of so many for each passage that is asked for
_LINKED: Final = 25
_LINKED_UNASKED: Final = 4
_ASKED: Final = 1.0  # what it is worth to be of a kind that was asked for of the named, or of another
_UNASKED: Final = 0.06
_FADES: Final = 20  # ranks after which being theirs is worth half
_FADES_S: Final = 180 * 86_400.0
_EMBED_S: Final = 4.0

_WORD: Final = re.compile(r"\w+")

UNKNOWN_USER: Final = (
    "Your sign-in matches no active user of the CRM, so there are no records you may see. "
    "Ask the administrator of the CRM."
)
WORDS_ONLY: Final = "Searched by words only: search by meaning is not available at the moment."


@dataclass(frozen=True, eq=False)
class _Ranked(Read):
    """A found spot and what it is worth."""

    scores: Scores
    score: float


class Searcher:
    """Answers questions. Keeps nothing of a caller between two of them."""

    def __init__(
        self,
        records: Records,
        index: Searches,
        terms: Terms,
        embedder: Embedder,
        is_stale: Callable[[], bool],
        without_crm: WithoutCrm | None = None,
        reranks: Reranks | None = None,
        is_filled: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_filled` says that every piece that wants a vector has one: before, nothing found is doubted."""
        self._records = records
        self._map = records.crm_map
        self._index = index
        self._terms = terms
        self._embedder = embedder
        self._is_stale = is_stale
        self._reranks = reranks or AsFound()
        self._without_crm = without_crm
        self._is_filled = is_filled

    async def search(self, principal: Principal, question: Question) -> SearchResult:
        """Passages and facts for one question, all read from the CRM in the course of it.

        A caller without a CRM user gets nothing. While the CRM does not answer there is nothing but copies of
        articles that are open to everyone. Both are said in a notice, not raised. Raises `NotFound` for a
        scope of a kind that the map does not know.
        """
        if question.scope is not None:
            require_kind(self._map, question.scope)
        try:
            visibility = await visibility_of(self._records, principal)
            if visibility is None:
                return _nothing(user_known=False, notice=UNKNOWN_USER)
            return await self._search(principal, question, visibility)
        except AmbiguousUser as error:
            return _nothing(user_known=False, notice=str(error))
        except CrmUnavailable:
            return await self._articles(principal, question)

    async def _search(self, principal: Principal, question: Question, visibility: Visibility) -> SearchResult:
        """What is found of a question; where it names a record by a number that none has, of its rest."""
        numbers = await numbered(self._records, visibility, question.question)
        if not numbers.missing:
            return await self._answer(principal, question, visibility, numbers.found)
        mentioned = await self._mentioning(question, visibility, numbers.missing)
        told_of = [typed for one in mentioned for typed in typed_in(self._map, self._as_read(one))]
        missing = [one for one in numbers.missing if one.sure or not one.is_among(told_of)]
        if not missing:
            return await self._answer(principal, question, visibility, numbers.found)
        found = _nothing(stale=self._is_stale())
        if (rest := await besides(self._records, visibility, question, numbers, self._terms_in)) is not None:
            found = await self._answer(principal, rest, visibility, numbers.found)
        told = tuple(one.missing for one in missing)
        passages = {one.id: one for one in (*map(self._passage, mentioned), *found.passages)}
        return found.model_copy(
            update={
                "passages": tuple(passages.values())[: question.limit],
                "found": found.found + len(mentioned),
                "checked": found.checked + len({one.spot.ref for one in mentioned}),
                "weak": not mentioned and (found.weak or not (found.passages or found.facts)),
                "missing": told,
                "notices": (missing_sentence(told), *found.notices),
            }
        )

    async def _mentioning(
        self, question: Question, visibility: Visibility, missing: Sequence[Typed]
    ) -> list[_Ranked]:
        """Passages that have one of these very numbers in their live text, the best of the terms first.

        None within a scope that the caller may not see, as if it were not there.
        """
        if question.scope and not await visible_rows(self._records, visibility, [question.scope]):
            return []
        terms = self._terms.of_query(" ".join(f"{one.digits} {one.head}{one.digits}" for one in missing))
        within = (question.scope,) if question.scope else ()
        [hits] = await self._index.search(visibility, [Leg(terms=terms, within=within, limit=DEPTH)])
        seen = Seen()
        keep_best(seen.terms, hits)
        there = await confirm(self._records, visibility, seen.spots)
        found = []
        for one in read(self._map, visibility, there):
            typed = typed_in(self._map, self._as_read(one))
            if any(number.is_among(typed) for number in missing):
                found.append(one)
        return self._ranked(
            found, seen.without({*seen.terms}.difference(one.spot for one in found)), question, ()
        )

    async def _answer(
        self, principal: Principal, question: Question, visibility: Visibility, numbers: Sequence[str]
    ) -> SearchResult:
        """What is found of a question that names these records by their numbers."""
        scope = [question.scope] if question.scope else []
        named = [*question.entities, *references_in(question.question)]
        if not scope:
            named += numbers
        if not scope and not named and question.earlier:
            named += await found_by_number(self._records, visibility, question.earlier)
        focus = await find_focus(self._records, visibility, scope or named)
        if listed := await find_listing(
            self._records,
            visibility,
            question.question,
            focus,
            named=bool(scope or named),
            scoped=bool(scope),
            at_most=question.listed or question.limit,
        ):
            return await self._list(visibility, focus, *listed)
        question = await self._as_theirs(question, visibility, focus)
        if not question.question.strip():
            return _nothing(stale=self._is_stale())
        words = words_of_map(self._map, without_references(question.question))
        asked_for = kinds_asked_for(self._map, without_references(" ".join((question.question, *words))))
        wanted = searched(self._terms, question.question, question.earlier, words, tuple(self._map.entities))
        vectors = await self._vectors(principal, wanted.texts)
        notices = () if vectors else (WORDS_ONLY,)
        if scope and not focus.named:
            return _nothing(stale=self._is_stale(), notices=notices)
        seen = await look(
            self._index,
            self._map,
            visibility,
            focus,
            wanted,
            vectors,
            depth=max(DEPTH, _PLACES * question.limit),
            within_only=bool(scope),
        )
        await self._follow_links(seen, question.question, visibility, focus, asked_for)
        wished = shortlist(seen, max(_CHECKED, _PLACES * question.limit))
        confirmed = await confirm(self._records, visibility, wished)
        seen = seen.without(set(wished).difference(one.spot for one in confirmed))
        ranked = self._ranked(read(self._map, visibility, confirmed), seen, question, asked_for)
        found, unranked = await self._reranks.reorder(
            principal, plain_references(question.question), ranked, self._as_read
        )
        notices = (*notices, *unranked)
        best = choose(
            found,
            question.limit,
            kind=lambda one: one.spot.kind,
            row=lambda one: one.spot.ref,
            said=lambda one: " ".join(_WORD.findall(one.piece.text.casefold())) or one.spot,
            share=lambda kind: 0.75 if kind in asked_for else 0.4,
        )
        return SearchResult(
            user_known=True,
            crm_available=True,
            stale=self._is_stale(),
            found=len(found),
            checked=len({one.spot.ref for one in found}),
            passages=tuple(self._passage(one) for one in best),
            facts=tuple(await live_facts(self._records, visibility, focus)),
            notices=notices,
            weak=self._is_filled() and is_weak(seen, [one.scores for one in ranked]),
            words=words,
            flags=await flags_about(self._records, focus, {one.spot.ref: one.row for one in best}),
        )

    async def _as_theirs(self, question: Question, visibility: Visibility, focus: Focus) -> Question:
        """The question without references to what the caller may not see.

        Else they would be searched for as words, and what is found beside them would tell a record that is
        there from one that is not.
        """
        texts = {"question": question.question, "earlier": question.earlier}
        named = [ref for text in texts.values() for ref in references_in(text)]
        unknown = [ref for joined in named for ref in joined.split("|") if ref not in focus.named]
        theirs = await visible_rows(self._records, visibility, unknown) if unknown else {}
        kept = {*focus.named, *theirs}
        return question.model_copy(update={name: with_references(text, kept) for name, text in texts.items()})

    async def _articles(self, principal: Principal, question: Question) -> SearchResult:
        """Copies of articles that are open to everyone: all that there is without the CRM."""
        if self._without_crm is None:
            return away(())
        words = words_of_map(self._map, without_references(question.question))
        wanted = searched(self._terms, question.question, question.earlier, words, tuple(self._map.entities))
        vectors = await self._vectors(principal, wanted.texts)
        return await self._without_crm.search(wanted, vectors, question.limit, question.scope)

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
            flags=await flags_about(
                self._records,
                focus,
                await visible_rows(self._records, visibility, [one.entity for one in passages]),
            ),
            listing=listing,
        )

    async def _vectors(self, principal: Principal, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of the texts; none when the door cannot make them: terms alone must then do."""
        try:
            async with asyncio.timeout(_EMBED_S):
                return await self._embedder.embed(principal, texts, "query")
        except (CloisterError, TimeoutError) as error:
            log.warning("search.words_only", reason=type(error).__name__)
            return []

    async def _follow_links(
        self, seen: Seen, question: str, visibility: Visibility, focus: Focus, asked_for: Sequence[str]
    ) -> None:
        """See the named records, and the latest of theirs, those first whose live values are asked for."""
        for ref in focus.named:
            seen.named[ref] = None
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
                for rank, row in enumerate(ranked):
                    seen.link(
                        f"{child}:{row[key]}", (_ASKED if asked else _UNASKED) * _FADES / (_FADES + rank)
                    )

    def _agreement(self, kind: str, row: Row, visibility: Visibility, words: set[str]) -> int:
        """How many facts of a row have a value that the question names: “open”, “escalated”."""
        found = facts(self._map, kind, row, visibility.user.attributes)
        return sum(fact.kind is FactKind.TEXT and fact.text.lower() in words for fact in found)

    def _ranked(
        self, found: Sequence[Read], seen: Seen, question: Question, asked_for: Sequence[str]
    ) -> list[_Ranked]:
        """Places in order of worth, the best first."""
        wording = Wording.of(without_references(question.question), self._terms_in)
        texts = [self._as_read(one) for one in found]
        terms, meaning = scaled(seen.terms), scaled(seen.meaning, from_least=True)
        ranked = []
        for one, (words, phrases) in zip(found, wording.agreement(texts), strict=True):
            scores = Scores(
                terms=terms.get(one.spot, 0.0),
                meaning=meaning.get(one.spot, 0.0),
                named=float(one.spot.ref in seen.named),
                linked=seen.linked.get(one.spot.ref, 0.0),
                belongs=float(one.spot.ref in seen.belonging),
                words=words,
                phrases=phrases,
                kind=float(one.spot.kind in asked_for),
                recent=self._recent(one),
            )
            ranked.append(_Ranked(one.spot, one.row, one.as_of, one.piece, scores, scores.total(WEIGHTS)))
        return sorted(ranked, key=lambda one: (-one.score, one.spot))

    def _as_read(self, one: Read) -> str:
        return as_read(self._map, one)

    def _terms_in(self, text: str) -> Sequence[int]:
        return self._terms.of_query(text).indices

    def _recent(self, one: Read) -> float:
        changed = changed_at(self._map, one.spot.kind, one.row)
        return math.exp(-(one.as_of - changed).total_seconds() / _FADES_S) if changed else 0.0

    def _passage(self, one: _Ranked) -> Passage:
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
            changed=changed_at(self._map, spot.kind, one.row),
            score=one.score,
            scores=dict(one.scores._asdict()),
            span=one.piece.span,
            free=one.piece.free,
        )


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
