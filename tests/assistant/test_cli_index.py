"""`cloister index conformance`: each check is said, nothing stays behind, and a failure ends with 5."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.index import _generation
from tests.retrieval.test_index_conformance import scripted


async def run(*words: str) -> tuple[int, str, str]:
    """The command in a process of its own, while this one plays the server."""
    import sys

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from assistant.cli import main; main()",
        "index",
        "conformance",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def reaching(settings: Any) -> list[str]:
    return [
        "--url",
        settings.url,
        "--api-key-file",
        str(settings.api_key_file),
        "--ca-file",
        str(settings.ca_file),
    ]


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 point in 1 segment, 5 MB"), (2_000, "2,000 points in 2,000 s")]
)
def test_one_of_a_thing_is_no_plural(number: int, said: str) -> None:
    one = {
        "name": "g1",
        "serving": True,
        "points": number,
        "segments": number,
        "bytes": 5e6,
        "optimised": None,
    }
    assert said in _generation(one)


async def test_a_good_server_passes_and_is_left_as_it_was(tmp_path: Path) -> None:
    async with scripted(tmp_path, 1) as (server, settings):
        status, out, err = await run(*reaching(settings))
        assert status == 0, out + err
        assert "passed        " in out
        assert "hidden rows are not found" in out
        assert "passed over" in out
        assert "0 failed" in out
        assert await server.collections() == []


async def test_a_server_that_lets_everybody_in_fails_and_is_cleaned_all_the_same(tmp_path: Path) -> None:
    async with scripted(tmp_path, 1) as (server, settings):
        server.open = True
        status, out, _ = await run(*reaching(settings), "--json")
        assert status == 5
        found = {one["check"]: one for one in json.loads(out)}
        assert found["strangers do not get in"]["passed"] is False
        assert "lets in" in found["strangers do not get in"]["why"]
        assert found["hidden rows are not found"]["passed"] is True
        assert await server.collections() == []


async def test_a_server_that_cannot_be_used_at_all_ends_with_3_and_a_sentence(tmp_path: Path) -> None:
    async with scripted(tmp_path, 1) as (server, settings):
        (tmp_path / "wrong").write_text("guessed")
        words = ["--url", settings.url, "--ca-file", str(settings.ca_file)]
        status, _, err = await run(*words, "--api-key-file", str(tmp_path / "wrong"))
        assert status == 3
        assert "does not accept the API key" in err
        status, _, err = await run("--url", settings.url, "--api-key-file", str(settings.api_key_file))
        assert status == 3
        assert "No trusted connection" in err
        server.version = "1.12.0"
        status, _, err = await run(*reaching(settings))
        assert status == 3
        assert "1.19 or later" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--url", "http://qdrant.example:6333", "--api-key-file", "KEY"], "in the clear"),
        (["--url", "qdrant"], "no address"),
        (["--settings", "/nonexistent/retrieval.yaml"], "There is no"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "key").write_text("secret")
    status, _, err = await run(*(str(tmp_path / "key") if word == "KEY" else word for word in words))
    assert status == 1
    assert says in err
