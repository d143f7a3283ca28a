"""A second look at what was found: another order, or the same one and a notice."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import BadInput, CloisterError, PartUnavailable, Principal, UpstreamFailed
from retrieval.search.rerank import UNRANKED, AsFound, Reranker, Reranks

SOMEBODY = Principal("1", "rep@example.test", frozenset(), "Rep")


class Scripted:
    """Gives each text the number that it begins with."""

    def __init__(self, failure: Exception | None = None, *, hangs: bool = False) -> None:
        self.asked: list[tuple[str, list[str], str]] = []
        self._failure = failure
        self._hangs = hangs

    async def rerank(
        self, principal: Principal, query: str, documents: Sequence[str], *, model: str
    ) -> list[float]:
        self.asked.append((query, list(documents), model))
        if self._hangs:
            await asyncio.Event().wait()
        if self._failure:
            raise self._failure
        return [float(text.split()[0]) for text in documents]


async def reorder(
    reranks: Reranks, found: Sequence[str], query: str = "pump"
) -> tuple[list[str], tuple[str, ...]]:
    return await reranks.reorder(SOMEBODY, query, found, lambda one: one)


async def test_the_best_come_first_and_the_rest_stays_behind() -> None:
    judge = Scripted()
    found = ["1 a", "3 b", "2 c", "9 d", "8 e"]
    assert await reorder(Reranker(judge, "m", top=3), found) == (["3 b", "2 c", "1 a", "9 d", "8 e"], ())
    assert judge.asked == [("pump", ["1 a", "3 b", "2 c"], "m")]


@given(st.lists(st.integers(-3, 3), max_size=12), st.integers(2, 8))
def test_nothing_is_lost_or_made_and_equals_keep_their_order(scores: list[int], top: int) -> None:
    found = [f"{score} {place}" for place, score in enumerate(scores)]
    after, _ = asyncio.run(reorder(Reranker(Scripted(), "m", top=top), found))
    assert after == sorted(found[:top], key=lambda one: -int(one.split()[0])) + found[top:]


@pytest.mark.parametrize(
    "failure", [PartUnavailable("reranker", "x"), UpstreamFailed("x"), BadInput("x"), CloisterError("x")]
)
async def test_a_judge_that_fails_leaves_the_order_and_is_spoken_of(failure: Exception) -> None:
    assert await reorder(Reranker(Scripted(failure), "m"), ["1 a", "2 b"]) == (["1 a", "2 b"], (UNRANKED,))


async def test_nobody_waits_longer_than_the_budget() -> None:
    hanging = Reranker(Scripted(hangs=True), "m", seconds=0.05)
    assert await reorder(hanging, ["1 a", "2 b"]) == (["1 a", "2 b"], (UNRANKED,))


async def test_one_text_or_no_question_is_not_judged() -> None:
    judge = Scripted()
    assert await reorder(Reranker(judge, "m"), ["1 a"]) == (["1 a"], ())
    assert await reorder(Reranker(judge, "m"), ["1 a", "2 b"], " ") == (["1 a", "2 b"], ())
    assert judge.asked == []


async def test_without_a_reranker_the_order_stays() -> None:
    assert await reorder(AsFound(), ["1 a", "2 b"]) == (["1 a", "2 b"], ())
