"""Without demo sign-ins: accounts from the owner's command line, tokens from their own people."""

import asyncio
import json
import os
import pty
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from fastapi.routing import iter_route_contexts
from sqlmodel import select

from assistant.appliance import free_port
from assistant.cli.exits import Exit
from assistant.settings import WebSettings
from assistant.up.accounts import SignIn, ensure_sign_ins
from assistant.web import create_web_app
from gateway import (
    Account,
    Database,
    Role,
    disable_account,
    has_admin,
    load_settings,
    principal_of_account,
    remove_password,
    sign_in,
)
from gateway.accounts import Session
from tests.assistant.running import opened
from tests.assistant.stand import PASSWORD, Stand, browser

OTHER = "another horse battery"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# --- signing in


async def test_guessing_closes_new_browsers_of_a_network_and_none_that_was_here(stand: Stand) -> None:
    login = await stand.account()
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with browser(stand, login) as mine, httpx.AsyncClient(base_url=stand.url, headers=headers) as new:
        [kept] = [cookie for cookie in mine.cookies.jar if cookie.name.startswith("cloister_device_")]
        assert kept.path == "/sign-in"
        assert kept.has_nonstandard_attr("HttpOnly")
        assert login not in f"{kept.name}{kept.value}"
        right = {"login": f" {login.upper()}", "password": PASSWORD}
        for _ in range(5):
            wrong = await new.post("/sign-in", data={"login": login, "password": "wrong password"})
            assert wrong.status_code == 401
        assert (await new.post("/sign-in", data=right)).status_code == 401
        assert (await mine.post("/sign-in", data=right)).status_code == 303


# --- tokens over HTTP


async def test_a_token_is_made_shown_once_listed_and_revoked(stand: Stand) -> None:
    login = await stand.account()
    async with browser(stand, login) as client:
        made = await client.post("/api/v1/tokens", json={"label": " nightly ", "days": 30})
        assert made.status_code == 201
        token = made.json()
        assert token["token"].startswith("clt_")
        assert token["label"] == "nightly"
        left = datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=29) < left <= timedelta(days=30)

        listed = await client.get("/api/v1/tokens")
        assert [one["id"] for one in listed.json()] == [token["id"]]
        assert token["token"] not in listed.text

        used = await client.get("/api/v1/conversations", headers=bearer(token["token"]))
        assert used.status_code == 200
        assert (await client.delete(f"/api/v1/tokens/{token['id']}")).status_code == 204
        assert (await client.delete(f"/api/v1/tokens/{token['id']}")).status_code == 404
        assert (await client.get("/api/v1/tokens")).json() == []
        gone = await client.get("/api/v1/conversations", headers=bearer(token["token"]))
        assert gone.status_code == 401
    events = await stand.events(login)
    assert [row.event for row in events if row.event.startswith("token.")] == [
        "token.issued",
        "token.revoked",
    ]
    assert all(token["token"] not in str(row.detail) for row in events)
    assert all(row.roles == ["rep"] for row in events if row.event.startswith("token."))


async def test_no_token_begets_lists_or_ends_tokens(stand: Stand) -> None:
    login = await stand.account()
    async with browser(stand, login) as client:
        token = (await client.post("/api/v1/tokens", json={"label": "x", "days": 1})).json()
        for headers in (bearer(token["token"]), {**bearer(token["token"]), "Sec-Fetch-Site": "same-origin"}):
            body = {"label": "y", "days": 365}
            assert (await client.post("/api/v1/tokens", json=body, headers=headers)).status_code == 403
            assert (await client.get("/api/v1/tokens", headers=headers)).status_code == 403
            path = f"/api/v1/tokens/{token['id']}"
            assert (await client.delete(path, headers=headers)).status_code == 403
        assert len((await client.get("/api/v1/tokens")).json()) == 1


async def test_tokens_of_others_are_nobodys_business(stand: Stand) -> None:
    alice, bob = await stand.account(), await stand.account(Role.ADMIN)
    async with browser(stand, alice) as first, browser(stand, bob) as second:
        token = (await first.post("/api/v1/tokens", json={"label": "x", "days": 1})).json()
        assert (await second.get("/api/v1/tokens")).json() == []
        assert (await second.delete(f"/api/v1/tokens/{token['id']}")).status_code == 404
        used = await second.get("/api/v1/conversations", headers=bearer(token["token"]))
        assert used.status_code == 200


