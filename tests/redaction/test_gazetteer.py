from __future__ import annotations

import pickle
import random
from collections.abc import Callable

import pytest
from faker import Faker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redaction import EntityType, Gazetteer, GazetteerEntry, Redactor, TokenMap, load_redactor, redact

from .conftest import ANNA, NORDWIND


def found_in(gazetteer: Gazetteer, text: str) -> list[tuple[str, str | None]]:
    return [(text[span.start : span.end], span.entity) for span in gazetteer.find(text)]


@pytest.mark.parametrize(
    "written",
    [
        "Anna Schmidt", "ANNA SCHMIDT", "anna schmidt", "Schmidt, Anna", "A. Schmidt", "Anna\n  Schmidt",
        "Anna\u00a0Schmidt",
        "An\u200bna Schmidt", "Аnna Schmidt",
        "anna.schmidt@nordwind.example", "Anna.Schmidt@Nordwind.Example",
        "+49 30 1234567", "+49 (0)30 1234567", "0049-30-1234567", "030 1234567", "030/123 45 67",
        "(030) 1234-567",
        "12 Main Street, 12345 Berlin", "12 main street\n12345 Berlin", "12 Main Street",
    ],
)  # fmt: skip
def test_a_customer_is_found_in_every_spelling(gazetteer: Gazetteer, written: str) -> None:
    assert found_in(gazetteer, f"It is {written}.") == [(written, ANNA)] or (
        [value.lstrip("+(") for value, _ in found_in(gazetteer, f"It is {written}.")]
        == [written.lstrip("+(")]
    )


@pytest.mark.parametrize(
    "written", ["AC-100-234", "ac100234", "AC 100 234", "Nordwind Logistik GmbH", "NORDWIND LOGISTIK"]
)
def test_a_company_is_found_in_every_spelling(gazetteer: Gazetteer, written: str) -> None:
    assert found_in(gazetteer, f"It is {written}, yes") == [(written, NORDWIND)]


@pytest.mark.parametrize(
    "text",
    ["Joanna Schmidtke", "xanna.schmidt@nordwind.example", "AC-100-2345", "130 12345678"],
)
def test_a_part_of_another_word_or_number_is_no_customer(gazetteer: Gazetteer, text: str) -> None:
    assert found_in(gazetteer, text) == []


def test_a_genitive_is_covered(gazetteer: Gazetteer) -> None:
    assert found_in(gazetteer, "Anna Schmidts Vertrag") == [("Anna Schmidts", ANNA)]


def test_an_everyday_word_needs_to_be_written_like_a_name() -> None:
    gazetteer = Gazetteer.build([GazetteerEntry("Will", EntityType.PERSON, "contact:1", "first_name")])
    assert found_in(gazetteer, "it will do; ask Will. Will it?") == [("Will", "contact:1")]


def test_the_longest_value_wins() -> None:
    gazetteer = Gazetteer.build(
        [
            GazetteerEntry("Anna", EntityType.PERSON, "contact:1", "first_name"),
            GazetteerEntry("Anna Lee", EntityType.PERSON, "contact:1", "name"),
        ]
    )
    assert found_in(gazetteer, "Anna Lee and Anna") == [("Anna Lee", "contact:1"), ("Anna", "contact:1")]


def test_a_value_that_two_records_share_belongs_to_neither_until_the_text_is_known() -> None:
    gazetteer = Gazetteer.build(
        [
            GazetteerEntry("Anna Lee", EntityType.PERSON, entity, "name")
            for entity in ("contact:1", "contact:2")
        ]
    )
    (span,) = gazetteer.find("Anna Lee")
    assert (span.entity, span.entities) == (None, ("contact:1", "contact:2"))
    (span,) = gazetteer.find("Anna Lee", prefer=["contact:2"])
    assert (span.entity, span.entities) == ("contact:2", ("contact:2",))


