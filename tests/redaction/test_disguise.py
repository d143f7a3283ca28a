"""Questions as they are embedded: a name that only the CRM knows reads like one that nobody knows."""

import re

from hypothesis import given
from hypothesis import strategies as st

from redaction import EntityType, Source, Span, disguised

KEY = b"k" * 32
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüß0123456789", min_size=3, max_size=12)


def span(
    text: str, value: str, kind: EntityType = EntityType.ORGANIZATION, entity: str | None = "account:1"
) -> Span:
    start = text.index(value)
    return Span(start, start + len(value), kind, 1.0, Source.GAZETTEER, entity=entity)


def test_a_known_name_becomes_words_that_nobody_has_and_keeps_what_names_have_in_common() -> None:
    text = "What is the open balance of Horton and Sons Ltd?"
    told = disguised(text, [span(text, "Horton and Sons Ltd")], [], KEY)
    assert re.fullmatch(r"What is the open balance of [A-Z][a-z]{5} and Sons Ltd\?", told)
    assert "Horton" not in told


def test_it_is_the_same_however_the_name_is_written_and_another_for_another_key() -> None:
    told = [disguised(name, [span(name, name)], [], KEY) for name in ("Horton", "HORTON", "horton")]
    assert len({one.casefold() for one in told}) == 1
    assert disguised("Horton", [span("Horton", "Horton")], [], b"o" * 32) != told[0]


def test_a_name_that_is_guessed_too_becomes_what_is_guessed() -> None:
    text = "Ask Anna Horton of Berlin"
    known = [span(text, "Anna Horton", EntityType.PERSON, "contact:1")]
    guessed = [span(text, "Anna Horton", EntityType.PERSON, None)]
    assert disguised(text, known, guessed, KEY) == "Ask [PERSON] of Berlin"


def test_what_is_left_of_a_name_beside_a_guess_is_disguised() -> None:
    text = "Ask Anna Horton"
    known = [span(text, "Anna Horton", EntityType.PERSON, "contact:1")]
    told = disguised(text, known, [span(text, "Anna", EntityType.PERSON, None)], KEY)
    assert re.fullmatch(r"Ask \[PERSON\] [A-Z][a-z]{5}", told)
    assert "Horton" not in told


@given(before=WORD, name=WORD, after=WORD)
def test_nothing_but_the_name_changes_and_its_form_stays(before: str, name: str, after: str) -> None:
    text = f"{before} {name} {after}"
    at = Span(
        len(before) + 1,
        len(before) + 1 + len(name),
        EntityType.ORGANIZATION,
        1.0,
        Source.GAZETTEER,
        entity="a:1",
    )
    told = disguised(text, [at], [], KEY)
    assert told.startswith(f"{before} ")
    assert told.endswith(f" {after}")
    assert len(told) == len(text)
    assert [one.isdigit() for one in told] == [one.isdigit() for one in text]
