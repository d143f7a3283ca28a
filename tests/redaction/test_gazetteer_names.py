"""Known people and companies in the forms in which somebody really writes them."""

from __future__ import annotations

import pytest

from redaction import EntityType, Gazetteer, GazetteerEntry

PERSON, COMPANY = EntityType.PERSON, EntityType.ORGANIZATION
KNOWN = Gazetteer.build(
    GazetteerEntry(value, kind, entity, "name")
    for value, kind, entity in [
        ("Anna Schmidt", PERSON, "c:1"),
        ("anna.schmidt@nordwind.example", EntityType.EMAIL, "c:1"),
        ("Robert Fisher", PERSON, "c:2"),
        ("Anna-Lena Müller-Lüdenscheidt", PERSON, "c:3"),
        ("Ludwig van Beethoven", PERSON, "c:4"),
        ("María José García Márquez", PERSON, "c:5"),
        ("Patrick O'Brien", PERSON, "c:6"),
        ("Dr. Jane Doe Jr.", PERSON, "c:7"),
        ("Price", PERSON, "c:8"),
        ("Novak, Cara", PERSON, "c:9"),
        ("Mueller Hans", PERSON, "c:10"),
        ("Christopher Andersson", PERSON, "c:13"),
        ("Hannah Kowalczyk", PERSON, "c:14"),
        ("Smith & Jones Ltd.", COMPANY, "a:1"),
        ("Müller und Söhne GmbH & Co. KG", COMPANY, "a:2"),
        ("AT&T Inc.", COMPANY, "a:3"),
        ("Yahoo!", COMPANY, "a:4"),
        ("Nordwind Logistik GmbH", COMPANY, "a:5"),
        ("Hauptstraße 5, 10115 Berlin", EntityType.ADDRESS, "c:2"),
        ("12 Main Street, 12345 Berlin", EntityType.ADDRESS, "c:1"),
        ("INV#2024-0012", EntityType.ID, "a:1"),
    ]
)


def found_in(text: str, *prefer: str) -> list[tuple[str, str | tuple[str, ...]]]:
    spans = KNOWN.find(text, prefer)
    return [(text[span.start : span.end], span.entity or span.entities) for span in spans]


@pytest.mark.parametrize(
    ("written", "entity"),
    [
        ("Schmidt Anna", "c:1"), ("Anna S", "c:1"), ("Schmidt, A", "c:1"), ("A.Schmidt", "c:1"),
        ("anna_schmidt", "c:1"), ("Anna K. Schmidt", "c:1"), ("ANNA SCHMIDTS", "c:1"),
        ("Bob Fisher", "c:2"), ("Fisher, Bob", "c:2"), ("bobby fisher", "c:2"),
        ("Anna Lena Müller", "c:3"), ("AnnaLena Mueller-Luedenscheidt", "c:3"), ("Anna Müller", "c:3"),
        ("Annalena Müller-Lüdenscheidt", "c:3"), ("anna-lena muller ludenscheidt", "c:3"),
        ("A.-L. Müller-Lüdenscheidt", "c:3"),
        ("van Beethoven, Ludwig", "c:4"), ("L. van Beethoven", "c:4"), ("Ludwig Beethoven", "c:4"),
        ("Maria García", "c:5"), ("Garcia Marquez, Maria Jose", "c:5"), ("Maria J. García", "c:5"),
        ("OBrien, Patrick", "c:6"), ("Pat O'Brien", "c:6"), ("P. O’Brien", "c:6"),
        ("Jane Doe", "c:7"), ("Dr. Doe", "c:7"), ("J. Doe", "c:7"),
        ("Cara Novak", "c:9"), ("Hans Müller", "c:10"),
        ("Cristopher Andersson", "c:13"), ("Hannah Kowalczik", "c:14"),
        ("Smith and Jones", "a:1"), ("Smith+Jones", "a:1"), ("Müller & Söhne", "a:2"),
        ("Mueller und Soehne", "a:2"), ("AT&T", "a:3"), ("AT and T", "a:3"), ("Yahoo", "a:4"),
        ("Hauptstr. 5, 10115 Berlin", "c:2"), ("hauptstrasse 5", "c:2"), ("12 Main St, 12345 Berlin", "c:1"),
        ("inv 2024 0012", "a:1"),
    ],
)  # fmt: skip
def test_a_known_name_is_found_in_every_form(written: str, entity: str) -> None:
    assert found_in(f"It is {written}. Yes") == [(written, entity)]


