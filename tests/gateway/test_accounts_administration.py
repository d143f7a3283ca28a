"""What the owner of the machine does to accounts: what ends at once, what is refused, what is recorded."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway import (
    Account,
    AccountSettings,
    AuditRow,
    BadInput,
    Conflict,
    Database,
    NotFound,
    Role,
    change_password,
    change_roles,
    create_account,
    disable_account,
    enable_account,
    has_admin,
    issue_api_token,
    list_accounts,
    list_api_tokens,
    principal_of_account,
    principal_of_api_token,
    principal_of_session,
    remove_password,
    revoke_api_token,
    sign_in,
)
from tests.migrated import migrated

PASSWORD = "correct horse battery"
ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture
async def database(new_database: Callable[[], str], tmp_path: Path) -> AsyncIterator[Database]:
    """A database of its own with the rights of the web process: who is the last admin counts everybody."""
    database = migrated(new_database, tmp_path).database("cloister_web")
    yield database
    await database.close()


async def _add(database: Database, login: str, *roles: Role, password: str | None = PASSWORD) -> Account:
    async with database.transaction() as session:
        return await create_account(
            session, login=login, name=login.title(), roles=roles, password=password, operator="root"
        )


async def _events(database: Database, account: Account) -> Sequence[AuditRow]:
    async with database.transaction() as session:
        found = select(AuditRow).where(AuditRow.subject == str(account.id)).order_by(col(AuditRow.at))
        return (await session.exec(found)).all()


async def _sign_in(database: Database, login: str, password: str = PASSWORD) -> str | None:
    opened = await sign_in(database, login, password, AccountSettings())
    return opened.secret if opened else None


async def test_disabling_ends_sessions_and_tokens_at_once_and_enabling_brings_none_back(
    database: Database,
) -> None:
    account = await _add(database, ALICE, Role.REP)
    secret = await _sign_in(database, ALICE)
    assert secret
    async with database.transaction() as session:
        token = await issue_api_token(session, str(account.id), label="script")
    async with database.transaction() as session:
        assert await disable_account(session, ALICE.upper(), operator="root")
    assert await _sign_in(database, ALICE) is None
    async with database.transaction() as session:
        assert await principal_of_session(session, secret) is None
        assert await principal_of_api_token(session, token.secret) is None
        assert not await disable_account(session, ALICE, operator="root")
    async with database.transaction() as session:
        assert await enable_account(session, ALICE, operator="root")
        assert not await enable_account(session, ALICE, operator="root")
        assert await principal_of_session(session, secret) is None
        assert await principal_of_api_token(session, token.secret) is None
    assert await _sign_in(database, ALICE)
    events = await _events(database, account)
    assert [row.event for row in events] == ["account.created", "account.disabled", "account.enabled"]
    assert all((row.actor, row.roles, row.detail["operator"]) == ("operator", [], "root") for row in events)


async def test_a_new_password_ends_sessions_and_the_old_password(database: Database) -> None:
    account = await _add(database, ALICE, Role.REP)
    secret = await _sign_in(database, ALICE)
    assert secret
    async with database.transaction() as session:
        token = await issue_api_token(session, str(account.id), label="script")
        assert await change_password(session, ALICE, "another horse battery", operator="root") == 1
    async with database.transaction() as session:
        assert await principal_of_session(session, secret) is None
        assert await principal_of_api_token(session, token.secret)
    assert await _sign_in(database, ALICE) is None
    assert await _sign_in(database, ALICE, "another horse battery")
    last = (await _events(database, account))[-1]
    assert last.event == "account.password_changed"
    assert "horse" not in str(last)


async def test_a_new_password_opens_a_locked_account(database: Database) -> None:
    await _add(database, ALICE, Role.REP)
    for _ in range(5):
        assert await _sign_in(database, ALICE, "wrong password") is None
    async with database.transaction() as session:
        await change_password(session, ALICE, "another horse battery", operator="root")
    assert await _sign_in(database, ALICE, "another horse battery")


async def test_roles_hold_from_the_next_request_on(database: Database) -> None:
    account = await _add(database, ALICE, Role.REP)
    async with database.transaction() as session:
        token = await issue_api_token(session, str(account.id), label="script")
        before = await change_roles(session, ALICE, [Role.OFFICER, Role.OFFICER], operator="root")
    assert before == {Role.REP}
    async with database.transaction() as session:
        principal = await principal_of_api_token(session, token.secret)
        assert principal
        assert principal.roles == {Role.OFFICER}
        with pytest.raises(BadInput):
            await change_roles(session, ALICE, [], operator="root")
    assert (await _events(database, account))[-1].detail["before"] == ["rep"]


async def test_the_last_enabled_admin_stays(database: Database) -> None:
    await _add(database, ALICE, Role.ADMIN)
    await _add(database, BOB, Role.ADMIN)
    async with database.transaction() as session:
        await disable_account(session, BOB, operator="root")
    for change in (
        lambda session: disable_account(session, ALICE, operator="root"),
        lambda session: change_roles(session, ALICE, [Role.REP], operator="root"),
    ):
        with pytest.raises(Conflict, match="last enabled admin"):
            async with database.transaction() as session:
                await change(session)
    async with database.transaction() as session:
        await enable_account(session, BOB, operator="root")
        await change_roles(session, ALICE, [Role.REP], operator="root")


async def test_of_two_admins_disabled_at_the_same_moment_one_stays(database: Database) -> None:
    for login in (ALICE, BOB):
        await _add(database, login, Role.ADMIN)

    async def disable(login: str) -> bool:
        async with database.transaction() as session:
            return await disable_account(session, login, operator="root")

    ends = await asyncio.gather(disable(ALICE), disable(BOB), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Conflict", "bool"]
    async with database.transaction() as session:
        assert [account.disabled for account in await list_accounts(session)].count(False) == 1


async def test_an_admin_who_has_no_password_is_nobody_who_can_sign_in(database: Database) -> None:
    async with database.transaction() as session:
        assert not await has_admin(session)
    await _add(database, ALICE, Role.ADMIN, password=None)
    async with database.transaction() as session:
        assert not await has_admin(session)
        await change_password(session, ALICE, PASSWORD, operator="root")
    async with database.transaction() as session:
        assert await has_admin(session)


@pytest.mark.parametrize(
    ("login", "name", "password", "words"),
    [
        (ALICE, "Alice", "eleven char", "12 characters"),
        (ALICE, "Alice", "x" * 1001, "at most"),
        (ALICE, "Alice", ALICE.upper(), "login itself"),
        (" ", "Alice", PASSWORD, "login"),
        ("alice adams", "Alice", PASSWORD, "login"),
        ("a" * 201, "Alice", PASSWORD, "login"),
        (ALICE, "", PASSWORD, "name"),
        (ALICE, "Ali\x1b[2Jce", PASSWORD, "name"),
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    database: Database, login: str, name: str, password: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        async with database.transaction() as session:
            await create_account(session, login=login, name=name, roles=[Role.REP], password=password)


async def test_unknown_accounts_are_said_to_be_unknown(database: Database) -> None:
    for change in (
        lambda session: disable_account(session, BOB, operator="root"),
        lambda session: enable_account(session, BOB, operator="root"),
        lambda session: change_roles(session, BOB, [Role.REP], operator="root"),
        lambda session: change_password(session, BOB, PASSWORD, operator="root"),
    ):
        with pytest.raises(NotFound, match=BOB):
            async with database.transaction() as session:
                await change(session)


async def test_of_two_accounts_of_one_login_made_at_once_one_is_made(database: Database) -> None:
    ends = await asyncio.gather(*(_add(database, ALICE, Role.REP) for _ in range(2)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Account", "Conflict"]


async def test_a_password_that_too_many_know_is_taken_from_whoever_has_it_and_from_nobody_else(
    database: Database,
) -> None:
    shared = await _add(database, ALICE, Role.REP)
    await _add(database, BOB, Role.REP, password="a password of his own")
    async with database.transaction() as session:
        token = await issue_api_token(session, str(shared.id), label="script")
    async with database.transaction() as session:
        assert await remove_password(session, PASSWORD) == [ALICE]
        assert await remove_password(session, PASSWORD) == []
        assert await principal_of_api_token(session, token.secret) is None
    assert await _sign_in(database, ALICE) is None
    assert await _sign_in(database, BOB, "a password of his own")
    last = (await _events(database, shared))[-1]
    assert (last.event, last.actor) == ("account.password_removed", "appliance")


async def test_tokens_are_listed_and_revoked_by_their_owner_alone(database: Database) -> None:
    for login in (ALICE, BOB):
        await _add(database, login, Role.REP)
    async with database.transaction() as session:
        alice, bob = [await principal_of_account(session, login=login) for login in (ALICE, BOB)]
        token = await issue_api_token(session, alice, label="script", days=1)
        await issue_api_token(session, alice, label="ended", days=-1)
    async with database.transaction() as session:
        assert [row.id for row in await list_api_tokens(session, alice)] == [token.id]
        assert await list_api_tokens(session, bob) == []
        for owner, identity in ((bob, token.id), (alice, uuid.uuid4())):
            with pytest.raises(NotFound):
                await revoke_api_token(session, owner, identity)
        assert await principal_of_api_token(session, token.secret) == alice
        await revoke_api_token(session, alice, token.id)
        assert await principal_of_api_token(session, token.secret) is None
        assert await list_api_tokens(session, alice) == []
        with pytest.raises(NotFound):
            await revoke_api_token(session, alice, token.id)
    async with database.transaction() as session:
        revoked = select(AuditRow).where(AuditRow.event == "token.revoked")
        (row,) = (await session.exec(revoked)).all()
        assert (row.actor, row.detail) == (alice.id, {"token": str(token.id)})
