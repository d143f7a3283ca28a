import json
from pathlib import Path

from typer.testing import CliRunner

from assistant.cli.main import app

LINES = [
    {"text": "Mail bob@corp.com about it.", "spans": [{"start": 5, "end": 17, "type": "EMAIL"}]},
    {"text": "Zorblax Quux called.", "spans": [{"start": 0, "end": 12, "type": "PERSON"}]},
    {"text": "The box is red.", "spans": []},
]


def evaluate(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", "redaction", *arguments])
    return result.exit_code, result.output


def labelled(folder: Path) -> str:
    path = folder / "set.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in LINES))
    return str(path)


def test_a_labelled_set_is_measured_with_and_without_known_customers(tmp_path: Path) -> None:
    known = tmp_path / "known.jsonl"
    known.write_text(
        json.dumps({"value": "Zorblax Quux", "type": "PERSON", "entity": "c:1", "field": "name"})
    )
    for options, masked in (([], 0), (["--gazetteer", str(known)], 1)):
        code, output = evaluate("--data", labelled(tmp_path), "--no-ner", "--json", *options)
        assert code == 0
        (report,) = json.loads(output)
        assert report["fully_masked"]["EMAIL"]["share"] == 1
        assert report["fully_masked"]["PERSON"]["share"] == masked
        assert (report["negative_texts"], report["negative_texts_with_a_mask"]) == (1, 0)


def test_presidio_is_measured_beside_ours_on_the_same_texts(tmp_path: Path) -> None:
    code, output = evaluate("--data", labelled(tmp_path), "--no-ner", "--compare", "presidio")
    assert code == 0
    assert "Cloister: spans" in output
    assert "Presidio: spans" in output


def test_our_own_set_can_be_written_and_read_again(tmp_path: Path) -> None:
    out = tmp_path / "own.jsonl"
    code, output = evaluate("--part", "held-out", "--write", str(out))
    assert code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert f"{len(lines)} texts" in output
    assert len(lines) > 2000
    (tmp_path / "few.jsonl").write_text("\n".join(json.dumps(line) for line in lines[:5]))
    assert evaluate("--data", str(tmp_path / "few.jsonl"), "--no-ner")[0] == 0


def test_a_set_that_cannot_be_read_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{")
    code, output = evaluate("--data", str(tmp_path / "bad.jsonl"))
    assert code == 1
    assert "line 1: this is not JSON" in output
    assert evaluate("--data", str(tmp_path / "missing.jsonl"))[0] == 1
