"""Accounts as whoever runs the machine manages them; each change is recorded where it is made."""

import asyncio
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import any_, delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gateway.audit.events import GatewayEvent, as_code, record
from gateway.errors import BadInput, Conflict, NotFound
from gateway.principal import Principal, Role

from .passwords import hash_password, matches
from .service import normal_login
from .tables import Account, ApiToken, Session

MIN_PASSWORD: Final = 12
_MAX_PASSWORD: Final = 1000  # what the sign-in form takes
_MAX_NAME: Final = 200
_OPERATOR: Final = "operator"
_APPLIANCE: Final = "appliance"


async def create_account(
    session: AsyncSession,
    *,
    login: str,
    name: str,
    roles: Collection[Role],
    password: str | None,
    operator: str | None = None,
) -> Account:
    """Add a local account. `operator` is the machine's user who does it, None for the appliance itself.

    Raises `BadInput` for a weak password or a login or name that cannot be one, `Conflict` for a taken login.
    """
    login, name = normal_login(login), name.strip()
    if not _is_word(login) or " " in login:
        raise BadInput(f"A login has 1 to {_MAX_NAME} characters and no spaces.")
    if not _is_word(name):
        raise BadInput(f"A name has 1 to {_MAX_NAME} printable characters.")
    if password is not None:
        require_strong(password, login)
    if (await session.exec(select(Account).where(Account.login == login))).first():
        raise _taken(login)
    hashed = await asyncio.to_thread(hash_password, password) if password else None
    account = Account(login=login, name=name, roles=sorted(set(roles)), password_hash=hashed)
    session.add(account)
    try:
        await session.flush()
    except IntegrityError as error:
        raise _taken(login) from error
    _record(session, GatewayEvent.ACCOUNT_CREATED, account, operator, roles=list(account.roles))
    return account


async def list_accounts(session: AsyncSession) -> Sequence[Account]:
    """Every account, by login; disabled ones too."""
    return (await session.exec(select(Account).order_by(col(Account.login)))).all()


async def account_of(session: AsyncSession, login: str) -> Account:
    """The account of a login; a disabled one too. Raises `NotFound`."""
    return await _one(session, login, select(Account))


async def change_password(session: AsyncSession, login: str, password: str, *, operator: str) -> int:
    """Give an account a new password, end its sessions and its lock; gives how many API tokens still hold.

    Raises `NotFound`, and `BadInput` for a weak password.
    """
    account = await _locked(session, login)
    require_strong(password, account.login)
    account.password_hash = await asyncio.to_thread(hash_password, password)
    account.failures, account.locked_until = 0, None
    session.add(account)
    await _end_sessions(session, account.id)
    _record(session, GatewayEvent.PASSWORD_CHANGED, account, operator)
    holding = select(ApiToken.id).where(
        ApiToken.account_id == account.id,
        col(ApiToken.revoked_at).is_(None),
        ApiToken.expires_at > datetime.now(UTC),
    )
    return len((await session.exec(holding)).all())


async def disable_account(session: AsyncSession, login: str, *, operator: str) -> bool:
    """Stop an account from signing in; its sessions end and its tokens are revoked, for good.

    False when it is disabled already. Raises `NotFound`, and `Conflict` for the last enabled admin.
    """
    admins = await _enabled_admins(session)
    account = await _locked(session, login)
    if account.disabled:
        return False
    _require_another(admins, account)
    account.disabled = True
    session.add(account)
    await _end_access(session, account.id)
    _record(session, GatewayEvent.ACCOUNT_DISABLED, account, operator)
    return True


async def enable_account(session: AsyncSession, login: str, *, operator: str) -> bool:
    """Let a disabled account sign in again. False when it may already. Raises `NotFound`."""
    account = await _locked(session, login)
    if not account.disabled:
        return False
    account.disabled, account.failures, account.locked_until = False, 0, None
    session.add(account)
    _record(session, GatewayEvent.ACCOUNT_ENABLED, account, operator)
    return True


async def change_roles(
    session: AsyncSession, login: str, roles: Collection[Role], *, operator: str
) -> frozenset[Role]:
    """Give an account these roles and no others, from its next request on; gives those it had.

    Raises `NotFound`, `BadInput` for none, and `Conflict` when the last enabled admin would lose the role.
    """
    if not roles:
        raise BadInput("An account needs at least one role.")
    admins = await _enabled_admins(session)
    account = await _locked(session, login)
    before = frozenset(map(Role, account.roles))
    if Role.ADMIN not in roles:
        _require_another(admins, account)
    account.roles = sorted(set(roles))
    session.add(account)
    _record(
        session, GatewayEvent.ROLES_CHANGED, account, operator, before=sorted(before), roles=account.roles
    )
    return before


