"""Which accounts are one person: whoever has a second account is still the one who asked.

Known of a person are the mail address (a login that is one, whatever `+label` it carries), read from the
accounts as they are now, the subject that an identity provider gives, and what the machine's owner says. Who
is one person with somebody is so with everybody that somebody is one person with. What nobody told the
appliance it cannot see: two accounts without anything in common are two people here.
"""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Boolean, ColumnElement, String, column, exists, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import BadInput, record_of_account

from .events import ApprovalEvent
from .tables import HeldItem, PersonKey, Vote

_LONGEST_SUBJECT: Final = 255  # OpenID Connect Core, section 2


async def know_person(
    session: AsyncSession, account: str, *, subject: str, issuer: str, operator: str
) -> bool:
    """Remember the subject by which an identity provider knows whoever is behind an account.

    It holds at once, also for what waits already. False when it was known. `operator` is the machine's user
    who says so. Raises `BadInput` for what can be no subject or issuer.
    """
    key = _subject_key(subject, issuer)
    if not await _know(session, account, key):
        return False
    others = await _others_of(session, key, account)
    record_of_account(session, ApprovalEvent.SUBJECT_KNOWN, account, operator, others=others)
    return True


async def forget_subject(
    session: AsyncSession, account: str, *, subject: str, issuer: str, operator: str
) -> bool:
    """Take back that an identity provider knows an account by this subject. False when it was not known.

    Raises what `know_person` raises.
    """
    key = _subject_key(subject, issuer)
    if not await _forget(session, account, key):
        return False
    others = await _others_of(session, key, account)
    record_of_account(session, ApprovalEvent.SUBJECT_FORGOTTEN, account, operator, others=others)
    return True


async def join_accounts(session: AsyncSession, one: str, other: str, *, operator: str) -> bool:
    """Remember that two accounts are one person's, because the machine's owner says so; it holds at once.

    False when this was said before. Raises `BadInput` for one account and itself.
    """
    key = _pair_key(one, other)
    fresh = [await _know(session, account, key) for account in sorted((one, other))]
    if not any(fresh):
        return False
    record_of_account(session, ApprovalEvent.ACCOUNTS_JOINED, one, operator, other=other)
    return True


async def part_accounts(session: AsyncSession, one: str, other: str, *, operator: str) -> bool:
    """Take back what `join_accounts` was told. False when it was not told.

    They are one person all the same by what else they have in common.
    Raises `BadInput` for one account and itself.
    """
    key = _pair_key(one, other)
    gone = [await _forget(session, account, key) for account in sorted((one, other))]
    if not any(gone):
        return False
    record_of_account(session, ApprovalEvent.ACCOUNTS_PARTED, one, operator, other=other)
    return True


async def is_same_person(session: AsyncSession, one: str, other: str) -> bool:
    """Whether two accounts are one, or belong to one person."""
    if one == other:
        return True
    return bool((await session.exec(select(shares_person(one, other)))).one())


async def accounts_of_person(session: AsyncSession, account: str) -> frozenset[str]:
    """Every account of the person behind one, that one too."""
    every: Any = select(func.approvals.accounts_of_person(account, type_=String()))
    return frozenset(await session.exec(every))


async def persons(session: AsyncSession) -> Mapping[str, frozenset[str]]:
    """Of every account that is not its person's only one: all accounts of that person."""
    known = func.approvals.known_of_accounts().table_valued(column("account", String), column("key", String))
    having: dict[str, set[str]] = defaultdict(set)
    for account, key in await session.exec(select(known.c.account, known.c.key)):
        having[key].add(account)
    found: dict[str, frozenset[str]] = {}
    for accounts in having.values():
        person = frozenset(accounts).union(*(found.get(account, ()) for account in accounts))
        found |= dict.fromkeys(person, person)
    return {account: person for account, person in found.items() if len(person) > 1}


def shares_person(one: Any, other: Any) -> ColumnElement[bool]:
    """In SQL, of two accounts or columns of them: whether they are one person's."""
    shared: ColumnElement[bool] = func.approvals.same_person(one, other, type_=Boolean())
    return shared


def voted_on(item: HeldItem | type[HeldItem], account: Any) -> ColumnElement[bool]:
    """In SQL, of an account or a column of them: whether its person has voted on an item in this round."""
    return exists().where(
        col(Vote.item) == item.id,
        col(Vote.round) == item.round,
        col(Vote.undone_at).is_(None),
        or_(col(Vote.reviewer) == account, shares_person(Vote.reviewer, account)),
    )


async def _know(session: AsyncSession, account: str, key: str) -> bool:
    """Whether this is new."""
    known = insert(PersonKey).values(account=account, key=key)
    anew = known.on_conflict_do_update(
        index_elements=["account", "key"],
        set_={"undone_at": None},
        where=col(PersonKey.undone_at).is_not(None),
    )
    return (await session.exec(anew.returning(col(PersonKey.account)))).one_or_none() is not None


async def _forget(session: AsyncSession, account: str, key: str) -> bool:
    """Whether this was known until now."""
    standing = (
        col(PersonKey.account) == account,
        col(PersonKey.key) == key,
        col(PersonKey.undone_at).is_(None),
    )
    gone = update(PersonKey).where(*standing).values(undone_at=func.now()).returning(col(PersonKey.account))
    return (await session.exec(gone)).one_or_none() is not None


async def _others_of(session: AsyncSession, key: str, account: str) -> list[str]:
    """Other accounts of which the same is known. They, and not the key, are what the record has: a subject
    that is a staff number or a mail address can be guessed from its hash."""
    found = select(PersonKey.account).where(
        PersonKey.key == key, PersonKey.account != account, col(PersonKey.undone_at).is_(None)
    )
    return sorted(await session.exec(found))


def _pair_key(one: str, other: str) -> str:
    if one == other:
        raise BadInput("An account is one person with itself: name two.")
    return f"pair:{':'.join(sorted((one, other)))}"


def _subject_key(subject: str, issuer: str) -> str:
    """What is kept of a subject: its hash, the same however the issuer's address was typed."""
    subject = subject.strip()
    if not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise BadInput(f"A subject has 1 to {_LONGEST_SUBJECT} printable characters.")
    named = "\0".join((_issuer(issuer), subject))
    return f"subject:{sha256(named.encode()).hexdigest()}"


def _issuer(address: str) -> str:
    """An identity provider's address, with a small host and without a slash at its end."""
    try:
        parts = urlsplit(address.strip())
        whole = parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
        if parts.scheme in {"http", "https"} and whole and " " not in parts.netloc:
            return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    except ValueError:  # no port, or no address in brackets
        pass
    raise BadInput("An issuer is the address of an identity provider, such as https://login.example.com.")
