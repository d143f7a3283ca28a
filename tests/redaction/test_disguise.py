"""A name in disguise keeps its form and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction import disguise


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("Hartmann Logistics GmbH", "Xo Xo GmbH"),
        ("hartmann logistics gmbh", "xo xo gmbh"),
        ("Miranda and Sons", "Xo and Xo"),
        ("HARTMANN", "XO"),
        ("Meyer-Lindt", "Xo-Xo"),
    ],
)
def test_capitals_small_words_and_legal_forms_stay(value: str, form: str) -> None:
    made = disguise(value, "<ORGANIZATION_1>")
    words = {made_up for made_up in made.replace("-", " ").split() if made_up.lower().startswith("xo")}
    assert len({word.lower() for word in words}) == 1
    for word in words:
        made = made.replace(word, word[:2])
    assert made == form


def test_a_number_keeps_its_places_and_is_nobodys() -> None:
    made = disguise("K-10023", "<ACCOUNT_1>")
    assert made[:3] == "X-0"
    assert made[3:].isdecimal()
    assert len(made) == 7


@given(st.text(max_size=60), st.text(max_size=20))
def test_a_disguise_can_be_made_of_any_text_and_is_the_same_again(value: str, key: str) -> None:
    assert disguise(value, key) == disguise(value, key)


@given(st.from_regex(r"\A[a-z]{3,12}( [a-z]{3,12}){0,2}\Z"))
def test_no_word_of_a_name_is_left(value: str) -> None:
    kept = set("and und the der die das von van gmbh ltd limited inc llc corp corporation plc srl".split())
    left = set(disguise(value, "<PERSON_1>").split()) & set(value.split())
    assert left <= kept


def test_the_length_of_a_name_does_not_show() -> None:
    assert len(disguise("Li", "<PERSON_1>")) == len(disguise("Featherstonehaugh", "<PERSON_1>"))
