"""Signing in: what is told apart, what is not, and what is stored."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
    Origin,
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
from gateway.accounts import ApiToken, Session, SignedIn, revoke_api_token
from gateway.accounts.passwords import check_password
from gateway.accounts.places import Guesses, Place, guesses_key, place_of
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


async def _sign_in(
    database: Database, login: str, password: str, origin: Origin | None = None
) -> SignedIn | None:
    return await sign_in(database, login, password, SETTINGS, origin)


async def test_the_right_password_opens_a_session_whatever_the_letters_case(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, f"  {login.title()} ", PASSWORD)
    assert opened
    secret, principal = opened.secret, opened.principal
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


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.guesses = Guesses(self)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which places are closed."""
    clock = Clock()
    monkeypatch.setattr("gateway.accounts.service.guesses", lambda: clock.guesses)
    return clock


GUESSER = Origin("198.51.100.7")
OWNER = Origin("203.0.113.9")


async def test_an_hour_of_guessing_keeps_nobody_out_who_comes_from_elsewhere(
    site: Site, login: str, clock: Clock
) -> None:
    for _ in range(3):
        for _ in range(6):
            assert await _sign_in(site.database, login, "wrong password", GUESSER) is None
        assert await _sign_in(site.database, login, PASSWORD, GUESSER) is None
        assert await _sign_in(site.database, login, PASSWORD, OWNER)
        clock.now += 1_200


async def test_five_failures_close_their_place_for_a_minute_even_to_the_right_password(
    site: Site, login: str, clock: Clock
) -> None:
    for _ in range(5):
        assert await _sign_in(site.database, login, "wrong password", GUESSER) is None
    clock.now += 59
    assert await _sign_in(site.database, login, PASSWORD, GUESSER) is None
    clock.now += 2
    assert await _sign_in(site.database, login, PASSWORD, GUESSER)
    assert await _sign_in(site.database, login, "wrong password", GUESSER) is None
    assert await _sign_in(site.database, login, PASSWORD, GUESSER)


def test_a_place_that_guesses_without_end_has_few_guesses_a_day() -> None:
    clock = Clock()
    guesses, key, tried = Guesses(clock), b"somebody, somewhere", 0
    for _ in range(3 * 24 * 60):
        if not guesses.is_closed(key):
            guesses.add(key)
            tried += 1
        clock.now += 60
    assert 5 < tried < 20


def test_a_place_that_has_waited_begins_anew_and_the_oldest_goes_when_there_are_many() -> None:
    clock = Clock()
    guesses = Guesses(clock, at_most=2)
    for _ in range(7):
        guesses.add(b"a")
    clock.now += 3 * 86_400
    guesses.add(b"a")
    assert not guesses.is_closed(b"a")
    for _ in range(5):
        guesses.add(b"b")
    guesses.add(b"c")
    guesses.add(b"d")
    assert not guesses.is_closed(b"b")


async def test_guesses_at_an_unknown_login_are_counted_as_at_a_known_one(site: Site, clock: Clock) -> None:
    unknown = f"{uuid.uuid4().hex}@example.org"
    key = guesses_key(unknown, place_of(GUESSER, None, None), None)
    for _ in range(5):
        assert not clock.guesses.is_closed(key)
        assert await _sign_in(site.database, f" {unknown.upper()}", PASSWORD, GUESSER) is None
    assert clock.guesses.is_closed(key)


