"""Who is meant by one range of a text: one record, several, or nobody in particular."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .index import Hit, Index
from .mentions import is_mention
from .variants import Rank, phrases_of

SHARED_BY_AT_MOST = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry that answers to a mention."""

    index: Index
    row: int
    rank: Rank
    doubtful: bool = False

    @property
    def entity(self) -> str | None:
        """Whose entry it is."""
        return self.index.entries.entity(self.row)


def candidates_of(index: Index, hit: Hit, prefer: frozenset[str]) -> Iterator[Candidate]:
    """The rows of a hit that really are mentioned there. More than can be named are not all looked at."""
    for row in _some(index, hit.rows, prefer):
        rank = Rank.EXACT if hit.phrase is None and hit.rank is None else hit.rank
        if rank is None:
            rank = _rank_of(index, hit, row)
        if rank is not None:
            yield Candidate(index, row, rank, hit.doubtful)


def chosen(candidates: Sequence[Candidate], prefer: frozenset[str]) -> list[Candidate]:
    """Those who are meant.

    A record that the text is about comes first, unless only a slip or a pet name speaks for it: a slip gives
    way to whoever is called just that, and with a pet name both are meant.
    """
    best = min(candidate.rank for candidate in candidates)
    preferred = [candidate for candidate in candidates if candidate.entity in prefer]
    if preferred:
        rank = min(candidate.rank for candidate in preferred)
        if rank <= Rank.SHORTER:
            return [candidate for candidate in preferred if candidate.rank <= Rank.SHORTER]
        if rank == best:
            return [candidate for candidate in preferred if candidate.rank == rank]
        if rank is Rank.NICKNAME:
            preferred = [candidate for candidate in preferred if candidate.rank is rank]
            return [*preferred, *(candidate for candidate in candidates if candidate.rank == best)]
    return [candidate for candidate in candidates if candidate.rank == best]


def _some(index: Index, rows: Sequence[int], prefer: frozenset[str]) -> Sequence[int]:
    if len(rows) <= SHARED_BY_AT_MOST + 1:
        return rows
    numbers = {index.entries.number_of(entity) for entity in prefer} - {None}
    preferred = [row for row in rows if index.entries.entity_number(row) in numbers]
    return [*preferred, *rows[: SHARED_BY_AT_MOST + 1]]


def _rank_of(index: Index, hit: Hit, row: int) -> Rank | None:
    if hit.phrase is None or hit.words is None:
        return None
    kind, value = index.entries.type(row), index.entries.value(row)
    rank = phrases_of(value, kind).get(" ".join(hit.phrase))
    if rank is None or not is_mention(hit.words, hit.index, hit.phrase, value, kind, rank):
        return None
    return rank
