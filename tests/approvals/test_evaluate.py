"""The evaluation command measures what it says, on sets of labelled drafts."""

import json
from pathlib import Path

import pytest

from approvals import load_policy
from approvals.evaluate import evaluate, main, read

FOLDER = Path(__file__).parent
CATEGORIES = {
    "refund_or_credit_above_limit",
    "legal_threat",
    "medical",
    "contract_termination",
    "bulk_personal_data",
    "unsupported_claims",
}


def test_the_development_set_is_found_and_ordinary_drafts_pass() -> None:
    with (FOLDER / "drafts_development.jsonl").open(encoding="utf-8") as lines:
        found = evaluate(load_policy(), read(lines))
    assert set(found.tallies) > CATEGORIES
    for category in CATEGORIES:
        assert found.tallies[category].recall >= 0.93, category
    assert found.tallies["ordinary"].texts >= 60
    assert found.hold_rate <= 0.05


def test_the_command_prints_figures_by_category(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "drafts.jsonl"
    rows = [
        {"text": "His lawyer called.", "categories": ["legal_threat"], "language": "en"},
        {"text": "The lamp is dark.", "categories": ["legal_threat"], "language": "en"},
        {"text": "The lamp is dark."},
        {"text": "May I refund 900 EUR?", "place": "question"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert main([str(file), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["categories"]
    assert figures["legal_threat"]["share"] == 0.5
    assert figures["legal_threat (en)"]["texts"] == 2
    assert figures["ordinary"] == {"texts": 2, "held": 1, "by_own_rule": 0, "share": 0.5}


@pytest.mark.parametrize("line", ["{", "[]", '{"text": 3}', '{"text": "x", "role": "king"}'])
def test_a_line_that_is_no_labelled_draft_is_named(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "drafts.jsonl"
    file.write_text('{"text": "Fine."}\n' + line, "utf-8")
    assert main([str(file)]) == 2
    assert "line 2" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere.jsonl"]) == 2
    assert "/nowhere.jsonl" in capsys.readouterr().err
