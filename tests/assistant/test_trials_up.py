"""What a person who starts the appliance with something wrong is told."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.appliance import StateFolder, free_port
from assistant.appliance.postgres import server_account
from assistant.cli.up import _welcome
from assistant.up.files import Layout
from assistant.up.plan import Plan, UpOptions, drop_database, ensure_database
from gateway import Role
from retrieval import shipped_map
from tests.clusters import enterable_folder
from tests.test_docs import COMMANDS


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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account may enter too."""
    folder = enterable_folder(server_account())
    yield folder
    shutil.rmtree(folder)


def test_without_demo_a_start_says_how_the_first_admin_is_made_until_there_is_one(open_folder: Path) -> None:
    state = StateFolder.open(open_folder / "a state")
    layout = Layout(state, free_port())
    layout.prepare_secrets(demo=False)
    assert not layout.demo_password_file.exists()
    plan = Plan(layout, UpOptions(demo=False, with_model=False))
    said = "\n".join(_welcome(plan, "http://127.0.0.1:1", state))
    assert "Sign in with" not in said
    [command] = [line.strip() for line in said.splitlines() if "account add" in line]
    words = shlex.split(command)
    assert words[-2:] == ["--data", str(state.path)]
    context = COMMANDS["account add"].make_context("add", words[3:], resilient_parsing=False)
    assert context.params["role"] == [Role.ADMIN]
    plan.has_admin = True
    assert "account" not in "\n".join(_welcome(plan, "http://127.0.0.1:1", state))
    plan.closed_sign_ins = ["maya@halden.example"]
    assert "cloister account password LOGIN" in "\n".join(_welcome(plan, "http://127.0.0.1:1", state))
