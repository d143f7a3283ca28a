"""Queries, figures and what comes of them."""

import json
from collections.abc import Iterable, Mapping
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.evaluation.retrieval import BadQuery, Query, Records, Tried, figures_of, read_queries
from assistant.evaluation.retrieval.significance import sign_flip
from retrieval import Ranked, System

RECORDS = Records(
    {"case": frozenset({"1", "2"}), "urgent_case": frozenset({"3"}), "order": frozenset({"2", "A 7"})},
    {"case": "cases", "urgent_case": "cases", "order": "orders"},
    {"W-7": "order:A 7"}.get,
)


def read(*lines: object) -> list[Query]:
    return list(read_queries([json.dumps(line) for line in lines], RECORDS))


def test_a_query_has_turns_and_graded_records() -> None:
    first, second = read(
        {"query": "what is open", "relevant": ["case:1", {"orders:A 7": 2}], "as": "alice", "kind": "fact"},
        {
            "turns": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"}, "and it?"],
            "relevant": {"case:1": 2, "case:2": 0},
        },
    )
    assert first.turns == ("what is open",)
    assert first.relevant == {"case:1": 1, "order:A 7": 2}
    assert (first.login, first.kind, first.answerable) == ("alice", "fact", True)
    assert second.turns == ("hi", "and it?")
    assert second.relevant == {"case:1": 2}


@pytest.mark.parametrize(
    ("written", "ref"),
    [
        ("case:1", "case:1"),
        ("cases:3", "urgent_case:3"),
        ("cases:1", "case:1"),
        ("A 7", "order:A 7"),
        ("case:99", "case:99"),
        ("W-7", "order:A 7"),
        ("orders:W-7", "order:A 7"),
        ("case:W-7", "case:W-7"),
        ("employee:5", "employee:5"),
    ],
)
def test_records_are_named_by_kind_table_or_key_alone(written: str, ref: str) -> None:
    assert RECORDS.resolve(written) == ref


def test_nothing_relevant_means_that_there_is_no_answer() -> None:
    nothing, said = read(
        {"query": "who won", "relevant": []}, {"query": "who", "relevant": ["case:1"], "answerable": False}
    )
    assert not nothing.answerable
    assert not said.answerable
    assert said.relevant == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ('{"relevant": ["case:1"]}', "query"),
        ('{"query": "  ", "relevant": ["case:1"]}', "query"),
        ('{"query": "a", "relevant": "case:1"}', "relevant"),
        ('{"query": "a", "relevant": {"case:1": -1}}', "relevant"),
        ('{"query": "a", "relevant": ["2"]}', "case, order"),
        ('{"query": "a", "relevant": [], "answerable": true}', "at least one"),
        ('{"query": "a", "relevant": [], "answerable": "no"}', "true or false"),
        ('{"query": "a", "relevent": []}', "relevent"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(line: str, why: str) -> None:
    with pytest.raises(BadQuery, match=why) as refused:
        list(read_queries(['{"query": "good", "relevant": ["case:1"]}', "", line], RECORDS))
    assert refused.value.line == 3
    assert str(refused.value).startswith("line 3: ")


def test_two_queries_of_one_id_are_refused() -> None:
    with pytest.raises(BadQuery, match="another query's"):
        read({"id": "a", "query": "x", "relevant": ["case:1"]}, {"id": "a", "query": "y", "relevant": []})


def tried(query: Query, ours: Iterable[str], bm25: Iterable[str] = (), *, weak: bool = False) -> Tried:
    ranked: Mapping[System, Ranked] = {
        System.BM25: Ranked(tuple(bm25)),
        System.OURS: Ranked(tuple(ours), weak, (), {"whole": 0.02, "check": 0.01}),
    }
    return Tried(query, query.turns[0], ranked)


SYSTEMS = (System.BM25, System.OURS)


def asked(name: str, *relevant: str, **more: object) -> Query:
    return Query(name, (name,), dict.fromkeys(relevant, 1), answerable=bool(relevant), **more)  # type: ignore[arg-type]


def test_figures_are_those_worked_out_by_hand() -> None:
    others = [f"other:{number}" for number in range(30)]
    figures = figures_of(
        [
            tried(asked("first", "a"), ["x", "a"], ["a"]),
            tried(asked("second", "a", "b"), ["a", *others[:11], "b"], others),
            tried(asked("nothing"), [], ["x"], weak=True),
        ],
        SYSTEMS,
    )
    rows = {row.system: row.measures for row in figures.rows if row.kind == "overall"}
    ideal = 1 + 1 / log2(3)
    assert rows["ours"]["nDCG@10"] == pytest.approx((1 / log2(3) + 1 / ideal) / 2)
    assert rows["ours"]["RR"] == pytest.approx((1 / 2 + 1) / 2)
    assert rows["ours"]["R@5"] == rows["ours"]["R@10"] == pytest.approx((1 + 1 / 2) / 2)
    assert rows["ours"]["R@20"] == 1
    assert rows["bm25"]["nDCG@10"] == pytest.approx((1 + 0) / 2)
    (ndcg,) = (one for one in figures.against if one.measure == "nDCG@10")
    assert (ndcg.best, ndcg.better, ndcg.worse) == ("bm25", 1, 1)
    assert figures.latency["whole"] == {50: 20, 95: 20, 99: 20}


def test_a_higher_grade_weighs_more() -> None:
    graded = Query("graded", ("graded",), {"a": 2, "b": 1})
    best, worse = (
        figures_of([tried(graded, order)], SYSTEMS).rows[-1].measures["nDCG@10"]
        for order in (["a", "b"], ["b", "a"])
    )
    assert best == 1
    assert worse < 1


def test_abstention_is_counted_both_ways() -> None:
    figures = figures_of(
        [
            tried(asked("rightly"), [], weak=True),
            tried(asked("missed"), ["x"]),
            tried(asked("wrongly", "a"), ["a"], weak=True),
            tried(asked("found", "a"), ["a"]),
        ],
        SYSTEMS,
    )
    assert (figures.abstention.precision, figures.abstention.recall) == (0.5, 0.5)


def test_a_forbidden_record_that_came_up_is_told() -> None:
    query = asked("theirs", forbidden=frozenset({"case:2"}))
    assert figures_of([tried(query, ["case:1", "case:2"])], SYSTEMS).leaked == (("theirs", "case:2"),)


def test_every_sign_is_tried_where_there_are_few() -> None:
    assert sign_flip([1, 1, 1]) == pytest.approx(2 / 8)
    assert sign_flip([1, -1]) == 1
    assert sign_flip([]) == sign_flip([0, 0]) == 1


def test_many_differences_of_one_sign_are_no_chance() -> None:
    assert sign_flip([0.1] * 40) < 0.001
    assert sign_flip([0.1, -0.1] * 40) == 1


@given(st.lists(st.floats(-1, 1), max_size=10))
def test_the_order_of_two_systems_does_not_matter(differences: list[float]) -> None:
    assert sign_flip(differences) == pytest.approx(sign_flip([-one for one in differences]))