@pytest.mark.parametrize("address", ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::1%eth0"])
def test_a_network_of_ipv6_is_one_place(address: str) -> None:
    assert place_of(Origin(address), None, None) == place_of(Origin("2001:db8:1:2::"), None, None)
    assert place_of(Origin(address), None, None) != place_of(Origin("2001:db8:1:3::"), None, None)


def test_an_address_in_the_clothes_of_ipv6_is_the_same_place() -> None:
    assert place_of(Origin("::ffff:192.0.2.1"), None, None) == place_of(Origin("192.0.2.1"), None, None)


async def test_a_browser_that_was_here_before_is_not_closed_with_its_network(
    site: Site, login: str, clock: Clock
) -> None:
    opened = await _sign_in(site.database, login, PASSWORD, GUESSER)
    assert opened
    mine = replace(GUESSER, device=opened.device)
    for _ in range(5):
        await _sign_in(site.database, login, "wrong password", GUESSER)
    assert await _sign_in(site.database, login, PASSWORD, GUESSER) is None
    again = await _sign_in(site.database, login, PASSWORD, mine)
    assert again
    assert again.device == opened.device
    for _ in range(5):
        await _sign_in(site.database, login, "wrong password", mine)
    assert await _sign_in(site.database, login, PASSWORD, mine) is None
    assert await _sign_in(site.database, login, PASSWORD, OWNER)


async def test_many_places_close_an_account_to_new_ones_and_not_to_a_browser_that_was_here(
    site: Site, login: str, clock: Clock
) -> None:
    opened = await _sign_in(site.database, login, PASSWORD, OWNER)
    assert opened
    await _change(site.database, login, failures=98)
    for number in range(2):
        await _sign_in(site.database, login, "wrong password", Origin(f"192.0.2.{number}"))
    before = await _account(site.database, login)
    assert before.locked_until is not None
    for number in range(10, 13):
        assert await _sign_in(site.database, login, PASSWORD, Origin(f"192.0.2.{number}")) is None
    after = await _account(site.database, login)
    assert (after.locked_until, after.failures) == (before.locked_until, before.failures)
    assert await _sign_in(site.database, login, PASSWORD, replace(OWNER, device=opened.device))
    assert await _sign_in(site.database, login, PASSWORD, Origin("192.0.2.14"))


async def test_the_lock_of_an_account_grows_to_an_hour_and_is_forgotten_after_a_day(
    site: Site, login: str, clock: Clock
) -> None:
    moment = datetime.now(UTC)
    await _change(site.database, login, failures=5_000, locked_until=moment - timedelta(minutes=1))
    await _sign_in(site.database, login, "wrong password", OWNER)
    until = (await _account(site.database, login)).locked_until
    assert until is not None
    assert timedelta(minutes=59) < until - moment <= timedelta(minutes=62)
    await _change(site.database, login, failures=5_000, locked_until=moment - timedelta(days=2))
    await _sign_in(site.database, login, "wrong password", OWNER)
    found = await _account(site.database, login)
    assert (found.failures, found.locked_until) == (1, None)


async def test_what_a_browser_keeps_holds_for_one_account_and_one_password(
    site: Site, login: str, clock: Clock
) -> None:
    opened = await _sign_in(site.database, login, PASSWORD, OWNER)
    assert opened
    account = await _account(site.database, login)
    mine = replace(OWNER, device=opened.device)
    assert place_of(mine, account.id, account.password_hash).seen
    for other in (opened.device[:-1], "x" + opened.device, f"{opened.device}.", "", ".", "a.é", "\ud800.x"):
        assert not place_of(replace(mine, device=other), account.id, account.password_hash).seen
    assert not place_of(mine, uuid.uuid4(), account.password_hash).seen
    assert not place_of(mine, account.id, "another").seen
    assert not place_of(mine, account.id, None).seen


async def test_no_connection_is_held_while_a_password_is_hashed(
    site: Site, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    async def looking_on(hashed: str | None, password: str, _place: Place) -> bool:
        held.append(site.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await check_password(hashed, password)

    monkeypatch.setattr("gateway.accounts.service.check_password", looking_on)
    assert await _sign_in(site.database, login, PASSWORD)
    assert held == [0]


async def test_a_password_that_changes_meanwhile_opens_nothing(
    site: Site, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overtaken(hashed: str | None, password: str, _place: Place) -> bool:
        async with site.database.transaction() as session:
            await session.exec(update(Account).where(col(Account.login) == login).values(password_hash="x"))
        return await check_password(hashed, password)

    monkeypatch.setattr("gateway.accounts.service.check_password", overtaken)
    assert await _sign_in(site.database, login, PASSWORD) is None


async def test_only_a_few_passwords_of_one_place_are_under_way_and_nobody_else_is_refused() -> None:
    many = [check_password(None, "x", Place("network 192.0.2.1")) for _ in range(14)]
    others = [check_password(None, "x", Place(f"network 192.0.2.{number}")) for number in range(2, 5)]
    results = await asyncio.gather(*many, *others, return_exceptions=True)
    assert [type(result) for result in results[:14]].count(TooManyRequests) == 4
    assert results[:14].count(False) == 10
    assert results[14:] == [False, False, False]


async def test_the_record_does_not_hold_the_label_of_a_token(site: Site, login: str) -> None:
    async with site.database.transaction() as session:
        principal = await principal_of_account(session, login=login)
        token = await issue_api_token(session, principal, label="for Anna Weidenbach")
        await revoke_api_token(session, principal, token.id)
        rows = (await session.exec(select(AuditRow).where(AuditRow.actor == principal.id))).all()
    assert {row.event for row in rows} == {"token.issued", "token.revoked"}
    assert all(row.detail["token"] == str(token.id) for row in rows)
    assert "Weidenbach" not in str([row.detail for row in rows])


async def _change(database: Database, login: str, **values: Any) -> None:
    async with database.transaction() as session:
        await session.exec(update(Account).where(col(Account.login) == login).values(**values))


async def _account(database: Database, login: str) -> Account:
    async with database.transaction() as session:
        return (await session.exec(select(Account).where(Account.login == login))).one()


async def test_an_ended_session_is_nobodys(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, login, PASSWORD)
    assert opened
    secret, principal = opened.secret, opened.principal
    async with site.database.transaction() as session:
        await sign_out(session, secret, principal)
        assert await principal_of_session(session, secret) is None


async def test_an_expired_session_and_one_of_a_disabled_account_are_nobodys(site: Site, login: str) -> None:
    opened = await _sign_in(site.database, login, PASSWORD)
    assert opened
    secret = opened.secret
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
