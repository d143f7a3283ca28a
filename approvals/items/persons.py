"""Which accounts are one person: whoever has a second account is still the one who asked.

Known of a person are the mail address (a login that is one, whatever `+label` it carries) and the subject
that the identity provider gives. What nobody told the appliance it cannot see: two accounts without a common
address or subject are two people here.
"""

import uuid
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import Account, Principal

from .tables import PersonKey


async def know_person(
    session: AsyncSession,
    account: str,
    *,
    login: str = "",
    mail: str | None = None,
    subject: str | None = None,
    issuer: str = "",
) -> None:
    """Remember who is behind an account; what was known stays known."""
    keys = {_key("mail", _bare_mail(one)) for one in (login, mail or "") if "@" in one}
    if subject:
        keys.add(_key("subject", f"{issuer}\0{subject}"))
    if not keys:
        return
    rows = [{"account": account, "key": key} for key in sorted(keys)]
    await session.exec(insert(PersonKey).values(rows).on_conflict_do_nothing())


async def remember(session: AsyncSession, principal: Principal) -> None:
    """Remember what the principal itself says of its person."""
    await know_person(session, principal.id, login=principal.login)


async def learn(session: AsyncSession, *accounts: str) -> None:
    """Remember the logins of these accounts as they are now, whoever of them has been here before."""
    ids = [uuid.UUID(one) for one in accounts]
    found = await session.exec(select(Account.id, Account.login).where(col(Account.id).in_(ids)))
    for account, login in found.all():
        await know_person(session, str(account), login=login)


async def is_same_person(session: AsyncSession, one: str, other: str) -> bool:
    """Whether two accounts are one, or belong to one person."""
    if one == other:
        return True
    await learn(session, one, other)
    return bool((await session.exec(select(shares_person(one, other)))).one())


async def accounts_of_person(session: AsyncSession, account: str) -> frozenset[str]:
    """Every account of the person behind one, that one too."""
    own = select(PersonKey.key).where(PersonKey.account == account)
    found = await session.exec(select(PersonKey.account).where(col(PersonKey.key).in_(own)))
    return frozenset(found) | {account}


def shares_person(one: Any, other: Any) -> ColumnElement[bool]:
    """In SQL, of two accounts or columns of them: whether they have an address or a subject in common."""
    left, right = aliased(PersonKey), aliased(PersonKey)
    return exists().where(
        col(left.account) == one, col(right.account) == other, col(left.key) == col(right.key)
    )


def _bare_mail(mail: str) -> str:
    name, _, host = mail.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{host}"


def _key(kind: str, value: str) -> str:
    return f"{kind}:{sha256(value.encode()).hexdigest()}"
