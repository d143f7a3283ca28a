from __future__ import annotations

import json

import pytest

from redaction import BadLine, Redactor, redact_lines


def test_each_line_gives_spans_of_its_original_text(redactor: Redactor) -> None:
    text = "🙂 An\u200bna Schmidt, card 4111 1111 1111 1111"
    (line,) = redact_lines([json.dumps({"id": 7, "text": text})], redactor)
    assert line["id"] == 7
    assert line["redacted"] == "🙂 <PERSON_1>, card <CARD_1>"
    assert line["spans"] == [
        {"start": 2, "end": 15, "type": "PERSON", "score": 1.0, "source": "gazetteer"},
        {"start": 22, "end": 41, "type": "CARD", "score": 1.0, "source": "checksum"},
    ]
    assert json.loads(json.dumps(line)) == line


def test_tokens_count_anew_in_each_line(redactor: Redactor) -> None:
    lines = [json.dumps({"id": name, "text": f"{name} called."}) for name in ("Bob Miller", "Anna Schmidt")]
    assert [line["redacted"] for line in redact_lines(lines, redactor)] == ["<PERSON_1> called."] * 2


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "1",
        '{"id": 1}',
        '{"text": "x"}',
        '{"id": 1, "text": 3}',
        '{"id": 1, "text": null}',
        "[" * 100_000,
    ],
)
def test_a_bad_line_stops_with_its_number_and_nothing_before_it_is_lost(
    quick_redactor: Redactor, bad: str
) -> None:
    lines = iter(['{"id": 1, "text": "a"}\n', "\n", bad, '{"id": 2, "text": "b"}'])
    redacted = redact_lines(lines, quick_redactor)
    assert next(redacted)["id"] == 1
    with pytest.raises(BadLine) as failed:
        next(redacted)
    assert failed.value.number == 3
    assert str(failed.value).startswith("Line 3: ")


def test_half_of_a_surrogate_pair_is_no_obstacle(redactor: Redactor) -> None:
    (line,) = redact_lines(['{"id": 1, "text": "Anna Schmidt \\ud83d"}'], redactor)
    assert line["redacted"] == "<PERSON_1> \ud83d"
