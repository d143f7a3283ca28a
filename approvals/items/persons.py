"""Which accounts are one person: whoever has a second account is still the one who asked.

Known of a person are the mail address (a login that is one, whatever `+label` it carries), read from the
accounts as they are now, and the subject that an identity provider gives. What nobody told the appliance it
cannot see: two accounts without a common address or subject are two people here.
"""

from hashlib import sha256
from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, cast, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import Account

from .tables import PersonKey


async def know_person(session: AsyncSession, account: str, *, subject: str, issuer: str) -> None:
    """Remember the subject by which an identity provider knows whoever is behind an account.

    For a way to sign in through one; what was known stays known.
    """
    key = sha256(f"{issuer}\0{subject}".encode()).hexdigest()
    known = insert(PersonKey).values(account=account, key=f"subject:{key}")
    await session.exec(known.on_conflict_do_nothing())


async def is_same_person(session: AsyncSession, one: str, other: str) -> bool:
    """Whether two accounts are one, or belong to one person."""
    if one == other:
        return True
    return bool((await session.exec(select(shares_person(one, other)))).one())


async def accounts_of_person(session: AsyncSession, account: str) -> frozenset[str]:
    """Every account of the person behind one, that one too."""
    every = cast(col(Account.id), String)
    return frozenset(await session.exec(select(every).where(shares_person(every, account)))) | {account}


def shares_person(one: Any, other: Any) -> ColumnElement[bool]:
    """In SQL, of two accounts or columns of them: whether they have an address or a subject in common."""
    shared: ColumnElement[bool] = func.approvals.same_person(one, other, type_=Boolean())
    return shared
