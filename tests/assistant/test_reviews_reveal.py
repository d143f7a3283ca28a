"""Highlights stay on the words they mark when tokens become names."""

from hypothesis import given
from hypothesis import strategies as st

from assistant.reviews.reveal import Revealed, joined_pieces, split_pieces

VALUES = {"<PERSON_1>": "Anna Weidenbach", "<PERSON_2>": "Bo", "<EMAIL_1>": "<EMAIL_1>"}
words = st.lists(
    st.sampled_from([*VALUES, "a", "refund ", " ", "450 EUR", "é", "<", "PERSON_1"]), max_size=12
)


def revealed(text: str) -> Revealed:
    return joined_pieces(text, split_pieces(text), VALUES)


@given(words)
def test_the_shown_text_is_the_stored_one_with_values_in_place_of_tokens(parts: list[str]) -> None:
    text = "".join(parts)
    expected = text
    for token, value in VALUES.items():
        expected = expected.replace(token, value)
    assert revealed(text).shown == expected


@given(words, st.data())
def test_a_range_between_tokens_keeps_its_words(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    one = revealed(text)
    moved_start, moved_end = one.span(start, end)
    assert 0 <= moved_start <= moved_end <= len(one.shown)
    if "<" not in text[start:end] and not any(a < end and start < b for a, b, _ in one.tokens()):
        assert one.shown[moved_start:moved_end] == text[start:end]


@given(words)
def test_a_tokens_range_becomes_its_values_range(parts: list[str]) -> None:
    one = revealed("".join(parts))
    for start, end, token in one.tokens():
        moved_start, moved_end = one.span(start, end)
        assert one.shown[moved_start:moved_end] == VALUES.get(token, token)


def test_a_range_that_cuts_a_token_covers_the_whole_value() -> None:
    one = revealed("To <PERSON_1> now")
    assert [one.shown[slice(*one.span(4, 15))]] == ["Anna Weidenbach n"]


def test_an_empty_range_stays_empty() -> None:
    assert revealed("x <PERSON_1>").span(0, 0) == (0, 0)
