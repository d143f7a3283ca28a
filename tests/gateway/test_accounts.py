"""Signing in: what is told apart, what is not, and what is stored."""

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
    create_account,
    issue_api_token,
    principal_of_account,
    principal_of_api_token,
    principal_of_session,
    sign_in,
    sign_out,
)
from gateway.accounts import ApiToken, Session
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
    async with database.transaction() as session:
        return await sign_in(session, login, password, SETTINGS)


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
