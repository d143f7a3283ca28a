"""The map language for editors says what the reader of maps says."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from retrieval.crm import map_schema, map_schema_text
from retrieval.crm.document import read_document
from retrieval.maps import SCHEMA_FILE

from .test_crm_map import GOOD, MAPS

FAULTS = [
    ("type: ORGANIZATION", "type: COMPANY"),
    ("about: {class: text}", "about: {class: prose}"),
    ("about: {class: text}", "about: {}"),
    ("about: {class: text}", "about: {class: text, colour: red}"),
    ('    key: id\n    label: "{name}"', '    label: "{name}"'),
    ("in: $user.areas", "in: areas"),
    ("version: 1", "version: zero"),
    ("  account:", "  9account:"),
    ("{column: owner_id, in: $user.id}", "{owners: owner_id}"),
    ("{column: owner_id, in: $user.id}", "someone"),
]


def faults(text: str) -> list[str]:
    validator = Draft202012Validator(map_schema())
    return [error.message for error in validator.iter_errors(read_document(text).content)]


def test_the_file_that_ships_is_the_language() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == map_schema_text(), (
        "run: cloister crm schema > retrieval/maps/crm-map.schema.json"
    )


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_maps_that_ship_name_the_schema_and_meet_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n")
    assert faults(text) == []


def test_an_editor_accepts_short_forms() -> None:
    text = GOOD.replace("{column: owner_id, in: $user.id}", "{owner: owner_id, role: lead}")
    text = text.replace(
        "    visible", "    flags: {vip: is_vip}\n    where: {größe: [1, null]}\n    visible", 1
    )
    assert faults(text) == []


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_an_editor_marks_what_the_reader_refuses(right: str, wrong: str) -> None:
    assert right in GOOD
    assert faults(GOOD.replace(right, wrong, 1))


def test_every_part_is_described() -> None:
    schema = map_schema()

    def undescribed(part: Any, place: str) -> list[str]:
        found = []
        for name, field in part.get("properties", {}).items():
            if not field.get("description", "").endswith((".", "…", "]")):
                found.append(f"{place}.{name}")
        return found

    parts = {"map": schema, **schema["$defs"]}
    assert [each for name, part in parts.items() for each in undescribed(part, name)] == []
