from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import (
    EntityType,
    Redactor,
    Restoration,
    Restorer,
    Source,
    Span,
    StreamRestorer,
    TokenConflict,
    TokenMap,
    redact,
    restore,
)

from .texts import slips, texts, tokens

VALUES = {
    "<PERSON_1>": "Anna",
    "<PERSON_10>": "Bob",
    "<PERSON_1_EMAIL>": "anna@x.example",
    "<PERSON_2_ALT_2>": "CARA",
    "<PERSON_4_FIRST>": "Dora",
    "<PERSON_4_LAST>": "Dahl",
    "<ORGANIZATION_1_PHONE>": "030 1",
    "<ORGANIZATION_1_EMAIL>": "o@x.example",
    "<TAX_ID_1>": "DE123",
    "<ID_1>": "P-77",
    "<LITERAL_1>": "<PERSON_1>",
    "<EMAIL_11>": "",
}


def cut_up(text: str, cuts: list[int]) -> list[str]:
    bounds = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@st.composite
def chunked_texts(draw: st.DrawFn) -> list[str]:
    written = st.one_of(tokens(), texts(), st.sampled_from(list(VALUES)).flatmap(slips))
    text = draw(st.one_of(texts(), st.lists(written, max_size=5).map("".join)))
    return cut_up(text, draw(st.lists(st.integers(0, 1000), max_size=12)))


def in_stream(chunks: list[str]) -> Restoration:
    restorer = StreamRestorer(VALUES)
    text = "".join([restorer.feed(chunk) for chunk in chunks]) + restorer.finish()
    return Restoration(text, restorer.restored, restorer.unresolved)


@given(chunked_texts())
@settings(max_examples=700, deadline=None)
def test_any_chunking_gives_what_the_whole_gives_and_counts_the_same(chunks: list[str]) -> None:
    assert in_stream(chunks) == Restorer(VALUES).restore("".join(chunks))


@given(chunked_texts())
@settings(max_examples=500, deadline=None)
def test_letter_by_letter_gives_what_the_whole_gives(chunks: list[str]) -> None:
    text = "".join(chunks)
    assert in_stream(list(text)) == Restorer(VALUES).restore(text)


@given(texts())
def test_without_values_text_stays_and_only_an_opened_bracket_is_withheld(text: str) -> None:
    restorer = StreamRestorer({})
    assert "".join([restorer.feed(character) for character in text]) + restorer.finish() == text
    plain = "".join(character for character in text if character.isalnum() or character.isspace())
    assert [restorer.feed(character) for character in plain] == list(plain)


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
        ("[person_1]", "Anna"),
        ("person_1", "Anna"),
        ("< PERSON_1 >", "Anna"),
        ("<PERSON _1>", "Anna"),
        ("<PERSON-1>", "Anna"),
        ("<PERSON1>", "Anna"),
        ("<PERSON\\_1>", "Anna"),
        ("PERSON\\_1", "Anna"),
        ("\\<PERSON\\_1\\>", "Anna"),
        ("\\<PERSON_1>", "\\Anna"),
        ("PERSON_1", "Anna"),
        ("PERSON_1's", "Anna's"),
        ("<PERSON_1>'s", "Anna's"),
        ("<PERSON_1's>", "Anna's"),
        ("<PERSON_1’s>", "Anna’s"),
        ("**PERSON_1**", "**Anna**"),
        ("**<PERSON_1>**", "**Anna**"),
        ("__PERSON_1__", "__Anna__"),
        ("_PERSON_1_", "_Anna_"),
        ("`PERSON_1`", "`Anna`"),
        ("&lt;PERSON_1&gt;", "Anna"),
        ("&#60;PERSON_1&#62;", "Anna"),
        ("&#x3C;PERSON_1&#x3E;", "Anna"),
        ("&amp;lt;PERSON_1&amp;gt;", "Anna"),
        ("\\u003cPERSON_1\\u003e", "Anna"),
        ("＜PERSON_1＞", "Anna"),
        ("【PERSON＿1】", "Anna"),
        ("⟦PERSON_1⟧", "Anna"),
        ("<PERSON_1", "Anna"),
        ("PERSON_1>", "Anna"),
        ("<PERSON_1, PERSON_10>", "Anna, Bob"),
        ("<PERSON_1 and PERSON_10>", "Anna and Bob"),
        ("<PERSON_1 PERSON_10>", "Anna Bob"),
        ("[PERSON_1, PERSON_10]", "[Anna, Bob]"),
        ("</PERSON_1>", "Anna"),
        ("<PERSON_1/>", "Anna"),
        ("<PERSON_1_EMAIL>", "anna@x.example"),
        ("PERSON_1_EMAIL", "anna@x.example"),
        ("<PERSON_1 EMAIL>", "anna@x.example"),
        ("<PERSON_1EMAIL>", "anna@x.example"),
        ("<PERSON_1_EMAI>", "anna@x.example"),
        ("<mailto:PERSON_1_EMAIL>", "<mailto:anna@x.example>"),
        ("<PERSON_1_NAME>", "Anna"),
        ("<PERSON_1_FIRST>", "Anna"),
        ("<PERSON_2>", "CARA"),
        ("<PERSON_4_L>", "Dahl"),
        ("<TAX ID 1>", "DE123"),
        ("<LITERAL_1>", "<PERSON_1>"),
        ("<PERSON_1><PERSON_10>", "AnnaBob"),
    ],
)
def test_slips_of_a_model_are_understood(written: str, read: str) -> None:
    restoration = Restorer(VALUES).restore(f"x {written} y")
    assert (restoration.text, restoration.unresolved) == (f"x {read} y", 0)


