"""The evaluation measures what it says, on sets of labelled drafts."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from approvals import evaluate_risk, load_policy, read_labelled, shipped_examples
from assistant.cli.main import app
from tests.encoder import embed

FOLDER = Path(__file__).parent
POLICY = load_policy()
SHUT = [
    one
    for name in ("drafts_shut.jsonl", "ordinary_shut.jsonl", "paraphrases_shut.jsonl")
    for one in read_labelled((FOLDER / name).read_text("utf-8").splitlines())
]
CATEGORIES = {rule.id for rule in POLICY.rules if rule.likeness is not None} - {"any"}


def test_the_set_has_every_category_in_both_languages_and_halves_that_share_no_text() -> None:
    shipped = [one for one in shipped_examples() if one.split == "open"]
    assert len(shipped) + len(SHUT) >= 7_000
    assert len(SHUT) >= 2_000
    for half in (shipped, SHUT):
        counts = Counter((name, one.language) for one in half for name in one.categories or ("ordinary",))
        for category in {*CATEGORIES, "ordinary"}:
            assert min(counts[category, "en"], counts[category, "de"]) >= 25, category
    assert not {one.text for one in shipped_examples()} & {one.text for one in SHUT}


def test_words_alone_do_not_pass_the_set() -> None:
    found = evaluate_risk(POLICY, SHUT)
    assert max(found.of(category).recall for category in CATEGORIES) < 0.8


def test_with_likeness_more_is_held_than_with_words_alone_and_ordinary_traffic_passes() -> None:
    some = [one for place, one in enumerate(SHUT) if place % 4 < 2]  # half of the pairs of languages
    words, both = evaluate_risk(POLICY, some), evaluate_risk(POLICY, some, embed)
    for category in CATEGORIES:
        assert both.of(category).recall >= words.of(category).recall, category
    assert both.hold_rate <= FLOOR_ORDINARY
    risky = [both.of(category) for category in CATEGORIES]
    assert sum(one.held for one in risky) / sum(one.texts for one in risky) >= FLOOR_RISKY


FLOOR_RISKY, FLOOR_ORDINARY = 0.94, 0.17


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", "risk", *arguments])
    return result.exit_code, result.output


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    code, said = run(str(tmp_path / "none.jsonl"))
    assert (code, said) == (1, f"{tmp_path}/none.jsonl cannot be read: No such file or directory.\n")


def test_the_command_prints_figures_by_half_category_and_language(tmp_path: Path) -> None:
    file = tmp_path / "drafts.jsonl"
    rows = [
        {"text": "His lawyer called.", "categories": ["legal_threat"], "language": "en", "split": "shut"},
        {"text": "The lamp is dark.", "categories": ["legal_threat"], "language": "en", "split": "open"},
        {"text": "The lamp is dark."},
        {"text": "May I refund 900 EUR?", "place": "question"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    code, output = run(str(file), "--words-only", "--json")
    assert code == 0
    figures = {(row["split"], row["category"], row["language"]): row for row in json.loads(output)["rows"]}
    assert figures[None, "legal_threat", None]["share"] == 0.5
    assert figures["shut", "legal_threat", "en"]["held"] == 1
    assert figures[None, "ordinary", None]["held"] == 1
    assert figures[None, "ordinary", None]["rules"] == {"refund_or_credit_above_limit": 1}
    code, output = run(str(file), "--words-only", "--wrong")
    assert code == 0
    assert "missed\tlegal_threat\ten\tThe lamp is dark." in output


@pytest.mark.parametrize("line", ["{", "[]", '{"text": 3}', '{"text": "x", "role": "king"}'])
def test_a_line_that_is_no_labelled_draft_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "drafts.jsonl"
    file.write_text('{"text": "Fine."}\n' + line, "utf-8")
    code, output = run(str(file), "--words-only")
    assert code == 1
    assert "line 2" in output


def test_a_missing_file_is_named() -> None:
    code, output = run("/nowhere.jsonl", "--words-only")
    assert code == 1
    assert "/nowhere.jsonl" in output
