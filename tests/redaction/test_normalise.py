from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.normalise import Mapped, Reading, fold, fold_value, normalise

from .texts import texts


def maps_of(text: str) -> list[Mapped]:
    return [normalise(text), fold(normalise(text))]


@given(st.one_of(texts(), st.text()))
@settings(max_examples=400, deadline=None)
def test_the_map_runs_forward_and_stays_inside_the_original(text: str) -> None:
    for mapped in maps_of(text):
        last_start, last_end = 0, 0
        for index in range(len(mapped.text)):
            start, end = mapped.original(index, index + 1)
            assert last_start <= start < end <= len(text)
            assert last_end <= end
            last_start, last_end = start, end


@given(st.one_of(texts(), st.text()))
@settings(max_examples=400, deadline=None)
def test_only_invisible_characters_have_no_place_in_the_map(text: str) -> None:
    mapped = normalise(text)
    covered = {
        position
        for index in range(len(mapped.text))
        for position in range(*mapped.original(index, index + 1))
    }
    missing = "".join(character for index, character in enumerate(text) if index not in covered)
    assert normalise(missing).text == ""


@given(st.one_of(texts(), st.text()), st.data())
@settings(max_examples=400, deadline=None)
def test_a_range_found_in_folded_text_reads_the_same_in_the_original(text: str, draw: st.DataObject) -> None:
    folded = fold(normalise(text))
    if not folded.text:
        return
    start = draw.draw(st.integers(0, len(folded.text) - 1))
    end = draw.draw(st.integers(start + 1, len(folded.text)))
    first, last = folded.original(start, end)
    assert folded.text[start:end].strip() in fold_value(text[first:last]) or not text[first:last].isascii()
    if text.isascii() and "&" not in text and "\\u" not in text:
        assert fold_value(folded.text[start:end]) == fold_value(text[first:last])


@given(texts())
@settings(deadline=None)
def test_the_compact_form_points_to_its_letters(text: str) -> None:
    reading = Reading(text)
    compact, indexes = reading.compact
    assert len(compact) == len(indexes)
    assert compact == "".join(reading.folded.text[index] for index in indexes)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("An\u200bna\u00ad", "Anna"),
        ("Ａｎｎａ", "Anna"),
        ("Mu\u0308ller", "Müller"),
        ("Аnnа", "Anna"),  # the first and last letter are Cyrillic
        ("Анна", "Анна"),
        ("Ѕсһmіdt", "Schmidt"),  # Cyrillic but for three letters
        ("Ꭺnna", "Anna"),  # Cherokee
        ("ᴀɴɴa", "anna"),
        ("4\ufe0f\u20e31", "41"),  # a key of a telephone
        ("a\u00a0b\u2003c", "a b c"),
        ("1‑2–3", "1-2-3"),
        ("٠١٢٣", "0123"),
        ("O’Neil", "O'Neil"),
        ("ﬁne", "fine"),
    ],
)
def test_normalising_makes_disguises_plain(written: str, read: str) -> None:
    assert normalise(written).text == read


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna  Schmidt", "anna schmidt"),
        ("Anna,\n Schmidt", "ANNA SCHMIDT"),
        ("Müller", "muller"),
        ("Straße", "STRASSE"),
        ("Søren Łukasz", "soren lukasz"),
        ("Анна", "АННА"),
    ],
)
def test_folding_makes_spellings_equal(one: str, other: str) -> None:
    assert fold_value(one) == fold_value(other)


def test_a_found_range_is_given_in_the_original() -> None:
    text = "x An\u200bna\u00a0\u00a0Schmidt y"
    folded = fold(normalise(text))
    start = folded.text.index("anna schmidt")
    first, last = folded.original(start, start + len("anna schmidt"))
    assert text[first:last] == "An\u200bna\u00a0\u00a0Schmidt"


@pytest.mark.parametrize(
    "written",
    ["J\\u00f6rg M\\u00fcller", "J&ouml;rg M&uuml;ller", "J&#246;rg M&#xFC;ller", "Jo\\u0308rg Mu&#776;ller"],
)
def test_an_escape_is_read_as_its_character_and_keeps_its_place(written: str) -> None:
    text = f'{{"customer": "{written}"}}'
    mapped = normalise(text)
    start = mapped.text.index("Jörg Müller")
    assert mapped.original(start, start + 11) == (14, 14 + len(written))
