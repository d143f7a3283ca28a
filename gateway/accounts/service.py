"""Signing in and out, and resolving a session or a token to a principal."""

import asyncio
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit.events import GatewayEvent, record
from gateway.errors import BadInput, Conflict, NotFound
from gateway.principal import Principal, Role
from gateway.settings import Settings

from .tables import Account, ApiToken, Session

TOKEN_PREFIX: Final = "clt_"  # noqa: S105 - lets secret scanners find leaked tokens
_FAILURES_UNTIL_LOCK: Final = 5
_LOCK: Final = timedelta(minutes=1)
_MIN_PASSWORD: Final = 10


class AccountSettings(Settings):
    """How long sessions live."""

    session_hours: int = 12


@dataclass(frozen=True)
class NewToken:
    """A token as it is shown once."""

    secret: str
    expires_at: datetime


async def create_account(
    session: AsyncSession, *, login: str, name: str, roles: Collection[Role], password: str | None
) -> Account:
    """Add a local account. Raises `BadInput` for a short password, `Conflict` for a taken login."""
    if password is not None and len(password) < _MIN_PASSWORD:
        raise BadInput(f"A password needs at least {_MIN_PASSWORD} characters.")
    login = _normal(login)
    if (await session.exec(select(Account).where(Account.login == login))).first():
        raise Conflict(f"There is already an account for {login}.")
    hashed = await asyncio.to_thread(_hasher().hash, password) if password else None
    account = Account(login=login, name=name, roles=sorted(roles), password_hash=hashed)
    session.add(account)
    await session.flush()
    return account


async def sign_in(
    session: AsyncSession, login: str, password: str, settings: AccountSettings
) -> tuple[str, Principal] | None:
    """Check a password and open a session: the cookie's secret and the principal, or None.

    None does not tell an unknown login, a wrong password, a disabled and a locked account apart; five
    failures lock for a minute. The failure is recorded in `session`, which the caller commits.
    """
    account = (
        await session.exec(select(Account).where(Account.login == _normal(login)).with_for_update())
    ).first()
    hashed = account.password_hash if account and account.password_hash else _decoy_hash()
    matches = await asyncio.to_thread(_matches, hashed, password)
    if account is None:
        record(session, GatewayEvent.SIGN_IN_FAILED, "unknown")
        return None
    now = datetime.now(UTC)
    if not matches or account.disabled or (account.locked_until and account.locked_until > now):
        account.failures += 1
        if account.failures % _FAILURES_UNTIL_LOCK == 0:
            account.locked_until = now + _LOCK
        session.add(account)
        record(session, GatewayEvent.SIGN_IN_FAILED, str(account.id))
        return None
    account.failures, account.locked_until = 0, None
    session.add(account)
    secret = secrets.token_urlsafe(32)
    expires = now + timedelta(hours=settings.session_hours)
    session.add(Session(secret_hash=_hash(secret), account_id=account.id, expires_at=expires))
    principal = _principal(account)
    record(session, GatewayEvent.SIGNED_IN, principal)
    return secret, principal


async def sign_out(session: AsyncSession, secret: str, principal: Principal) -> None:
    """Close a session; doing it twice is fine."""
    await session.exec(delete(Session).where(col(Session.secret_hash) == _hash(secret)))
    record(session, GatewayEvent.SIGNED_OUT, principal)


async def principal_of_session(session: AsyncSession, secret: str) -> Principal | None:
    """Who a session's cookie belongs to, None when it is unknown, expired or its account disabled."""
    found = await session.exec(
        select(Account)
        .join(Session, col(Session.account_id) == col(Account.id))
        .where(Session.secret_hash == _hash(secret), Session.expires_at > datetime.now(UTC))
        .where(col(Account.disabled).is_(False))
    )
    account = found.first()
    return _principal(account) if account else None


async def issue_api_token(
    session: AsyncSession, principal_id: str, *, label: str, days: float = 90
) -> NewToken:
    """Make an API token with the rights of an account. The secret cannot be read again."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + timedelta(days=days)
    row = ApiToken(
        secret_hash=_hash(secret), account_id=uuid.UUID(principal_id), label=label, expires_at=expires
    )
    session.add(row)
    record(session, GatewayEvent.TOKEN_ISSUED, principal_id, label=label)
    return NewToken(secret, expires)


async def principal_of_api_token(session: AsyncSession, secret: str) -> Principal | None:
    """Who an API token belongs to, None when it is unknown, expired or revoked."""
    found = await session.exec(
        select(Account)
        .join(ApiToken, col(ApiToken.account_id) == col(Account.id))
        .where(ApiToken.secret_hash == _hash(secret), ApiToken.expires_at > datetime.now(UTC))
        .where(col(ApiToken.revoked_at).is_(None), col(Account.disabled).is_(False))
    )
    account = found.first()
    return _principal(account) if account else None


async def principal_of_account(session: AsyncSession, *, login: str = "", account_id: str = "") -> Principal:
    """The principal of an account as it stands now. Raises `NotFound` (disabled ones too)."""
    wanted = Account.login == _normal(login) if login else Account.id == uuid.UUID(account_id)
    account = (await session.exec(select(Account).where(wanted, col(Account.disabled).is_(False)))).first()
    if account is None:
        raise NotFound(f"There is no account {login or account_id} here.")
    return _principal(account)


async def disable_account(session: AsyncSession, login: str) -> None:
    """Stop an account from signing in; its sessions and tokens end at once."""
    await session.exec(update(Account).where(col(Account.login) == _normal(login)).values(disabled=True))


def _principal(account: Account) -> Principal:
    return Principal(str(account.id), account.login, frozenset(map(Role, account.roles)), account.name)


def _normal(login: str) -> str:
    return login.strip().casefold()


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _decoy_hash() -> str:
    """Checked for unknown logins, so that they take as long as known ones."""
    return _hasher().hash(secrets.token_urlsafe(16))
