from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import EntityType, Gazetteer, Redactor, load_redactor
from redaction.normalise import Reading
from redaction.spelling.read_back import read_back

from .texts import texts

SPOKEN = (
    "one two zwei drei quatre vingt dix sept cinco seis sette otto nul een um dois double triple oh plus "
    "at dot punkt arroba punto klammeraffe (at) [dot] @ anna schmidt nordwind example de 0171 12 , - . \u200b"
).split(" ")


def spoken_texts() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(SPOKEN), max_size=30).map(" ".join)


@given(st.one_of(spoken_texts(), texts(), st.text()))
@settings(max_examples=400, deadline=None)
def test_what_is_read_back_points_to_where_it_is_written(text: str) -> None:
    mapped = read_back(Reading(text).normalised)
    if mapped is None:
        return
    last_start, last_end = 0, 0
    for index in range(len(mapped.text)):
        start, end = mapped.original(index, index + 1)
        assert 0 <= last_start <= start < end <= len(text)
        assert last_end <= end
        last_start, last_end = start, end
        if end - start == 1:
            assert Reading(text[start:end]).normalised.text == mapped.text[index]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("anna dot schmidt at nordwind dot example", "anna.schmidt@nordwind.example"),
        ("write to anna (at) nordwind (dot) de please", "write to anna@nordwind.de please"),
        ("anna punkt schmidt ät nordwind punkt de", "anna.schmidt@nordwind.de"),
        ("anna punkt schmidt klammeraffe nordwind punkt de", "anna.schmidt@nordwind.de"),
        ("anna point schmidt arobase nordwind point fr", "anna.schmidt@nordwind.fr"),
        ("ana punto lopez arroba nordwind punto es", "ana.lopez@nordwind.es"),
        ("anna punto rossi chiocciola nordwind punto it", "anna.rossi@nordwind.it"),
        ("anna punt de-vries apenstaartje nordwind punt nl", "anna.de-vries@nordwind.nl"),
        ("ana ponto silva arroba nordwind ponto pt", "ana.silva@nordwind.pt"),
        ("anna underscore s at mail dot nordwind dot co dot uk. Bye", "anna_s@mail.nordwind.co.uk. Bye"),
        ("anna_schmidt at nordwind.example", "anna_schmidt@nordwind.example"),
        ("reach me at anna dot s at nord dash wind dot example", "reach me at anna.s@nord-wind.example"),
        ("write to anna . schmidt @ nord-wind . example", "write to anna.schmidt@nord-wind.example"),
        ("zero one seven one, double five five one two three four", "01715551234"),
        ("null eins sieben eins fünf fünf fünf", "0171555"),
        ("zéro six, douze, trente-quatre, soixante-dix-huit, quatre-vingt-dix-neuf", "0612347899"),
        ("seis cero cero uno dos tres treinta y cuatro", "60012334"),
        ("tre quattro sette ventitré trentuno otto", "34723318"),
        ("nul zes een twee drie vierenveertig", "0612344"),
        ("nove um dois três vinte e cinco meia", "9123256"),
        ("plus four nine three oh triple one two", "+49301112"),
        ("call 0171 five five five 12 34", "call 01715551234"),
        ("zero\u200b one two three four five six", "0123456"),
    ],
)
def test_seven_languages_are_read_back(written: str, read: str) -> None:
    mapped = read_back(Reading(written).normalised)
    assert mapped is not None
    assert mapped.text == read


@pytest.mark.parametrize(
    "text",
    [
        "look at example.com",
        "at this point in time",
        "meet me at two point five",
        "The price grew at two point five percent",
        "anna.schmidt@nordwind.example",
        "one or two of three",
        "I have one, two or three",
        "twenty five items and thirty two more",
        "nineteen eighty four",
        "Am Punkt eins bei zwei Grad",
    ],
)
def test_prose_stays_prose(text: str) -> None:
    assert read_back(Reading(text).normalised) is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("anna dot schmidt at nordwind dot example", "email"),
        ("null drei null eins zwei drei vier fünf sechs sieben", "phone"),
        ("plus four nine three oh one two three four five six seven", "phone"),
    ],
)
def test_a_known_value_is_known_when_it_is_spoken(quick_redactor: Redactor, said: str, field: str) -> None:
    text = f"Please use {said} and thanks"
    (span,) = quick_redactor.detect(text)
    assert (text[span.start : span.end], span.entity, span.field) == (said, "contact:17", field)


def test_a_stranger_is_found_when_spoken() -> None:
    redactor = load_redactor(Gazetteer.build([]), ner=False)
    text = "my card is four one one one one one one one one one one one one one one one"
    (span,) = redactor.detect(text)
    assert (text[span.start : span.end], span.type) == (text[11:], EntityType.CARD)
