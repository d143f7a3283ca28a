"""What a person who starts the appliance with something wrong is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.up.plan import drop_database, ensure_database
from retrieval import shipped_map


def cloister(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "assistant", *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, timeout=120, check=False)


def test_a_broken_map_is_refused_with_every_fault_before_anything_is_made(tmp_path: Path) -> None:
    text = shipped_map("demo").read_text("utf-8").replace("  login: email", "  logn: email", 1)
    broken = tmp_path / "broken.yaml"
    broken.write_text(text, "utf-8")
    state = tmp_path / "state"
    done = cloister("up", "--demo", "--no-model", "--map", str(broken), "--data", str(state))
    assert done.returncode == 2
    said = done.stderr.decode()
    assert "users.login" in said
    assert "users.logn" in said
    assert "Traceback" not in said
    assert not state.exists()


def test_a_filled_database_is_not_filled_again_until_it_was_dropped(postgres_dsn: str) -> None:
    import psycopg

    name = f"crm_{os.urandom(4).hex()}"
    assert ensure_database(postgres_dsn, name)
    with psycopg.connect(postgres_dsn, dbname=name) as connection:
        connection.execute("CREATE TABLE users (id int)")
    assert not ensure_database(postgres_dsn, name)
    drop_database(postgres_dsn, name)
    assert ensure_database(postgres_dsn, name)
    drop_database(postgres_dsn, name)


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("ask", "hi", "--token-file", "/no/such/file"), b"", "/no/such/file"),
        (("ask", "-", "--token-file", "TOKEN"), b"\xff\xfe", "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], stdin: bytes, words: str
) -> None:
    token = tmp_path / "token"
    token.write_text("clt_something")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "cli.yaml").write_text(
        "{url: 'http://127.0.0.1:9', demo_secret_file: null, admin: a@b.example, auditor: a@b.example}"
    )
    given = [str(token) if one == "TOKEN" else one for one in arguments]
    done = cloister(*given, "--data", str(tmp_path), stdin=stdin)
    assert done.returncode == 1
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