@pytest.mark.parametrize(
    "written",
    [
        "<PERSON_3>",
        "<PERSON_100>",
        "PERSON_100",
        "<PERSON_01>",
        "<PERSON_0>",
        "PERSON_1_PHONE",
        "<PERSON_1_PHONE>",
        "<PERSON_1 PHONE>",
        "<PERSON_4>",
        "<PERSON_4_NAME>",
        "<PERSON_4_EMAIL>",
        "<ORGANIZATION_1>",
        "<ORGANIZATION_1_NAME>",
        "<ACCOUNT_1>",
        "[CARD 4]",
        "<LITERAL_2>",
        "&lt;PERSON_3&gt;",
    ],
)
def test_what_nobody_can_say_whose_it_is_stays_and_is_counted(written: str) -> None:
    assert Restorer(VALUES).restore(f"x {written} y") == Restoration(f"x {written} y", 0, 1)


@pytest.mark.parametrize(
    "written",
    [
        "XPERSON_1",
        "PERSON_1X",
        "PERSON_1_",
        "PERSON 1",
        "Person 1",
        "TAX-ID_1",
        "tax ID_1",
        "PERSON_",
        "<PERSON_1é>",
        "[card 1]",
        "[person 1]",
        "url_1",
        "a < b and c > d",
        "<b>",
        "&lt;p&gt;",
    ],
)
def test_what_does_not_look_like_a_token_stays_and_is_not_counted(written: str) -> None:
    assert Restorer(VALUES).restore(f"x {written} y") == Restoration(f"x {written} y", 0, 0)


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
    assert restorer.feed(">, ok &am") == "Anna, ok "
    assert restorer.feed("p; more &lt") == "&amp; more "
    assert restorer.feed(";PERSON_1&gt; is") == "Anna is"
    assert restorer.feed(" <PERSON_1 i") == " "
    assert restorer.feed("s here") == "Anna is here"


def test_restored_values_are_not_read_again() -> None:
    assert restore("<LITERAL_1>", VALUES) == "<PERSON_1>"
    assert in_stream(["<LIT", "ERAL_1", "> and <PERSON_", "1>"]).text == "<PERSON_1> and Anna"


def test_brackets_that_the_end_of_the_text_left_open_may_lack_digits() -> None:
    assert Restorer(VALUES).restore("to <PERSON_1") == Restoration("to <PERSON_1", 0, 1)
    assert Restorer(VALUES).restore("to <TAX_ID_1") == Restoration("to DE123", 1, 0)


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("to <PERSON_1", "to "),
        ("to PERSON_1", "to "),
        ("to <PERS", "to "),
        ("to &lt;PERSON", "to "),
        ("to <PERSON_1>", "to Anna"),
        ("to PERSON_1.", "to Anna."),
        ("so am I", "so am I"),
        ("a person", "a person"),
        ("to <PERSON_1_EM", "to "),
    ],
)
def test_of_a_text_that_was_cut_off_half_a_token_is_dropped(written: str, given: str) -> None:
    restorer = StreamRestorer(VALUES)
    assert restorer.feed(written) + restorer.finish(cut=True) == given


@given(chunked_texts(), st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4), st.integers(0, 80))
@settings(max_examples=500, deadline=None)
def test_a_cut_anywhere_never_gives_half_a_token_or_half_a_value(
    chunks: list[str], told: list[str], place: int
) -> None:
    everybody = {token: f"\ue000{number}\ue001" for number, token in enumerate(VALUES)}
    text = "".join(f"{token} and " for token in told)
    restorer = StreamRestorer(everybody)
    cut = text[: place % (len(text) + 1)]
    given = "".join([restorer.feed(piece) for piece in cut_up(cut, [len(chunk) for chunk in chunks])])
    given += restorer.finish(cut=True)
    assert "<" not in given
    assert given.count("\ue000") == given.count("\ue001")
    whole = restore(text, everybody)
    assert whole.startswith(given)