async def test_another_site_cannot_make_a_browser_issue_a_token(stand: Stand) -> None:
    async with browser(stand, await stand.account()) as client:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            answer = await client.post("/api/v1/tokens", json={"label": "x", "days": 1}, headers=headers)
            assert answer.status_code == 403
        assert (await client.get("/api/v1/tokens")).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"label": "x"},
        {"label": "x", "days": 0},
        {"label": "x", "days": 366},
        {"label": "x", "days": 1.5},
        {"label": "  ", "days": 1},
        {"label": "x" * 101, "days": 1},
        {"label": "a\x1b[2Jb", "days": 1},
        {"label": "a\x00b", "days": 1},
        {"label": "x", "days": 1, "roles": ["admin"]},
    ],
    ids=str,
)
async def test_a_token_that_cannot_be_is_refused(stand: Stand, body: dict[str, object]) -> None:
    async with browser(stand, await stand.account()) as client:
        assert (await client.post("/api/v1/tokens", json=body)).status_code == 400


async def test_every_route_of_the_web_api_asks_who_is_there(stand: Stand) -> None:
    app = create_web_app(load_settings(stand.folder / "etc" / "web.yaml", WebSettings))
    asked = set()
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False) as anonymous:
        for context in iter_route_contexts(app.routes):
            path = str(context.path)
            if (
                not path.startswith("/api/") or path == "/api/v1/demo/token"
            ):  # which asks for the demo's secret
                continue
            address = path.replace("{", "").replace("}", "")
            for name in ("run_id", "conversation_id", "item_id", "token_id"):
                address = address.replace(name, str(uuid.uuid4()))
            for method in context.methods or ():
                answer = await anonymous.request(method, address, json={})
                assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
                asked.add((method, path))
    assert {("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/{token_id}")} <= asked


# --- accounts on the command line


