"""A choice of what was found that is not all of one kind."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def choose(
    ranked: Sequence[T],
    limit: int,
    *,
    kind: Callable[[T], str],
    row: Callable[[T], str],
    said: Callable[[T], Hashable],
    share: Callable[[str], float],
    pieces_of_a_row: int = 2,
) -> list[T]:
    """At most `limit` of `ranked`, in its order.

    At most `pieces_of_a_row` come from one row. What `said` the same as a better one, and what is beyond its
    kind's `share` of the places, is chosen only when nothing else is left to put there.
    """
    rows: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    chosen: dict[T, None] = {}
    passed_over: list[T] = []
    told: set[Hashable] = set()
    for one in ranked:
        if rows[row(one)] >= pieces_of_a_row:
            continue
        rows[row(one)] += 1
        if said(one) in told or kinds[kind(one)] >= max(1, round(share(kind(one)) * limit)):
            passed_over.append(one)
            continue
        told.add(said(one))
        kinds[kind(one)] += 1
        chosen[one] = None
    best = list(chosen)[:limit]
    best += passed_over[: limit - len(best)]
    place = {one: number for number, one in enumerate(ranked)}
    return sorted(best, key=place.__getitem__)
