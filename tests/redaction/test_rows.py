from __future__ import annotations

import json
from typing import Any

import pytest

from redaction import (
    BadLine,
    ColumnRule,
    EntityType,
    Mode,
    RedactedRow,
    Redactor,
    TableRules,
    Treatment,
    anonymise,
    redact_rows,
)

RULES = TableRules(
    "contact",
    "id",
    {
        "id": ColumnRule(Treatment.FACT),
        "first_name": ColumnRule(Treatment.IDENTITY, EntityType.PERSON, "first_name"),
        "last_name": ColumnRule(Treatment.IDENTITY, EntityType.PERSON, "last_name"),
        "phones": ColumnRule(Treatment.IDENTITY, EntityType.PHONE, "phones"),
        "data.email": ColumnRule(Treatment.IDENTITY, EntityType.EMAIL, "email"),
        "data.plan": ColumnRule(Treatment.FACT),
        "status": ColumnRule(Treatment.FACT),
        "remarks": ColumnRule(Treatment.TEXT),
        "password": ColumnRule(Treatment.DROPPED),
    },
    {("first_name", "last_name"): ColumnRule(Treatment.IDENTITY, EntityType.PERSON, "name")},
    EntityType.PERSON,
)


def redacted(redactor: Redactor, mode: Mode | None = None, **row: Any) -> RedactedRow:
    rewrite = None if mode is None else lambda text, spans: anonymise(text, spans, mode)
    (line,) = redact_rows([json.dumps({"id": 21, **row})], redactor, RULES, rewrite)
    return line


def test_an_identity_is_masked_by_its_column_whatever_it_looks_like(quick_redactor: Redactor) -> None:
    line = redacted(quick_redactor, first_name="will", last_name="n/a?", phones=["1", "twice"])
    assert line["redacted"] == {
        "id": "21",
        "first_name": "<PERSON_1_FIRST>",
        "last_name": "<PERSON_1_LAST>",
        "phones": "<PERSON_1_PHONE>, <PERSON_1_PHONE_2>",
    }


def test_texts_know_the_identities_of_their_row(quick_redactor: Redactor) -> None:
    line = redacted(
        quick_redactor,
        remarks="Zorblatt Quixel (zorblatt@q.example) rang from 0301/987654; ask Zorblatt.",
        first_name="Zorblatt",
        last_name="Quixel",
        phones="+49 301 987654",
        data={"email": "zorblatt@q.example", "plan": "gold", "unread": "Bob"},
    )
    assert line["redacted"]["remarks"] == (
        "<PERSON_1> (<PERSON_1_EMAIL>) rang from <PERSON_1_PHONE_2>; ask <PERSON_1_FIRST>."
    )
    assert line["redacted"]["data.plan"] == "gold"
    assert "Bob" not in json.dumps(line)


def test_a_fact_is_left_and_a_secret_is_dropped(quick_redactor: Redactor) -> None:
    line = redacted(quick_redactor, status="+49 30 1234567", password="hunter2", remarks=None)
    assert line["redacted"] == {"id": "21", "status": "+49 30 1234567", "remarks": ""}
    assert line["spans"] == {"id": [], "status": [], "remarks": []}


def test_what_looks_like_a_token_in_a_fact_never_resolves(quick_redactor: Redactor) -> None:
    line = redacted(quick_redactor, first_name="Anna", status="<PERSON_1_FIRST>")
    assert line["redacted"]["status"] == "<LITERAL_1>"


def test_spans_are_of_the_column_they_stand_under(quick_redactor: Redactor) -> None:
    remarks = "see mail bob@corp.example"
    line = redacted(quick_redactor, remarks=remarks)
    (span,) = line["spans"]["remarks"]
    assert remarks[span["start"] : span["end"]] == "bob@corp.example"


def test_other_modes_hold_for_rows_too(quick_redactor: Redactor) -> None:
    line = redacted(quick_redactor, Mode.TYPE, first_name="Anna", remarks="mail bob@corp.example")
    assert line["redacted"] == {"id": "21", "first_name": "[PERSON]", "remarks": "mail [EMAIL]"}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"id": 1, "shoe": 3}, "says nothing of the column “shoe” of “contact”; it knows data.email"),
        ({"status": "open"}, "the column “id” is needed"),
        ([], "a JSON object is needed"),
    ],
)
def test_what_the_map_does_not_know_stops_with_its_line(
    quick_redactor: Redactor, row: object, sentence: str
) -> None:
    lines = ['{"id": 1, "status": "open"}', "", json.dumps(row)]
    rows = redact_rows(lines, quick_redactor, RULES)
    assert next(rows)["id"] == 1
    with pytest.raises(BadLine, match=sentence) as failed:
        next(rows)
    assert failed.value.number == 3
