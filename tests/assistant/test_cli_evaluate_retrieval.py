"""`cloister evaluate retrieval` on a CRM of a few rows."""

import json
from pathlib import Path
from typing import Any

from tests.retrieval.tiny import tiny_crm

from .commands import cloister

QUERIES = [
    {"id": "rattle", "query": "who says that the compressor rattles?", "relevant": ["note:1"]},
    {
        "id": "name",
        "query": "What about Quarzwerk Nord?",
        "relevant": ["customers:1"],
        "kind": "fact",
        "as": "alice",
    },
    {"id": "theirs", "query": "invoice twice", "relevant": [], "forbidden": ["note:2"], "as": "alice"},
    {
        "id": "later",
        "turns": ["Quarzwerk Nord", "and a quieter fan?"],
        "relevant": ["note:3"],
        "kind": "follow-up",
    },
]


def measured(folder: Path, *options: str, queries: list[dict[str, Any]] | None = None) -> Any:
    file, dsn = tiny_crm(folder)
    lines = folder / "queries.jsonl"
    lines.write_text("\n".join(json.dumps(query) for query in queries or QUERIES), "utf-8")
    arguments = ("--map", str(file), "--queries", str(lines), "--dsn", dsn, "--no-vectors", "--no-ner")
    return cloister("evaluate", "retrieval", *arguments, *options)


def test_a_tiny_crm_is_measured(tmp_path: Path) -> None:
    runs, details = tmp_path / "runs", tmp_path / "details.jsonl"
    done = measured(tmp_path, "--json", "--runs", str(runs), "--details", str(details))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    overall = {row["system"]: row for row in found["rows"] if row["kind"] == "overall"}
    assert overall["bm25"]["queries"] == overall["ours"]["queries"] == 3
    assert overall["ours"]["measures"]["R@10"] == 1
    assert found["leaked"] == []
    assert {"whole", "check", "search"} <= found["latency_ms"].keys()
    assert (runs / "qrels.txt").read_text().splitlines()[0] == "rattle 0 note:1 1"
    assert (runs / "ours.run").read_text().splitlines()[0].startswith("rattle Q0 note:1 1 ")
    named = json.loads(details.read_text().splitlines()[1])
    assert named["searched"] == "What about [customer:1]?"


def test_a_table_says_it_to_people(tmp_path: Path) -> None:
    done = measured(tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("nDCG@10", "follow-up", "overall", "Ours against the best plain search", "Abstention"):
        assert words in done.stdout


def test_only_some_kinds_are_asked(tmp_path: Path) -> None:
    found = json.loads(measured(tmp_path, "--json", "--kind", "fact").stdout)
    assert {row["queries"] for row in found["rows"]} == {1}
    assert measured(tmp_path, "--kind", "poem").returncode == 4


def test_a_record_that_must_not_come_up_ends_with_5(tmp_path: Path) -> None:
    query = {"query": "compressor rattles", "relevant": [], "forbidden": ["note:1"], "as": "alice"}
    done = measured(tmp_path, queries=[query])
    assert done.returncode == 5
    assert "1: note:1" in done.stderr


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    bad = measured(tmp_path, queries=[{"query": "x", "relevant": ["1"]}])
    assert bad.returncode == 1
    assert "queries.jsonl, line 1: “1” may be a record of" in bad.stderr
    nobody = measured(tmp_path, queries=[{"query": "x", "relevant": ["note:1"], "as": "mallory"}])
    assert nobody.returncode == 4
    assert "no active user mallory" in nobody.stderr


def test_a_relevant_record_that_nobody_can_find_is_told(tmp_path: Path) -> None:
    done = measured(tmp_path, queries=[{"query": "compressor", "relevant": ["note:1", "note:77"]}])
    assert done.returncode == 0
    assert "1: note:77" in done.stderr


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    file, dsn = tiny_crm(tmp_path)
    lines = tmp_path / "queries.jsonl"
    lines.write_text(json.dumps(QUERIES[0]))
    arguments = ("--map", str(file), "--queries", str(lines), "--dsn", dsn, "--model", str(tmp_path / "none"))
    done = cloister("evaluate", "retrieval", *arguments)
    assert done.returncode == 1
    assert "--no-vectors" in done.stderr


def test_our_own_set_can_be_written(tmp_path: Path) -> None:
    out = tmp_path / "own.jsonl"
    done = cloister("evaluate", "retrieval", "--map", "demo", "--write", str(out))
    assert done.returncode == 0
    assert f"{len(out.read_text().splitlines())} queries" in done.stdout