async def test_an_account_made_by_the_command_signs_in(stand: Stand) -> None:
    login = f"{uuid.uuid4().hex[:12]}@example.org"
    roles = ("--role", "rep", "--role", "lead")
    done = await stand.cloister(
        "account", "add", login, "--name", "Alice", *roles, "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert done.stdout == f"{login} may sign in as lead, rep.\n", done.stderr
    async with browser(stand, login) as client:
        assert (await client.get("/api/v1/conversations")).status_code == 200
    listed = await stand.cloister("account", "list", "--json")
    (line,) = [one for one in json.loads(listed.stdout) if one["login"] == login]
    assert line["roles"] == ["lead", "rep"]
    assert (line["disabled"], line["password"]) == (False, True)
    assert "argon2" not in listed.stdout
    assert login in (await stand.cloister("account", "list")).stdout
    made = (await stand.events(login))[0]
    assert (made.event, made.actor, made.roles) == ("account.created", "operator", [])
    assert made.detail["operator"]


async def test_disabling_ends_the_session_and_the_token_in_the_next_request(stand: Stand) -> None:
    login = await stand.account()
    async with browser(stand, login) as client:
        token = (await client.post("/api/v1/tokens", json={"label": "x", "days": 1})).json()["token"]
        done = await stand.cloister("account", "disable", login)
        assert done.returncode == 0, done.stderr
        assert (await client.get("/api/v1/conversations")).status_code == 401
        used = await client.get("/api/v1/conversations", headers=bearer(token))
        assert used.status_code == 401
    async with browser(stand, login) as client:
        assert (await client.get("/api/v1/conversations")).status_code == 401
    assert "already" in (await stand.cloister("account", "disable", login)).stdout
    assert (await stand.cloister("account", "enable", login)).returncode == 0
    async with browser(stand, login) as client:
        assert (await client.get("/api/v1/conversations")).status_code == 200
        used = await client.get("/api/v1/conversations", headers=bearer(token))
        assert used.status_code == 401


async def test_somebody_who_is_disabled_reads_no_further_event(stand: Stand) -> None:
    login = await stand.account()
    async with stand.database.transaction() as session:
        principal = await principal_of_account(session, login=login)
    run = await opened(stand.database, principal)
    async with (
        browser(stand, login) as client,
        client.stream("GET", f"/api/v1/runs/{run.id}/events", timeout=30) as response,
    ):
        assert response.status_code == 200
        async with stand.database.transaction() as session:
            await disable_account(session, login, operator="root")
        last = [line async for line in response.aiter_lines() if line][-2:]
    assert last[0] == "event: problem"
    assert "no longer sign in" in last[1]


async def test_a_new_password_and_new_roles_hold_at_once(stand: Stand) -> None:
    login = await stand.account()
    secret = stand.folder / "new-password"
    secret.write_text(OTHER + "\r\n")
    async with browser(stand, login) as client:
        done = await stand.cloister("account", "password", login, "--password-file", str(secret))
        assert done.returncode == 0, done.stderr
        assert (await client.get("/api/v1/conversations")).status_code == 401
    async with browser(stand, login, OTHER) as client:
        assert (await client.get("/api/v1/audit")).status_code == 403
        done = await stand.cloister("account", "roles", login, "--role", "auditor")
        assert "auditor now, and was rep" in done.stdout
        assert (await client.get("/api/v1/audit")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (("disable", "nobody@example.org"), "", Exit.REFUSED, "no account nobody@example.org"),
        (("enable", "nobody@example.org"), "", Exit.REFUSED, "no account"),
        (("roles", "nobody@example.org", "--role", "rep"), "", Exit.REFUSED, "no account"),
        (("roles", "nobody@example.org", "--role", "king"), "", 2, "king"),
        (("password", "nobody@example.org", "--password-stdin"), PASSWORD, Exit.REFUSED, "no account"),
        (("add", "x@example.org", "--name", "X", "--password-stdin"), PASSWORD, 2, "--role"),
        (("add", "x@example.org", "--name", "X", "--role", "king"), "", 2, "king"),
        (
            ("add", "x@example.org", "--name", "X", "--role", "rep", "--password-stdin"),
            "elevenchars",
            Exit.FAILED,
            "12 characters",
        ),
        (("add", "x@example.org", "--name", "X", "--role", "rep"), PASSWORD, 2, "terminal"),
        (
            ("add", "x@example.org", "--name", "X", "--role", "rep", "--password-file", "/no/such/file"),
            "",
            Exit.FAILED,
            "/no/such/file",
        ),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, tuple) else None,
)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    stand: Stand, arguments: tuple[str, ...], stdin: str, code: int, words: str
) -> None:
    done = await stand.cloister("account", *arguments, stdin=stdin)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "x@example.org" not in (await stand.cloister("account", "list")).stdout


async def test_a_taken_login_is_refused(stand: Stand) -> None:
    login = await stand.account()
    again = ("account", "add", login.upper(), "--name", "X", "--role", "admin", "--password-stdin")
    done = await stand.cloister(*again, stdin=PASSWORD)
    assert done.returncode == Exit.FAILED
    assert f"already an account for {login}" in done.stderr


async def test_without_its_database_the_commands_say_that_the_appliance_does_not_run(
    stand: Stand, tmp_path: Path
) -> None:
    settings = yaml.safe_load((stand.folder / "etc" / "web.yaml").read_text())
    settings["database"] |= {"host": "127.0.0.1", "port": free_port()}
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "web.yaml").write_text(yaml.safe_dump(settings))
    for folder in (tmp_path, tmp_path / "nowhere"):
        done = await Stand(folder, "", stand.database).cloister("account", "list")
        assert done.returncode == Exit.NOT_RUNNING
        assert "cloister up" in done.stderr
        assert "Traceback" not in done.stderr


