from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import shipped_map

from .commands import cloister

ROW = {
    "id": 17,
    "account_id": 3,
    "first_name": "Zorblatt",
    "last_name": "Quixel",
    "email": "zq@nordwind.example",
    "birth_date": "1980-02-03",
    "job_title": "Buyer",
    "remarks": "Zorblatt wants a call.",
}


def test_rows_are_redacted_as_the_map_classes_their_columns() -> None:
    done = cloister("redact", "--no-ner", "--as-columns", "demo.contact", stdin=json.dumps(ROW) + "\n")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["id"] == 17
    assert line["redacted"] == {
        "id": "17",
        "account_id": "3",
        "first_name": "<PERSON_1_FIRST>",
        "last_name": "<PERSON_1_LAST>",
        "email": "<PERSON_1_EMAIL>",
        "birth_date": "<PERSON_1_DATE_OF_BIRTH>",
        "job_title": "Buyer",
        "remarks": "<PERSON_1_FIRST> wants a call.",
    }
    assert line["spans"].keys() == line["redacted"].keys()


def test_secret_columns_are_dropped() -> None:
    row = {"id": 3, "name": "Nordwind GmbH", "status": "active", "portal_password_hash": "$2b$12$abc"}
    done = cloister("redact", "--no-ner", "--as-columns", "demo.account", stdin=json.dumps(row))
    assert json.loads(done.stdout)["redacted"] == {"id": "3", "name": "<ORGANIZATION_1>", "status": "active"}


def test_a_map_may_be_a_file(tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text(shipped_map("demo").read_text())
    done = cloister("redact", "--no-ner", "--as-columns", f"{ours}.contact", stdin=json.dumps(ROW))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("contact", "give MAP.ENTITY, for example demo.contact"),
        ("nowhere.contact", "no map nowhere: give the file of a map, or one of demo, enterprisebench"),
        ("demo.contakt", "no entity “contakt”; it has account, article, case, contact"),
    ],
)
def test_a_map_or_entity_that_is_not_there_is_said(place: str, sentence: str) -> None:
    done = cloister("redact", "--no-ner", "--as-columns", place, stdin="")
    assert done.returncode == 1
    assert sentence in done.stderr


def test_a_column_that_the_map_does_not_know_stops_at_its_line() -> None:
    lines = f'{json.dumps(ROW)}\n{{"id": 1, "shoe": 42}}\n'
    done = cloister("redact", "--no-ner", "--as-columns", "demo.contact", stdin=lines)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert "Line 2" in done.stderr
    assert "“shoe”" in done.stderr


@pytest.mark.parametrize(
    ("mode", "redacted"),
    [
        ("tokens", "card <CARD_1>"),
        ("type", "card [CARD]"),
        ("mask", "card ****************"),
        ("last4", "card ************1111"),
    ],
)
def test_a_mode_says_what_stands_in_place_of_an_identity(mode: str, redacted: str) -> None:
    stdin = json.dumps({"id": 1, "text": "card 4111111111111111"})
    done = cloister("redact", "--no-ner", "--mode", mode, stdin=stdin)
    assert json.loads(done.stdout)["redacted"] == redacted


def test_hashing_wants_a_key_and_gives_equal_values_equal_hashes(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    lines = "".join(json.dumps({"id": n, "text": "mail bob@corp.example"}) + "\n" for n in range(2))
    refused = cloister("redact", "--no-ner", "--mode", "hash", stdin=lines)
    assert refused.returncode == 1
    assert "--key-file" in refused.stderr
    done = cloister("redact", "--no-ner", "--mode", "hash", "--key-file", str(key), stdin=lines)
    first, second = (json.loads(line)["redacted"] for line in done.stdout.splitlines())
    assert first == second
    assert first.startswith("mail [EMAIL:")


def test_recognisers_that_are_not_there_stop_it() -> None:
    done = cloister("redact", "--no-ner", "--recognizers", "nowhere.yaml", stdin="")
    assert done.returncode == 1
    assert "nowhere.yaml" in done.stderr
