"""Sign-ins of a demo appliance: the demo company's people, or the users of an imported CRM."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, select

from gateway import Account, Database, Role, create_account, hash_password
from retrieval import demo_staff

_OTHERS_DOMAIN: Final = "appliance.example"


@dataclass(frozen=True)
class SignIn:
    """Somebody who may sign in; `note` says in a few words what they can show."""

    login: str
    name: str
    roles: tuple[Role, ...]
    note: str = ""


def demo_sign_ins() -> list[SignIn]:
    """The demo company's active people; their CRM role is their role here."""
    return [
        SignIn(person.login, person.full_name, (Role(person.role),), _NOTES.get(person.role, ""))
        for person in demo_staff()
    ]


def imported_sign_ins(logins: Sequence[str]) -> list[SignIn]:
    """Reps for the first users of an imported CRM, two officers, and one person for each other role."""
    reps = [SignIn(login, login.partition("@")[0], (Role.REP,), _NOTES["rep"]) for login in logins]
    others = [
        SignIn(f"{role}@{_OTHERS_DOMAIN}", role.capitalize(), (role,), _NOTES[role])
        for role in (Role.OFFICER, Role.AUDITOR, Role.ADMIN)
    ]
    second = SignIn(
        f"{Role.OFFICER}-2@{_OTHERS_DOMAIN}", "Second officer", (Role.OFFICER,), _NOTES[Role.OFFICER]
    )
    return [*reps, others[0], second, *others[1:]]


async def ensure_sign_ins(database: Database, sign_ins: Sequence[SignIn], password: str) -> int:
    """Create the accounts that are missing, and give the password to those that have none; gives how many."""
    wanted = {one.login: one for one in sign_ins}
    async with database.transaction() as session:
        found = await session.exec(select(Account).where(col(Account.login).in_(wanted)))
        known = {account.login: account for account in found.all()}
        without = [account for account in known.values() if account.password_hash is None]
        for login, one in wanted.items():
            if login not in known:
                made = await create_account(
                    session, login=login, name=one.name, roles=one.roles, password=None
                )
                without.append(made)
        # one hash for all: hashing is slow on purpose, and the password is the same
        hashed = await asyncio.to_thread(hash_password, password) if without else None
        for account in without:
            account.password_hash = hashed
            session.add(account)
        return len(without)


def offered(sign_ins: Sequence[SignIn]) -> list[SignIn]:
    """Whom the terminal and the sign-in page show: two reps, two officers, since what is riskiest needs both,
    and one person of each other role."""
    shown: list[SignIn] = []
    for role in _NOTES:
        people = [one for one in sign_ins if role in one.roles]
        shown += people[: 2 if role in (Role.REP, Role.OFFICER) else 1]
    return list(dict.fromkeys(shown))


def one_of(sign_ins: Sequence[SignIn], role: Role) -> str | None:
    """The login of the first person with a role."""
    return next((one.login for one in sign_ins if role in one.roles), None)


def run_now(work: object) -> None:
    """Run a coroutine from a step's thread."""
    asyncio.run(work)  # type: ignore[arg-type]


_NOTES: Final = {
    "rep": "asks about their own customers",
    "lead": "sees the whole territory",
    "officer": "decides in the review queue",
    "auditor": "reads and verifies the record",
    "admin": "runs the machine, sees no content",
}
