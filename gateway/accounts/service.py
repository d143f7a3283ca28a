"""Signing in and out, and resolving a session or a token to a principal."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import delete, update
from sqlalchemy.orm import QueryableAttribute, load_only
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit.events import GatewayEvent, record
from gateway.database import Database
from gateway.errors import NotFound
from gateway.principal import Principal, Role
from gateway.settings import Settings

from .passwords import check_password
from .places import Origin, Place, device_of, guesses, guesses_key, place_of
from .tables import Account, ApiToken, Session

TOKEN_PREFIX: Final = "clt_"  # noqa: S105 - lets secret scanners find leaked tokens
_FAILURES_UNTIL_LOCK: Final = 100
_LOCK: Final = timedelta(minutes=1)
_LONGEST_LOCK: Final = timedelta(hours=1)
_LOCK_FORGOTTEN: Final = timedelta(days=1)


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


@dataclass(frozen=True)
class SignedIn:
    """A session that has been opened; `device` is for the browser to keep, to be known again by."""

    secret: str = field(repr=False)
    principal: Principal
    device: str = field(repr=False)


async def sign_in(
    database: Database, login: str, password: str, settings: AccountSettings, origin: Origin | None = None
) -> SignedIn | None:
    """Check a password and open a session, or None.

    None does not tell an unknown login, a wrong password, a disabled account and a closed place apart, and
    each takes as long. Guesses close the place that they come from. Only when places that have never signed
    in to this account guess a hundred times between them are all such places refused, for at most an hour at
    a time; a browser that has signed in to it before is not. No connection is held while the password is
    hashed. Raises `TooManyRequests` when too many are under way.
    """
    login, origin = normal_login(login), origin or Origin()
    async with database.transaction() as session:
        account = (await session.exec(select(Account).where(Account.login == login))).first()
    stored = account.password_hash if account else None
    place = place_of(origin, account.id if account else None, stored)
    agrees = await check_password(stored, password, place)
    key = guesses_key(login, place, stored)
    closed = guesses().is_closed(key)
    if not agrees and not closed:
        guesses().add(key)
    async with database.transaction() as session:
        if account is None:
            record(session, GatewayEvent.SIGN_IN_FAILED, "unknown")
            return None
        locked = select(Account).where(Account.id == account.id).with_for_update()
        now = (await session.exec(locked.execution_options(populate_existing=True))).first()
        if now is None or stored is None or now.password_hash != stored or closed:
            record(session, GatewayEvent.SIGN_IN_FAILED, str(account.id))
            return None
        if not _may_enter(session, now, agrees, place):
            return None
        guesses().forget(key)
        return _opened(session, now, settings, device_of(origin, place, now.id, stored))


def _may_enter(session: AsyncSession, account: Account, agrees: bool, place: Place) -> bool:
    """Count a failure of a place that was never seen; none while such places wait, so that it has an end."""
    moment = datetime.now(UTC)
    until = account.locked_until
    held = not place.seen and until is not None and until > moment
    if agrees and not held and not account.disabled:
        account.failures, account.locked_until = 0, None
        session.add(account)
        return True
    if not held and not place.seen:
        old = until is not None and until < moment - _LOCK_FORGOTTEN
        account.failures = 1 if old else account.failures + 1
        over = account.failures - _FAILURES_UNTIL_LOCK
        account.locked_until = moment + min(_LOCK * 2 ** min(over, 10), _LONGEST_LOCK) if over >= 0 else None
        session.add(account)
    record(session, GatewayEvent.SIGN_IN_FAILED, str(account.id))
    return False


def _opened(session: AsyncSession, account: Account, settings: AccountSettings, device: str) -> SignedIn:
    secret = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + timedelta(hours=settings.session_hours)
    session.add(Session(secret_hash=_hash(secret), account_id=account.id, expires_at=expires))
    principal = _principal(account)
    record(session, GatewayEvent.SIGNED_IN, principal)
    return SignedIn(secret, principal, device)


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

    The secret cannot be read again. The label is its owner's own text, so the audit log does not hold it.
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
        .returning(col(ApiToken.id))
    )
    if (await session.exec(ended)).scalar_one_or_none() is None:
        raise NotFound("You have no such API token.")
    record(session, GatewayEvent.TOKEN_REVOKED, owner, token=str(token_id))


async def principal_of_api_token(session: AsyncSession, secret: str) -> Principal | None:
    """Who an API token belongs to, None when it is unknown, expired or revoked."""
    found = await session.exec(
        select(Account)
        .join(ApiToken, col(ApiToken.account_id) == col(Account.id))
        .where(ApiToken.secret_hash == _hash(secret), ApiToken.expires_at > datetime.now(UTC))
        .where(col(ApiToken.revoked_at).is_(None), col(Account.disabled).is_(False))
        .options(_who())
    )
    account = found.first()
    return _principal(account) if account else None


async def principal_of_account(session: AsyncSession, *, login: str = "", account_id: str = "") -> Principal:
    """The principal of an account as it stands now. Raises `NotFound` (disabled ones too)."""
    wanted = Account.login == normal_login(login) if login else Account.id == uuid.UUID(account_id)
    found = select(Account).where(wanted, col(Account.disabled).is_(False)).options(_who())
    account = (await session.exec(found)).first()
    if account is None:
        raise NotFound(f"There is no account {login or account_id} here.")
    return _principal(account)


def _who() -> Any:
    """The columns that the door and the workers may read: no hash of a password."""
    columns = [Account.id, Account.login, Account.name, Account.roles, Account.disabled]
    return load_only(*cast("list[QueryableAttribute[Any]]", columns), raiseload=True)


def _principal(account: Account) -> Principal:
    return Principal(str(account.id), account.login, frozenset(map(Role, account.roles)), account.name)


def normal_login(login: str) -> str:
    """A login as it is stored and looked for."""
    return login.strip().casefold()


def device_cookie(login: str) -> str:
    """The name of the cookie that a browser keeps `SignedIn.device` in: one for each account."""
    return f"cloister_device_{sha256(normal_login(login).encode()).hexdigest()[:16]}"


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