async def test_a_person_is_asked_twice_and_what_they_type_is_not_shown(stand: Stand) -> None:
    login = f"{uuid.uuid4().hex[:12]}@example.org"
    words = ("account", "add", login, "--name", "Typed", "--role", "rep", "--data", str(stand.folder))
    differ, shown = await asyncio.to_thread(_typed, words, [PASSWORD, OTHER])
    assert differ == Exit.FAILED
    assert "differ" in shown
    code, shown = await asyncio.to_thread(_typed, words, [PASSWORD, PASSWORD])
    assert code == 0
    assert PASSWORD not in shown
    assert await sign_in(stand.database, login, PASSWORD, (await _settings(stand)).accounts)


def _typed(arguments: tuple[str, ...], answers: list[str]) -> tuple[int, str]:
    """Run a command at a terminal of its own and type an answer at each prompt; gives code and screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "assistant", *arguments])  # noqa: S606 - no shell
    screen = b""
    for answer in answers:
        before = screen.count(b": ")
        while screen.count(b": ") == before:
            screen += os.read(terminal, 1024)
        os.write(terminal, answer.encode() + b"\n")
    while True:
        try:
            more = os.read(terminal, 1024)
        except OSError:  # Linux says so when the other end has closed
            break
        if not more:
            break
        screen += more
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()


async def _settings(stand: Stand) -> WebSettings:
    return load_settings(stand.folder / "etc" / "web.yaml", WebSettings)


# --- tokens on the command line


async def test_a_token_of_the_command_line_serves_other_commands_until_it_is_revoked(
    stand: Stand, tmp_path: Path
) -> None:
    login = await stand.account(Role.AUDITOR)
    file = tmp_path / "token"
    wanted = ("token", "create", login, "--label", "script", "--days", "7", "--password-stdin")
    done = await stand.cloister(*wanted, "--out", str(file), stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "clt_" not in done.stdout + done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    verified = await stand.cloister("audit", "verify", "--token-file", str(file))
    assert "sealed events" in verified.stdout, verified.stderr

    alone = await stand.cloister(*wanted, stdin=PASSWORD)
    assert alone.stdout.strip().startswith("clt_")
    assert len(alone.stdout.split()) == 1

    listed = await stand.cloister("token", "list", login, "--json", "--password-stdin", stdin=PASSWORD)
    tokens = json.loads(listed.stdout)
    assert [token["label"] for token in tokens] == ["script", "script"]
    for token in tokens:
        done = await stand.cloister("token", "revoke", login, token["id"], "--password-stdin", stdin=PASSWORD)
        assert done.returncode == 0, done.stderr
    refused = await stand.cloister("audit", "verify", "--token-file", str(file))
    assert refused.returncode == Exit.REFUSED
    async with stand.database.transaction() as session:
        account = (await session.exec(select(Account).where(Account.login == login))).one()
        assert (await session.exec(select(Session).where(Session.account_id == account.id))).all() == []


async def test_a_token_that_cannot_be_written_down_is_revoked(stand: Stand) -> None:
    login = await stand.account()
    wanted = ("token", "create", login, "--label", "x", "--password-stdin")
    done = await stand.cloister(*wanted, "--out", "/no/such/folder/token", stdin=PASSWORD)
    assert done.returncode == Exit.FAILED
    assert "revoked" in done.stderr
    async with browser(stand, login) as client:
        assert (await client.get("/api/v1/tokens")).json() == []


async def test_a_wrong_password_makes_no_token(stand: Stand) -> None:
    login = await stand.account()
    done = await stand.cloister("token", "list", login, "--password-stdin", stdin="wrong password")
    assert done.returncode == Exit.REFUSED
    assert "refused" in done.stderr


# --- what a start does


async def test_a_start_without_demo_takes_the_demos_password_and_a_demo_gives_one_again(
    web_database: Database,
) -> None:
    login = f"{uuid.uuid4().hex[:12]}@example.org"
    people = [SignIn(login, "Robin", (Role.ADMIN,))]
    shown = f"shown-{uuid.uuid4().hex}"
    assert await ensure_sign_ins(web_database, people, shown) == 1
    assert await ensure_sign_ins(web_database, people, shown) == 0
    async with web_database.transaction() as session:
        assert await has_admin(session)
        assert await remove_password(session, shown) == [login]
    assert await ensure_sign_ins(web_database, people, OTHER) == 1
