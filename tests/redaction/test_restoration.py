from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import StreamRestorer, restore

from .texts import texts, tokens

VALUES = {
    "<PERSON_1>": "Anna",
    "<PERSON_10>": "Bob",
    "<PERSON_1_EMAIL>": "anna@x.example",
    "<PERSON_2_ALT_2>": "CARA",
    "<TAX_ID_1>": "DE123",
    "<ID_1>": "P-77",
    "<LITERAL_1>": "<PERSON_1>",
    "<EMAIL_11>": "",
}


@st.composite
def chunked_texts(draw: st.DrawFn) -> list[str]:
    text = draw(st.one_of(texts(), st.lists(st.one_of(tokens(), texts()), max_size=5).map("".join)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    bounds = [0, *cuts, len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def in_stream(chunks: list[str]) -> str:
    restorer = StreamRestorer(VALUES)
    return "".join([restorer.feed(chunk) for chunk in chunks]) + restorer.finish()


@given(chunked_texts())
@settings(max_examples=700, deadline=None)
def test_any_chunking_gives_what_the_whole_gives(chunks: list[str]) -> None:
    assert in_stream(chunks) == restore("".join(chunks), VALUES)


@given(st.one_of(texts(), tokens()))
@settings(max_examples=700, deadline=None)
def test_letter_by_letter_gives_what_the_whole_gives(text: str) -> None:
    assert in_stream(list(text)) == restore(text, VALUES)


@given(texts())
def test_without_values_text_stays_and_nothing_is_withheld(text: str) -> None:
    restorer = StreamRestorer({})
    assert [restorer.feed(character) for character in text] == list(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<PERSON_1>", "Anna"),
        ("[PERSON_1]", "Anna"),
        ("{PERSON_1}", "Anna"),
        ("(PERSON_1)", "(Anna)"),
        ("<PERSON 1>", "Anna"),
        ("[PERSON 1]", "Anna"),
        ("<person_1>", "Anna"),
        ("< PERSON_1 >", "Anna"),
        ("<PERSON-1>", "Anna"),
        ("<PERSON\\_1>", "Anna"),
        ("PERSON_1", "Anna"),
        ("PERSON_1's", "Anna's"),
        ("**PERSON_1**", "**Anna**"),
        ("<PERSON_1_EMAIL>", "anna@x.example"),
        ("PERSON_1_EMAIL", "anna@x.example"),
        ("<PERSON_1 EMAIL>", "anna@x.example"),
        ("<TAX ID 1>", "DE123"),
        ("<LITERAL_1>", "<PERSON_1>"),
        ("<PERSON_1><PERSON_10>", "AnnaBob"),
    ],
)
def test_slips_of_a_model_are_understood(written: str, read: str) -> None:
    assert restore(f"x {written} y", VALUES) == f"x {read} y"


@pytest.mark.parametrize(
    "written",
    [
        "<PERSON_2>",
        "<PERSON_100>",
        "PERSON_100",
        "<PERSON_01>",
        "PERSON_1_PHONE",
        "<PERSON_1_PHONE>",
        "XPERSON_1",
        "PERSON_1X",
        "PERSON_1_",
        "PERSON 1",
        "TAX-ID_1",
        "tax ID_1",
        "PERSON_",
        "<PERSON_1é>",
    ],
)
def test_what_is_no_token_of_this_conversation_stays(written: str) -> None:
    assert restore(f"x {written} y", VALUES) == f"x {written} y"


def test_a_token_is_closed_while_it_streams() -> None:
    restorer = StreamRestorer(VALUES)
    assert restorer.feed("to PERSON_1") == "to "
    assert restorer.feed("0 now") == "Bob now"
    assert restorer.finish() == ""


def test_only_a_possible_token_is_withheld() -> None:
    restorer = StreamRestorer(VALUES)
    assert restorer.feed("a < b and <div") == "a < b and <div"
    assert restorer.feed("> [see <PER") == "> [see "
    assert restorer.feed("SON_1") == ""
    assert restorer.feed(">, ok") == "Anna, ok"


def test_restored_values_are_not_read_again() -> None:
    assert restore("<LITERAL_1>", VALUES) == "<PERSON_1>"
    assert in_stream(["<LIT", "ERAL_1", "> and <PERSON_", "1>"]) == "<PERSON_1> and Anna"