def test_a_delta_adds_without_changing_the_first(gazetteer: Gazetteer) -> None:
    more = gazetteer.with_delta([GazetteerEntry("Cara Novak", EntityType.PERSON, "contact:18", "name")], "v2")
    more = more.with_delta([GazetteerEntry("cara@novak.example", EntityType.EMAIL, "contact:18", "email")])
    assert (len(more), more.version) == (len(gazetteer) + 2, "v2")
    assert gazetteer.find("Cara Novak") == []
    (span,) = more.find("cara@novak.example")
    assert (span.entity, span.subject) == ("contact:18", EntityType.PERSON)
    assert found_in(more, "Anna Schmidt") == [("Anna Schmidt", ANNA)]


def test_values_that_say_nothing_are_counted_and_left_out() -> None:
    gazetteer = Gazetteer.build(
        [GazetteerEntry(value, EntityType.ACCOUNT, "account:1", "number") for value in ("", "7", "-", "1234")]
    )
    assert gazetteer.skipped == 3
    assert found_in(gazetteer, "7 - 1234") == [("1234", "account:1")]


@given(
    st.sampled_from(["Anna Schmidt", "schmidt, anna", "A. Schmidt", "12 Main Street, 12345 Berlin"]),
    st.data(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_end_that_could_still_become_a_customer_is_open(
    gazetteer: Gazetteer, value: str, draw: st.DataObject
) -> None:
    length = draw.draw(st.integers(1, len(value)))
    assert gazetteer.open_from(f"Ask: {value[:length]}") <= len("Ask: ")
    assert gazetteer.open_from("the order 4711 is qzxv") == len("the order 4711 is qzxv")


def test_it_travels_to_another_process_as_plain_data(gazetteer: Gazetteer) -> None:
    text = "Anna Schmidt, 030 1234567, AC 100 234"
    there = pickle.loads(pickle.dumps(gazetteer))  # noqa: S301
    assert there.find(text) == gazetteer.find(text)
    assert Gazetteer.from_rows(gazetteer.rows()).find(text) == gazetteer.find(text)


def people(count: int, seed: int) -> list[tuple[str, list[GazetteerEntry]]]:
    faker = Faker(["en_US", "de_DE", "fr_FR", "pl_PL"])
    faker.seed_instance(seed)
    rows = []
    for number in range(count):
        entity = f"contact:{number}"
        entries = [
            GazetteerEntry(f"{faker.first_name()} {faker.last_name()}", EntityType.PERSON, entity, "name"),
            GazetteerEntry(faker.email(), EntityType.EMAIL, entity, "email"),
            GazetteerEntry(faker.phone_number(), EntityType.PHONE, entity, "phone"),
            GazetteerEntry(faker.address(), EntityType.ADDRESS, entity, "address"),
            GazetteerEntry(
                f"AC-{faker.random_number(8, fix_len=True)}", EntityType.ACCOUNT, entity, "number"
            ),
        ]
        rows.append((entity, entries))
    return rows


PEOPLE = people(500, seed=11)
SPELLINGS: list[Callable[[str], str]] = [str, str.upper, str.lower, str.title]
EVERYBODY = Gazetteer.build(entry for _, entries in PEOPLE for entry in entries)


@pytest.fixture(scope="module")
def everybody() -> Redactor:
    return load_redactor(EVERYBODY, ner=False)


@given(st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_no_customer_survives_in_redacted_text(everybody: Redactor, chance: random.Random) -> None:
    entries = [entry for _, all_entries in chance.sample(PEOPLE, 3) for entry in all_entries]
    chance.shuffle(entries)
    written = [chance.choice(SPELLINGS)(entry.value) for entry in entries]
    fillers = ["wrote to", "and", ";", "\n", "has the order 4711 of", ",", "called:", "–"]
    text = "".join(f"{value} {chance.choice(fillers)} " for value in written)
    redacted = redact(text, everybody.detect(text), TokenMap()).text
    assert [value for value in written if value.lower() in redacted.lower()] == []


def test_a_run_that_was_read_with_the_word_before_it_is_not_read_twice(gazetteer: Gazetteer) -> None:
    assert gazetteer.find("\x800À\x80 Anna Schmidt")[0].start == 5