def test_places_are_found_without_replacing_them() -> None:
    text = "Dear &lt;PERSON_1&gt;, <PERSON_3> and <PERSON_1_EMAI>"
    assert [(text[start:end], token) for start, end, token in Restorer(VALUES).find(text)] == [
        ("&lt;PERSON_1&gt;", "<PERSON_1>"),
        ("<PERSON_1_EMAI>", "<PERSON_1_EMAIL>"),
    ]


def test_a_value_for_what_is_no_token_is_an_error() -> None:
    with pytest.raises(TokenConflict):
        Restorer({"<NOBODY_1>": "x"})


def test_a_token_that_may_not_be_read_still_counts_among_those_that_could_be_meant() -> None:
    known = {"<PERSON_1_EMAIL>": "a@x.example", "<PERSON_1_EMAIL_2>": "<PERSON_1_EMAIL_2>"}
    assert Restorer(known).restore("to <PERSON_1_EMAI> now").unresolved == 1
    assert Restorer(known).restore("to [PERSON_1_EMAIL_2] now") == Restoration(
        "to <PERSON_1_EMAIL_2> now", 1, 0
    )


PEOPLE = 12
FACETS = (None, "first_name", "email", "phone")


def conversation(letter: str, order: list[tuple[int, int]]) -> TokenMap:
    """A map in which every value of person n is made of that person's own sign."""
    book = TokenMap()
    for person, facet in order:
        field = FACETS[facet]
        kind = {"email": EntityType.EMAIL, "phone": EntityType.PHONE}.get(field or "", EntityType.PERSON)
        value = f"{letter}{chr(0xE100 + person)}{facet}"
        span = Span(
            0,
            len(value),
            kind,
            1.0,
            Source.GAZETTEER,
            f"contact:{person}",
            field,
            subject=EntityType.PERSON,
        )
        redact(value, [span], book)
    return book


ORDERS = st.lists(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, 3)), min_size=1, max_size=30)


@given(ORDERS, ORDERS, st.data())
@settings(max_examples=400, deadline=None)
def test_no_slip_and_no_interleaving_ever_restores_the_wrong_person(
    mine: list[tuple[int, int]], theirs: list[tuple[int, int]], data: st.DataObject
) -> None:
    books = {"\ue200": conversation("\ue200", mine), "\ue201": conversation("\ue201", theirs)}
    streams = {letter: StreamRestorer(book.values()) for letter, book in books.items()}
    pieces: dict[str, list[str]] = {}
    meant: dict[str, list[str]] = {}
    for letter, book in books.items():
        told = data.draw(st.lists(st.sampled_from(book.tokens()), max_size=6))
        meant[letter] = [book.values()[token][1] for token in told]
        text = "".join(f" {data.draw(slips(token))} \ue300" for token in told)
        pieces[letter] = cut_up(text, data.draw(st.lists(st.integers(0, 500), max_size=8)))
    given_out = dict.fromkeys(books, "")
    turns = [letter for letter in books for _ in pieces[letter]]
    for letter in data.draw(st.permutations(turns)):
        given_out[letter] += streams[letter].feed(pieces[letter].pop(0))
    for letter, stream in streams.items():
        given_out[letter] += stream.finish()
        other = ({*books} - {letter}).pop()
        assert other not in given_out[letter]
        for place, person in zip(given_out[letter].split("\ue300"), meant[letter], strict=False):
            assert {sign for sign in place if "\ue100" <= sign < "\ue200"} <= {person}


def test_a_first_name_keeps_its_own_form_through_dictionary_and_reloading(quick_redactor: Redactor) -> None:
    book = TokenMap()
    first = quick_redactor.redact("Anna Schmidt wrote.", book)
    reloaded = TokenMap.from_json(book.to_json())
    later = quick_redactor.redact("Dear Anna, Frau Schmidt and ANNA agree.", reloaded)
    assert first.text == "<PERSON_1> wrote."
    assert later.text == "Dear <PERSON_1_FIRST>, Frau <PERSON_1_LAST> and <PERSON_1_FIRST_2> agree."
    answer = "Dear <PERSON_1_FIRST>, Ms <PERSON_1_LAST> is <PERSON_1>."
    assert restore(answer, TokenMap.from_json(reloaded.to_json()).values()) == (
        "Dear Anna, Ms Schmidt is Anna Schmidt."
    )


def test_a_strangers_first_name_keeps_its_own_form_too(quick_redactor: Redactor) -> None:
    book = TokenMap()
    text = "Maria Rossi wrote. Maria is glad."
    span = Span(0, 11, EntityType.PERSON, 0.9, Source.NER)
    redact(text, quick_redactor.detect(text, ner_spans=[span]), book)
    reloaded = TokenMap.from_json(book.to_json())
    greeting = redact(
        "Dear Maria,", quick_redactor.detect("Dear Maria,", reloaded.dictionary(), ner_spans=[]), reloaded
    )
    assert greeting.text == "Dear <PERSON_1_FIRST>,"
    assert restore(greeting.text, reloaded.values()) == "Dear Maria,"
