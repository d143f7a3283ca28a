"""What the auditor's walk shows is what comes when its commands are typed."""

import ast
import gzip
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.merkle import Frontier
from gateway.audit.standalone import verify_record

from .tampering import exported

WALK = Path(verify_record.__file__).parents[1] / "WALK.md"
ENTRIES = 161
SIZES = {24: "09:16", 32: "09:17", 52: "09:18", 79: "09:19", 158: "09:20"}
BEGAN = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
MADE_AT, LATER = "2026-11-22T09:20:57+00:00", {ENTRIES + 7: "09:21"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The auditor's folder: a record of the walk's size, whose checkpoints are where the walk's were."""
    folder = tmp_path_factory.mktemp("walk")
    place = folder / "desk"
    place.mkdir()
    record = exported(ENTRIES + 7)  # seven came after the export was made
    for number, entry in enumerate(record.entries, 1):
        entry["event"]["at"] = (BEGAN + timedelta(seconds=2 * number)).isoformat(timespec="microseconds")
    record.seal_again(0)
    frontier, checkpoints = Frontier(), list[dict[str, Any]]()
    for number, entry in enumerate(record.entries, 1):
        frontier.append(bytes.fromhex(entry["leaf"]))
        if number in SIZES | LATER:
            at = f"2026-11-22T{(SIZES | LATER)[number]}:28+00:00"
            note = record.signer.sign(number, frontier.root())
            checkpoints.append({"checkpoint": note, "cosignatures": [], "at": at})
    record.checkpoints = checkpoints[: len(SIZES)]
    record.anchor = [
        {"size": size, "at": line["at"], "note": line["checkpoint"]}
        for size, line in zip(SIZES | LATER, checkpoints, strict=True)
    ]
    record.entries = record.entries[:ENTRIES]
    record.header |= {"made_at": MADE_AT, "last": ENTRIES}
    _, anchor = record.write(folder)
    lines = [record.header, *record.checkpoints, *record.entries]
    whole = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (place / "record.jsonl.gz").write_bytes(gzip.compress(whole.encode()))
    (place / "checkpoints.jsonl").write_bytes(anchor.read_bytes())
    (place / "record.key").write_text(record.key + "\n")
    (place / "verify_record.py").write_text(Path(verify_record.__file__).read_text())
    tools = folder / "bin"
    tools.mkdir()
    python = tools / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return place


def shown() -> list[tuple[str, str]]:
    """The commands of the walk's `console` blocks in their order, and what it shows of each."""
    blocks = re.findall(r"^```console\n(.*?)^```$", WALK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    found = []
    for block in blocks:
        first, *typed = re.split(r"^\$ ", block, flags=re.MULTILINE)
        assert first == "", "a block begins with a command"
        found += [(one.partition("\n")[0], one.partition("\n")[2]) for one in typed]
    return found


def test_the_walk_shows_every_way_of_bending_that_needs_no_key() -> None:
    text = "".join(output for _, output in shown())
    for kind in (
        "changed",
        "removed",
        "swapped",
        "repeated",
        "truncated",
        "checkpoint removed",
        "anchor missing",
    ):
        assert f"  {kind}: " in text


def test_every_command_of_the_walk_says_what_the_walk_shows(desk: Path) -> None:
    commands = shown()
    assert len(commands) > 15
    path = f"{desk.parent / 'bin'}:{os.environ['PATH']}"
    for command, output in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=desk,
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout + done.stderr == output, command


def test_the_verifier_needs_no_newer_python_than_it_says() -> None:
    source = Path(verify_record.__file__).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    assert re.search(r"Python 3\.9", source), "it says which Python it needs"
    newer = {"pairwise", "anext", "aiter", "UTC", "StrEnum", "Self", "TypeAlias", "ParamSpec", "assert_never"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & newer
    options = {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords}
    assert not options & {"slots", "kw_only", "strict"}, "options of 3.10 and later"
