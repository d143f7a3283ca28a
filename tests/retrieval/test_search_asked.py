"""How a question is taken apart, and what a place is worth to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.index import Terms
from retrieval.pieces import as_terms
from retrieval.search.asked import PARTS, parts_of, searched
from retrieval.search.legs import Seen, Spot
from retrieval.search.rank import WEIGHTS, Scores, Wording, scaled, shortlist

TERMS = Terms()
MAIL = """Hi team,

our heat pump from order SO-1004 is loud since Monday and the display shows E17. The engineer came once and
left without a word, and we have had no hot water for two days now, which with three children is no joke.
Could you tell me when somebody comes again? And what does the warranty say about a second visit?

Kind regards
"""


def _terms(text: str) -> list[int]:
    return TERMS.of_query(text).indices


def test_a_short_question_is_searched_for_as_one() -> None:
    assert parts_of("what is the status of the order and the case?") == []
    assert searched(TERMS, "open cases of [account:12]?", "", (), ("account",)).texts == (
        "open cases of account_12?",
    )


def test_two_questions_in_one_sentence_are_searched_for_apart() -> None:
    assert parts_of("When is order SO-1004 delivered, and what does the warranty of the filter cover?") == [
        "When is order SO-1004 delivered",
        "what does the warranty of the filter cover?",
    ]


def test_a_mail_is_searched_for_in_parts_without_its_courtesies() -> None:
    parts = parts_of(MAIL)
    assert "Could you tell me when somebody comes again?" in parts
    assert len(parts) <= PARTS
    assert not [part for part in parts if part.startswith(("Hi team", "Kind regards"))]


def test_what_was_asked_before_counts_for_less() -> None:
    found = searched(TERMS, "and the filter?", "warranty of the pump", (), ())
    weights = dict(zip(*found.terms, strict=True))
    (now,), (before,) = _terms("filter"), _terms("warranty")
    assert weights[now] > weights[before] > 0
    assert found.texts[0] == "warranty of the pump and the filter?"
    assert "and the filter?" in found.texts


@pytest.mark.parametrize("typed", ["CS-30517", "cs30517", "CS 30517", "CS/30517"])
def test_a_number_is_found_however_it_is_written(typed: str) -> None:
    document = set(TERMS.of_document(as_terms("Case CS-30517: the pump is loud", ())).indices)
    assert document.intersection(_terms(as_terms(f"what about {typed}", ()))) - set(_terms("what about case"))


def test_a_text_that_says_more_of_the_question_agrees_more() -> None:
    wording = Wording.of("pump is loud at night", _terms)
    loud, quiet, other = wording.agreement(["the pump is loud at night", "the pump is quiet", "an invoice"])
    assert loud > quiet > other
    assert loud == (1.0, 1.0)
    assert other == (0.0, 0.0)


def test_linked_records_are_read_before_all_others() -> None:
    seen = Seen(terms={Spot("article", str(n), "body", 0): 9.0 - n / 100 for n in range(50)})
    seen.link("order:7", 0.9)
    assert shortlist(seen, 3)[0].ref == "order:7"
    assert len(shortlist(seen, 3)) == 3


@given(st.dictionaries(st.integers(), st.floats(0, 50), max_size=30), st.booleans())
def test_scaled_scores_keep_their_order_and_lie_between_0_and_1(
    scores: dict[int, float], from_least: bool
) -> None:
    found = scaled(scores, from_least=from_least)
    assert found.keys() == scores.keys()
    assert all(0 <= value <= 1 for value in found.values())
    assert not scores or max(found.values()) == 1 or max(scores.values()) == 0
    for one in scores:
        for other in scores:
            assert scores[one] < scores[other] or found[one] >= found[other]


def test_a_better_part_never_lowers_a_score() -> None:
    for name in Scores._fields:
        assert Scores(**{name: 1.0}).total(WEIGHTS) >= Scores().total(WEIGHTS)


def test_what_is_withheld_leaves_no_trace_in_the_scores_of_others() -> None:
    here, there = Spot("article", "1", "body", 0), Spot("case", "7", "body", 0)
    seen = Seen(terms={here: 3.0, there: 9.0}, meaning={here: 0.3, there: 0.9})
    left = seen.without({there})
    assert scaled(left.terms) == {here: 1.0}
    assert max(left.meaning.values()) == 0.3
    assert shortlist(left, 5) == [here]
