"""A choice of what was found is short, in order, and not all of one kind."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from retrieval.search.choice import choose

_FOUND = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 9)), unique=True)
Found = tuple[str, int, int]


def _choice(found: list[Found], limit: int) -> list[Found]:
    return choose(
        found,
        limit,
        kind=lambda one: one[0],
        row=lambda one: f"{one[0]}{one[1]}",
        said=lambda one: one[2],
        share=lambda kind: 0.4,
    )


@given(_FOUND, st.integers(1, 12))
def test_a_choice_is_in_order_and_holds_two_pieces_of_a_row_at_most(found: list[Found], limit: int) -> None:
    chosen = _choice(found, limit)
    assert len(chosen) <= limit
    assert [found.index(one) for one in chosen] == sorted(found.index(one) for one in chosen)
    assert max(Counter((kind, row) for kind, row, _ in chosen).values(), default=0) <= 2


@given(_FOUND, st.integers(1, 12))
def test_places_stay_empty_only_when_nothing_is_left(found: list[Found], limit: int) -> None:
    rows = Counter((kind, row) for kind, row, _ in found)
    assert len(_choice(found, limit)) == min(limit, sum(min(2, count) for count in rows.values()))


def test_what_says_the_same_gives_way_to_what_says_more() -> None:
    found = [("a", 1, 7), ("a", 2, 7), ("b", 1, 8), ("c", 1, 9)]
    assert _choice(found, 3) == [("a", 1, 7), ("b", 1, 8), ("c", 1, 9)]
    assert _choice(found, 4) == found
