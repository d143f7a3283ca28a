"""One question put to the search of production, and to plain searches over the same pieces."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from gateway import CloisterError, Principal, Role
from redaction import Gazetteer
from retrieval.crm import CrmMap
from retrieval.index import Embedder, Hit, Index, Leg, Terms
from retrieval.pieces import as_terms, plain_references
from retrieval.records import Records
from retrieval.rights import Visibility, visibility_of
from retrieval.search.focus import visible_rows
from retrieval.search.service import Searcher
from retrieval.search.values import MAX_PASSAGES, Question, SearchResult

from .everything import Everything
from .watch import Watch, Watched

K: Final = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""

_PIECES: Final = 200
"""Pieces that a plain search takes, so that 50 records come out of them."""


class UnknownLogin(Exception):
    """No active CRM user has this login."""


class System(StrEnum):
    """What is compared."""

    BM25 = "bm25"
    DENSE = "dense"
    RRF = "rrf"
    OURS = "ours"


@dataclass(frozen=True)
class Ranked:
    """Records in order of worth, the best first. `weak` says that nothing is good enough.

    `passages` are the ids of the pieces, for reading. `seconds` by stage: embed, search, check, whole.
    """

    refs: tuple[str, ...]
    weak: bool = False
    passages: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


class Trial:
    """Answers with rankings of records. One question at a time, so that times mean something."""

    def __init__(
        self,
        records: Records,
        index: Index,
        terms: Terms,
        embedder: Embedder,
        sees_all: Everything,
        gazetteer: Gazetteer,
        present: Mapping[str, frozenset[str]],
        watch: Watch,
    ) -> None:
        self.gazetteer = gazetteer
        """The identities as doors know them."""
        self.present = present
        """Keys of the records that are indexed, by kind."""
        self._watch = watch
        self._records = cast(Records, Watched(records, watch, "check"))
        self._index = cast(Index, Watched(index, watch, "search"))
        self._embedder = cast(Embedder, Watched(embedder, watch, "embed"))
        self._terms = terms
        self._sees_all = sees_all
        self._searcher = _Asked(self._records, self._index, terms, self._embedder, lambda: False)

    @property
    def crm_map(self) -> CrmMap:
        """The map that the CRM is read through."""
        return self._sees_all.crm_map

    def called(self, value: str) -> str | None:
        """The one record that has this very value as an identity."""
        whole = [span for span in self.gazetteer.find(value) if (span.start, span.end) == (0, len(value))]
        return whole[0].entity if len(whole) == 1 else None

    async def visible(self, login: str | None, refs: Iterable[str]) -> frozenset[str]:
        """Those of `refs` that this user may see; nobody named sees all. Raises `UnknownLogin`."""
        return frozenset(await visible_rows(self._records, await self._visibility(login), refs))

    async def rank(self, system: System, question: Question, login: str | None = None) -> Ranked:
        """The records that a system finds for a question. Raises `UnknownLogin`, `CrmUnavailable`.

        Plain searches read what production embeds: the question and what it goes on from.
        """
        visibility = await self._visibility(login)
        self._watch.take()
        began = time.perf_counter()
        if system is System.OURS:
            found = await self._searcher.seeing(_principal(login), question, visibility)
            ranked = _ranking_of(found)
        else:
            ranked = Ranked(await self._plain(system, question, visibility))
        seconds = {**self._watch.take(), "whole": time.perf_counter() - began}
        return Ranked(ranked.refs, ranked.weak, ranked.passages, seconds)

    async def _visibility(self, login: str | None) -> Visibility:
        if login is None:
            return self._sees_all
        found = await visibility_of(self._records, _principal(login))
        if found is None:
            raise UnknownLogin(login)
        return found

    async def _plain(self, system: System, question: Question, visibility: Visibility) -> tuple[str, ...]:
        text = " ".join(filter(None, (question.question, question.earlier)))
        within = (question.scope,) if question.scope else ()
        legs = []
        if system is not System.DENSE:
            terms = self._terms.of_query(as_terms(text, self.crm_map.entities))
            legs += [Leg(terms=terms, within=within, limit=_PIECES)] if terms.indices else []
        if system is not System.BM25:
            try:
                (vector,) = await self._embedder.embed(_principal(None), [plain_references(text)], "query")
                legs.append(Leg(vector=vector, within=within, limit=_PIECES))
            except CloisterError:
                pass  # a trial without vectors
        orders = [_records_of(hits) for hits in await self._index.search(visibility, legs)]
        order = orders[0] if len(orders) == 1 else _rrf(orders)
        return await self._checked(order, visibility)

    async def _checked(self, order: Sequence[str], visibility: Visibility) -> tuple[str, ...]:
        """The late check."""
        present = await visible_rows(self._records, visibility, order)
        return tuple(ref for ref in order if ref in present)[:MAX_PASSAGES]


class _Asked(Searcher):
    """The search of production with rights that were read elsewhere."""

    async def seeing(self, principal: Principal, question: Question, visibility: Visibility) -> SearchResult:
        return await self._search(principal, question, visibility)


def _principal(login: str | None) -> Principal:
    name = login or "evaluation"
    return Principal(name, name, frozenset({Role.REP}), name)


def _records_of(hits: Collection[Hit]) -> list[str]:
    """Each record at the place of its best piece."""
    return list(dict.fromkeys(hit.ref for hit in hits))


def _rrf(orders: Sequence[Sequence[str]]) -> list[str]:
    """Plain reciprocal rank fusion of rankings of records."""
    scores: dict[str, float] = {}
    for order in orders:
        for rank, ref in enumerate(order, 1):
            scores[ref] = scores.get(ref, 0.0) + 1 / (K + rank)
    return sorted(scores, key=lambda ref: -scores[ref])


def _ranking_of(result: SearchResult) -> Ranked:
    """Passages in their order, then records of live facts, which are shown beside them."""
    passages = [passage.entity for passage in result.passages]
    facts = [fact.entity for fact in result.facts if fact.entity]
    refs = dict.fromkeys([*passages, *facts])
    return Ranked(
        tuple(refs), bool(getattr(result, "weak", not refs)), tuple(one.id for one in result.passages)
    )
