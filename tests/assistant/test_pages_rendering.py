"""How values of the record are written for a person."""

import pytest

from assistant.pages.rendering import plainly


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ([], "–"),
        (True, "yes"),
        (0, "0"),
        ("question", "question"),
        (["a", "b"], "a, b"),
        ({"PERSON": 2, "IBAN": 1}, "PERSON: 2, IBAN: 1"),
        ([{"rule": "x", "hit": False}, {"rule": "y"}], "rule: x, hit: no; rule: y"),
    ],
)
def test_details_read_as_names_and_values(value: object, words: str) -> None:
    assert plainly(value, lambda text: text) == words
