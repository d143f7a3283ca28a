"""A text is weighed in one spelling of digits and spaces, and what is found stands where it was written."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import Tier, Weighing, load_policy, weigh_question, weigh_sentence
from approvals.risk.reading import as_read
from gateway import Role

POLICY = load_policy().by_words
ODD = st.text(st.sampled_from("a1. \n\t\u200b\u2009\u00a0ß9٥€ä&;"), max_size=60)


def sentence(text: str, **more: object) -> Weighing:
    return weigh_sentence(POLICY, text, question="", roles=[Role.REP], supported=True, **more)  # type: ignore[arg-type]


@given(ODD)
def test_each_character_that_is_read_comes_from_a_place_in_the_text(text: str) -> None:
    read = as_read(text)
    places = [read.original(place, place + 1) for place in range(len(read.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@given(ODD)
def test_no_white_space_follows_another_and_reading_again_changes_nothing(text: str) -> None:
    read = as_read(text).text
    assert not any(a.isspace() and b.isspace() for a, b in pairwise(read))
    assert as_read(read).text == read


@pytest.mark.parametrize(
    "amount",
    [
        *("9000 EUR", "９０００ EUR", "٩٠٠٠ EUR", "9\u2009000 EUR", "9\u2007000 EUR", "9\u200b000 EUR"),
        *("EUR 9\n000", "EUR 9\u00a0000", "9\u200a000 €", "EUR\u00a09.000,00", "9\u2019000 EUR"),
    ],
)
def test_what_a_person_reads_as_nine_thousand_is_nine_thousand(amount: str) -> None:
    assert sentence(f"We will refund {amount}.").tier is Tier.TOP


def test_what_is_found_stands_where_it_was_written() -> None:
    text = "Good \u200b\u200b news:   we will\n\n refund  ９０００\u2009EUR  today."
    [hit] = [one for one in sentence(text).hits if one.rule == "refund_or_credit_above_limit"]
    assert text[hit.start : hit.end] == "９０００\u2009EUR"
    question = "His\u00a0 \n lawyer\t called?"
    [hit] = weigh_question(POLICY, question, roles=[Role.REP]).hits
    assert question[hit.start : hit.end] == "lawyer"


def test_a_limit_that_is_named_excuses_no_promise_in_the_same_sentence() -> None:
    assert not sentence("Refunds above 500 EUR need the approval of a lead.").risky
    promise = sentence("Refunds above 500 EUR need the approval of a lead, but we will refund 9,000 EUR.")
    assert promise.tier is Tier.TOP
