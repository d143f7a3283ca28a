"""Signing in: what is told apart, what is not, and what is stored."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from gateway import (
    Account,
    AccountSettings,
    BadInput,
    Conflict,
    Database,
    NotFound,
    Principal,
    Role,
    TooManyRequests,
    create_account,
    issue_api_token,
    principal_of_account,
    principal_of_api_token,
    principal_of_session,
    sign_in,
    sign_out,
)
from gateway.accounts import ApiToken, Session, revoke_api_token
from gateway.accounts.passwords import check_password
from gateway.audit import AuditRow
from tests.gateway.conftest import Site

PASSWORD = "correct horse battery"
SETTINGS = AccountSettings()


@pytest.fixture
async def login(site: Site) -> str:
    name = f"alice-{uuid.uuid4().hex[:8]}@example.org"
    async with site.database.transaction() as session:
        await create_account(session, login=name.upper(), name="Alice", roles=[Role.REP], password=PASSWORD)
    return name


async def _sign_in(database: Database, login: str, password: str) -> tuple[str, Principal] | None:
    return await sign_in(database, login, password, SETTINGS)


async def test_the_right_password_opens_a_session_whatever_the_letters_case(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, f"  {login.title()} ", PASSWORD)
    assert opened
    secret, principal = opened
    async with site.database.transaction() as session:
        assert await principal_of_session(session, secret) == principal
        assert principal.roles == {Role.REP}
        stored = (await session.exec(select(Session))).all()
    assert all(secret.encode() not in row.secret_hash for row in stored)


async def test_unknown_wrong_and_disabled_are_not_told_apart(site: Site, login: str) -> None:
    assert await _sign_in(site.database, login, "wrong password") is None
    assert await _sign_in(site.database, "nobody@example.org", PASSWORD) is None
    async with site.database.transaction() as session:
        await session.exec(update(Account).where(col(Account.login) == login).values(disabled=True))
    assert await _sign_in(site.database, login, PASSWORD) is None


async def test_five_failures_lock_for_a_while_even_with_the_right_password(site: Site, login: str) -> None:
    for _ in range(5):
        assert await _sign_in(site.database, login, "wrong password") is None
    assert await _sign_in(site.database, login, PASSWORD) is None
    async with site.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.exec(update(Account).where(col(Account.login) == login).values(locked_until=past))
    assert await _sign_in(site.database, login, PASSWORD)


async def test_guessing_on_does_not_renew_the_lock(site: Site, login: str) -> None:
    for _ in range(5):
        await _sign_in(site.database, login, "wrong password")
    before = await _account(site.database, login)
    for _ in range(6):
        assert await _sign_in(site.database, login, "wrong password") is None
    after = await _account(site.database, login)
    assert before.locked_until is not None
    assert (after.locked_until, after.failures) == (before.locked_until, before.failures)


async def test_after_a_lock_it_takes_five_new_failures(site: Site, login: str) -> None:
    for _ in range(5):
        await _sign_in(site.database, login, "wrong password")
    async with site.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.exec(update(Account).where(col(Account.login) == login).values(locked_until=past))
    for _ in range(4):
        await _sign_in(site.database, login, "wrong password")
    assert await _sign_in(site.database, login, PASSWORD)


async def test_no_connection_is_held_while_a_password_is_hashed(
    site: Site, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    async def looking_on(hashed: str | None, password: str) -> bool:
        held.append(site.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await check_password(hashed, password)

    monkeypatch.setattr("gateway.accounts.service.check_password", looking_on)
    assert await _sign_in(site.database, login, PASSWORD)
    assert held == [0]


async def test_a_password_that_changes_meanwhile_opens_nothing(
    site: Site, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overtaken(hashed: str | None, password: str) -> bool:
        async with site.database.transaction() as session:
            await session.exec(update(Account).where(col(Account.login) == login).values(password_hash="x"))
        return await check_password(hashed, password)

    monkeypatch.setattr("gateway.accounts.service.check_password", overtaken)
    assert await _sign_in(site.database, login, PASSWORD) is None


async def test_only_a_few_passwords_are_hashed_at_once() -> None:
    results = await asyncio.gather(*(check_password(None, "x") for _ in range(14)), return_exceptions=True)
    assert [type(result) for result in results].count(TooManyRequests) == 4
    assert [result for result in results if result is not False and not isinstance(result, Exception)] == []


async def test_the_record_does_not_hold_the_label_of_a_token(site: Site, login: str) -> None:
    async with site.database.transaction() as session:
        principal = await principal_of_account(session, login=login)
        token = await issue_api_token(session, principal, label="for Anna Weidenbach")
        await revoke_api_token(session, principal, token.id)
        rows = (await session.exec(select(AuditRow).where(AuditRow.actor == principal.id))).all()
    assert {row.event for row in rows} == {"token.issued", "token.revoked"}
    assert all(row.detail["token"] == str(token.id) for row in rows)
    assert "Weidenbach" not in str([row.detail for row in rows])


async def _account(database: Database, login: str) -> Account:
    async with database.transaction() as session:
        return (await session.exec(select(Account).where(Account.login == login))).one()


async def test_an_ended_session_is_nobodys(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, login, PASSWORD)
    assert opened
    secret, principal = opened
    async with site.database.transaction() as session:
        await sign_out(session, secret, principal)
        assert await principal_of_session(session, secret) is None


async def test_an_expired_session_and_one_of_a_disabled_account_are_nobodys(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, login, PASSWORD)
    assert opened
    secret, _ = opened
    async with site.database.transaction() as session:
        await session.exec(update(Account).where(col(Account.login) == login).values(disabled=True))
        assert await principal_of_session(session, secret) is None
        await session.exec(update(Account).where(col(Account.login) == login).values(disabled=False))
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.exec(update(Session).values(expires_at=past))
        assert await principal_of_session(session, secret) is None


async def test_an_api_token_has_its_accounts_rights_until_it_ends(site: Site, login: str) -> None:
    async with site.database.transaction() as session:
        principal = await principal_of_account(session, login=login)
        token = await issue_api_token(session, principal.id, label="script")
        assert token.secret.startswith("clt_")
        assert await principal_of_api_token(session, token.secret) == principal
        assert await principal_of_api_token(session, token.secret + "x") is None
        await session.exec(update(ApiToken).values(revoked_at=datetime.now(UTC)))
        assert await principal_of_api_token(session, token.secret) is None


async def test_short_passwords_and_taken_logins_are_refused(site: Site, login: str) -> None:
    async with site.database.transaction() as session:
        with pytest.raises(BadInput, match="12 characters"):
            await create_account(session, login="x@example.org", name="X", roles=[Role.REP], password="short")
        with pytest.raises(Conflict):
            await create_account(session, login=login, name="X", roles=[Role.REP], password=PASSWORD)
        with pytest.raises(NotFound):
            await principal_of_account(session, login="nobody@example.org")