@pytest.mark.parametrize(
    "text",
    [
        "look at T here", "the price is high", "Price is high", "Smith Jones", "Ask Anna. Schmidt knows",
        "Anna Bergmann", "Hannah Kowalski", "Anna Schmitz", "he and a fisher", "Anna s Schmidtke",
        "a. n. other", "we bob and fish", "Bill Fisher",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    "text", ["ask mr price", "Mr. Price said", "ask Price", "Price wrote again", "Best regards,\nPrice"]
)
def test_a_name_that_is_a_word_counts_where_it_stands_like_a_name(text: str) -> None:
    ((_, entity),) = found_in(text)
    assert entity == "c:8"


@pytest.mark.parametrize(
    ("text", "scope", "found"),
    [
        ("anna called", "c:1", "anna"), ("the schmidt order", "c:1", "schmidt"),
        ("Schmidt's", "c:1", "Schmidt"),
        ("Schmitd wrote", "c:1", "Schmitd"), ("Annie asks", "c:1", "Annie"), ("A. S. signed", "c:1", "A. S"),
        ("to anna.schmitd@nordwind.example", "c:1", "anna.schmitd@nordwind.example"),
        ("bob asks", "c:2", "bob"), ("Robbert asks", "c:2", "Robbert"),
        ("Kristopher", "c:13", "Kristopher"), ("chris wrote", "c:13", "chris"),
        ("Nordwind pays", "a:5", "Nordwind"), ("nordwynd pays", "a:5", "nordwynd"),
    ],
)  # fmt: skip
def test_in_a_text_about_a_record_its_names_count_alone(text: str, scope: str, found: str) -> None:
    assert found_in(text) == []
    assert found_in(text, scope) == [(found, scope)]


@pytest.mark.parametrize(
    ("text", "scope"),
    [("as we said", "c:1"), ("a fisher", "c:2"), ("the anchor is", "c:1"), ("Andersen", "c:13")],
)
def test_even_there_an_ordinary_word_is_no_name(text: str, scope: str) -> None:
    assert found_in(text, scope) == []


@pytest.mark.parametrize("text", ["Anna Bergmann came", "Peter Schmidt came", "Yusuf Schmidt came"])
def test_a_stranger_who_shares_a_name_is_masked_as_nobody_in_particular(text: str) -> None:
    ((_, entity),) = found_in(text, "c:1")
    assert entity == ()


def test_whoever_could_be_meant_is_named() -> None:
    twins = Gazetteer.build(
        GazetteerEntry(name, PERSON, entity, "name")
        for name, entity in [
            ("Robert Fisher", "c:1"),
            ("Bobby Fisher", "c:2"),
            ("Hannah Larsson", "c:3"),
            ("Hannah Larssen", "c:4"),
            ("Roberta Kowal", "c:5"),
            ("Albert Kowal", "c:6"),
        ]
    )
    facts = {
        ("Bob Fisher", ()): ("c:1", "c:2"),
        ("Hannah Larssin", ()): ("c:3", "c:4"),
        ("H. Larsson", ()): ("c:3",),
        ("Larssin", ("c:3", "c:4")): ("c:3", "c:4"),
        ("Hannah", ("c:3", "c:4")): ("c:3", "c:4"),
        ("Bert", ("c:6", "c:5")): ("c:5", "c:6"),
        ("Larssen", ("c:3", "c:4")): ("c:4",),
    }
    for (text, prefer), entities in facts.items():
        (span,) = twins.find(text, prefer)
        assert (text, span.entities) == (text, entities)
        assert span.entity == (entities[0] if len(entities) == 1 else None)
