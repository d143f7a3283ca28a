"""Signing in and out, and resolving a session or a token to a principal."""

import asyncio
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from gateway.errors import NotFound
from gateway.principal import Principal, Role
from gateway.settings import Settings

from .tables import Account, ApiToken, Session

TOKEN_PREFIX: Final = "clt_"  # noqa: S105 - lets secret scanners find leaked tokens
_FAILURES_UNTIL_LOCK: Final = 5
_LOCK: Final = timedelta(minutes=1)


class AccountSettings(Settings):
    """How long sessions live."""

    session_hours: int = 12


@dataclass(frozen=True)
class NewToken:
    """A token as it is shown once."""

    secret: str = field(repr=False)
    expires_at: datetime
    id: uuid.UUID
    created_at: datetime


async def sign_in(
    session: AsyncSession, login: str, password: str, settings: AccountSettings
) -> tuple[str, Principal] | None:
    """Check a password and open a session: the cookie's secret and the principal, or None.

    None does not tell an unknown login, a wrong password, a disabled and a locked account apart; five
    failures lock for a minute. The failure is recorded in `session`, which the caller commits.
    """
    account = (
        await session.exec(select(Account).where(Account.login == normal_login(login)).with_for_update())
    ).first()
    hashed = account.password_hash if account and account.password_hash else _decoy_hash()
    agrees = await asyncio.to_thread(matches, hashed, password)
    if account is None:
        record(session, GatewayEvent.SIGN_IN_FAILED, "unknown")
        return None
    now = datetime.now(UTC)
    if not agrees or account.disabled or (account.locked_until and account.locked_until > now):
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
    session: AsyncSession, owner: Principal | str, *, label: str, days: float = 90
) -> NewToken:
    """Make an API token with the rights of an account (the caller, or an account's id).

    The secret cannot be read again.
    """
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    account_id = uuid.UUID(owner.id if isinstance(owner, Principal) else owner)
    now = datetime.now(UTC)
    row = ApiToken(
        secret_hash=_hash(secret),
        account_id=account_id,
        label=label,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    record(
        session,
        GatewayEvent.TOKEN_ISSUED,
        owner,
        label=label,
        token=str(row.id),
        expires=row.expires_at.isoformat(),
    )
    return NewToken(secret, row.expires_at, row.id, now)


async def list_api_tokens(session: AsyncSession, owner: Principal) -> Sequence[ApiToken]:
    """The caller's tokens that hold, the newest first; never their secrets."""
    found = (
        select(ApiToken)
        .where(ApiToken.account_id == uuid.UUID(owner.id), ApiToken.expires_at > datetime.now(UTC))
        .where(col(ApiToken.revoked_at).is_(None))
        .order_by(col(ApiToken.created_at).desc(), col(ApiToken.id))
    )
    return (await session.exec(found)).all()


async def revoke_api_token(session: AsyncSession, owner: Principal, token_id: uuid.UUID) -> None:
    """End one of the caller's tokens at once. Raises `NotFound` for others' and for those that have ended."""
    ended = (
        update(ApiToken)
        .where(col(ApiToken.id) == token_id, col(ApiToken.account_id) == uuid.UUID(owner.id))
        .where(col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=datetime.now(UTC))
        .returning(col(ApiToken.label))
    )
    label = (await session.exec(ended)).scalar_one_or_none()
    if label is None:
        raise NotFound("You have no such API token.")
    record(session, GatewayEvent.TOKEN_REVOKED, owner, label=label, token=str(token_id))


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
    wanted = Account.login == normal_login(login) if login else Account.id == uuid.UUID(account_id)
    account = (await session.exec(select(Account).where(wanted, col(Account.disabled).is_(False)))).first()
    if account is None:
        raise NotFound(f"There is no account {login or account_id} here.")
    return _principal(account)


def _principal(account: Account) -> Principal:
    return Principal(str(account.id), account.login, frozenset(map(Role, account.roles)), account.name)


def normal_login(login: str) -> str:
    """A login as it is stored and looked for."""
    return login.strip().casefold()


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def hash_password(password: str) -> str:
    """Slow on purpose: to be called in a thread."""
    return _hasher().hash(password)


def matches(hashed: str, password: str) -> bool:
    """Whether a password is the one that was hashed; as slow as hashing."""
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