async def has_admin(session: AsyncSession) -> bool:
    """Whether anybody can sign in as an admin."""
    found = select(Account.id).where(*_ENABLED_ADMIN, col(Account.password_hash).is_not(None)).limit(1)
    return (await session.exec(found)).first() is not None


async def remove_password(session: AsyncSession, password: str, *, operator: str | None = None) -> list[str]:
    """Take a password that too many know from every account that has it, with what was opened by it.

    Gives their logins. They can sign in again once they are given another password.
    """
    found = select(Account).where(col(Account.password_hash).is_not(None)).with_for_update()
    accounts = (await session.exec(found)).all()
    hashes = {account.password_hash or "" for account in accounts}
    shared = {hashed for hashed in hashes if await asyncio.to_thread(matches, hashed, password)}
    closed = [account for account in accounts if account.password_hash in shared]
    for account in closed:
        account.password_hash = None
        session.add(account)
        await _end_access(session, account.id)
        _record(session, GatewayEvent.PASSWORD_REMOVED, account, operator)
    return sorted(account.login for account in closed)


def record_of_account(
    session: AsyncSession, event: StrEnum, account_id: str, operator: str | None, **detail: Any
) -> None:
    """Record what became of an account. The actor is whoever runs the machine, who has no account and no role
    here; without an `operator`, their user there, it is the appliance itself."""
    actor = Principal(_APPLIANCE if operator is None else _OPERATOR, operator or "", frozenset())
    if operator is not None:
        detail["operator"] = as_code(operator)
    record(session, event, actor, subject=account_id, **detail)


def require_strong(password: str, login: str) -> None:
    """Raise `BadInput` for a password that is too short, too long, or the login itself."""
    if len(password) < MIN_PASSWORD:
        raise BadInput(f"A password needs at least {MIN_PASSWORD} characters.")
    if len(password) > _MAX_PASSWORD:
        raise BadInput(f"A password has at most {_MAX_PASSWORD:,} characters.")
    if normal_login(password) == normal_login(login):
        raise BadInput("A password must not be the login itself.")


_ENABLED_ADMIN: Final = (any_(col(Account.roles)) == Role.ADMIN.value, col(Account.disabled).is_(False))


async def _enabled_admins(session: AsyncSession) -> frozenset[uuid.UUID]:
    """Locked in one order, so that of two who each disable the other one finds itself the last."""
    found = select(Account).where(*_ENABLED_ADMIN).order_by(col(Account.id)).with_for_update()
    return frozenset(account.id for account in (await session.exec(found)).all())


def _require_another(admins: frozenset[uuid.UUID], account: Account) -> None:
    if admins == {account.id}:
        raise Conflict(f"{account.login} is the last enabled admin. Make another one first.")


async def _locked(session: AsyncSession, login: str) -> Account:
    return await _one(session, login, select(Account).with_for_update())


async def _one(session: AsyncSession, login: str, accounts: SelectOfScalar[Account]) -> Account:
    account = (await session.exec(accounts.where(Account.login == normal_login(login)))).first()
    if account is None:
        raise NotFound(f"There is no account {login.strip()} here.")
    return account


async def _end_sessions(session: AsyncSession, account_id: uuid.UUID) -> None:
    await session.exec(delete(Session).where(col(Session.account_id) == account_id))


async def _end_access(session: AsyncSession, account_id: uuid.UUID) -> None:
    """Revoked rather than only refused: enabling the account again must not bring old tokens back."""
    await _end_sessions(session, account_id)
    held = update(ApiToken).where(col(ApiToken.account_id) == account_id, col(ApiToken.revoked_at).is_(None))
    await session.exec(held.values(revoked_at=datetime.now(UTC)))


def _record(
    session: AsyncSession, event: GatewayEvent, account: Account, operator: str | None, **detail: Any
) -> None:
    record_of_account(session, event, str(account.id), operator, **detail)


def _is_word(text: str) -> bool:
    return 0 < len(text) <= _MAX_NAME and text.isprintable()


def _taken(login: str) -> Conflict:
    return Conflict(f"There is already an account for {login}.")
