"""What an edit changed: both texts can be read off it again."""

from hypothesis import given
from hypothesis import strategies as st

from approvals import word_diff

words = st.text(alphabet="ab <>_1.\n", max_size=60)


@given(words, words)
def test_both_texts_are_in_the_difference(before: str, after: str) -> None:
    changes = word_diff(before, after)
    assert "".join(text for kind, text in changes if kind != "added") == before
    assert "".join(text for kind, text in changes if kind != "removed") == after


def test_words_and_tokens_stay_whole() -> None:
    changes = word_diff("We refund 450 EUR to <PERSON_1>.", "We refund 90 EUR to <PERSON_2>.")
    assert changes == [
        ("kept", "We refund "),
        ("removed", "450"),
        ("added", "90"),
        ("kept", " EUR to "),
        ("removed", "<PERSON_1>"),
        ("added", "<PERSON_2>"),
        ("kept", "."),
    ]
