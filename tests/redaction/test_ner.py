from __future__ import annotations

import pytest

from redaction import EntityType, Level, Policy, Redactor, load_redactor
from redaction.detectors.ner import NerDetector
from redaction.detectors.transformer import Guess, joined
from redaction.normalise import Reading

PERSON, ADDRESS, LOCATION = EntityType.PERSON, EntityType.ADDRESS, EntityType.LOCATION


@pytest.fixture(scope="session")
def ner() -> NerDetector:
    return NerDetector(Policy().models)


def found(ner: NerDetector, text: str, *types: EntityType) -> set[str]:
    return {text[span.start : span.end] for span in ner.find(Reading(text)) if span.type in types}


def covered(ner: NerDetector, text: str) -> str:
    """The text with a # at every letter and digit that a span covers."""
    places = {place for span in ner.find(Reading(text)) for place in range(span.start, span.end)}
    return "".join("#" if place in places and char.isalnum() else char for place, char in enumerate(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("please call szabina gelencsér about the invoice", "szabina gelencsér"),
        ("PLEASE CALL JONAS NIELSEN ABOUT THE INVOICE", "JONAS NIELSEN"),
        ("Bitte rufen Sie Frau Annegret Holzapfel morgen zurück.", "Annegret Holzapfel"),
        ("Merci de rappeler Mireille Fontaine demain matin.", "Mireille Fontaine"),
        ("La señora Dolores Echeverría no ha recibido el pedido.", "Dolores Echeverría"),
        ("Il cliente Gianluca Bertolotti aspetta da lunedì.", "Gianluca Bertolotti"),
        ("Mevrouw Annelies van Duyvenvoorde heeft gebeld.", "Annelies van Duyvenvoorde"),
        ("A cliente Conceição Magalhães pediu uma cópia.", "Conceição Magalhães"),
    ],
)
def test_strangers_are_found_in_seven_languages_and_any_case(ner: NerDetector, text: str, name: str) -> None:
    assert not set(covered(ner, text)[text.index(name) : text.index(name) + len(name)]) - set("# ")


@pytest.mark.parametrize(
    "text",
    [
        "Der Anrufer hat gestern schon zweimal nach dem Liefertermin gefragt, bitte Rückruf am Nachmittag.",
        "Die Rechnung ist noch nicht bezahlt, und der Kunde muss bis Freitag den Vertrag unterschreiben.",
        "Please ship 12 units and tell us when the refund of order 4711 is booked.",
        "Dear Sirs, thank you for your message.",
    ],
)
def test_what_letters_are_full_of_is_nobodys_name(ner: NerDetector, text: str) -> None:
    assert found(ner, text, PERSON, ADDRESS) == set()


@pytest.mark.parametrize("name", ["Susan Price", "Per Hansen", "Will Smith", "May Chen"])
def test_a_name_that_is_a_word_is_masked_whole(ner: NerDetector, name: str) -> None:
    text = f"Yesterday {name} called about the delivery."
    assert name in found(ner, text, PERSON)


def test_a_name_of_a_stranger_is_one_span_with_its_particle(ner: NerDetector) -> None:
    assert "Lieve van Wickerode" in found(ner, "Met vriendelijke groet, Lieve van Wickerode", PERSON)


def test_an_initial_beside_a_lone_name_belongs_to_it(ner: NerDetector) -> None:
    assert any("K." in name for name in found(ner, "Signed by Garcia, K. on behalf of the board.", PERSON))


def test_types_limit_what_is_reported() -> None:
    text = "Jonas Nielsen of Reed Elsevier moved to Stavanger."
    assert {span.type for span in NerDetector(frozenset({PERSON})).find(Reading(text))} == {PERSON}


def test_the_version_changes_with_types_and_threshold() -> None:
    versions = {
        NerDetector(types, threshold).version
        for types in (frozenset({PERSON}), frozenset({PERSON, ADDRESS}))
        for threshold in (0.3, 0.5)
    }
    assert len(versions) == 4


def test_a_text_longer_than_a_window_is_read_to_its_end(ner: NerDetector) -> None:
    filler = "The delivery was late and the box was open. " * 40
    text = f"{filler}We spoke with Szabina Gelencsér. {filler}Then Jonas Nielsen called."
    assert {"Szabina Gelencsér", "Jonas Nielsen"} <= found(ner, text, PERSON)


def test_a_bare_number_is_no_address_unless_a_place_stands_beside_it() -> None:
    text = "order 4711 and 12345 Berlin"
    guesses = [
        Guess(6, 10, ADDRESS, 0.8),
        Guess(15, 20, ADDRESS, 0.8),
        Guess(21, 27, LOCATION, 0.9),
    ]
    assert [text[one.start : one.end] for one in joined(text, guesses, 0.3)] == ["12345", "Berlin"]


def test_an_address_over_lines_is_one_span(redactor: Redactor) -> None:
    text = "Please send it to\n> 228 Ringvej 144\n> Apt. 902\n> 96817 Qaqortoq\nThank you."
    (span,) = [span for span in redactor.detect(text) if span.type in (ADDRESS, LOCATION)]
    assert text[span.start : span.end] == "228 Ringvej 144\n> Apt. 902\n> 96817 Qaqortoq"


def test_quasi_identifiers_are_masked_on_their_level_only() -> None:
    text = "She is 31 years old, Norwegian, and came on 3 May 2024."
    direct = load_redactor(ner=True).detect(text)
    quasi = load_redactor(ner=True, policy=Policy(level=Level.QUASI)).detect(text)
    assert [span.type for span in direct] == []
    assert {text[span.start : span.end]: span.type for span in quasi} == {
        "31": EntityType.AGE,
        "Norwegian": EntityType.GROUP,
        "3 May 2024": EntityType.DATE,
    }
