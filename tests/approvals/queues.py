"""Parts that the queue's tests share: people, answers, and a database with the queue's tables."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import CursorResult, text
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    HeldItem,
    HeldSentence,
    HeldSource,
    MemberPlan,
    NamedQueue,
    Payload,
    Policy,
    QueuePlans,
    RuleHit,
    Tier,
    Weighing,
    hold,
    item_to_open,
    know_person,
    load_policy,
    note_opened,
)
from gateway import Database, DatabaseSettings, Principal, Role
from tests.migrated import migrated

POLICY: Policy = load_policy()
LONG = "This sentence is here to make the text long. " * 20


PEOPLE: dict[str, Principal] = {}
"""Everybody whom a module of tests knows: they have accounts when its tests begin."""


def person(name: str, *roles: Role) -> Principal:
    """Somebody, always the same for the same name."""
    known = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    somebody = Principal(known, name, frozenset(roles), name.partition("@")[0].title())
    PEOPLE[known] = somebody
    return somebody


async def employ(session: AsyncSession) -> None:
    """Give everybody an account with their roles."""
    for one in PEOPLE.values():
        await run_sql(
            session,
            "INSERT INTO gateway.account (id, login, name, roles, disabled, failures) "
            "VALUES (:id, :login, :name, :roles, false, 0) "
            "ON CONFLICT (id) DO UPDATE SET login = :login, roles = :roles, disabled = false",
            id=uuid.UUID(one.id),
            login=one.login,
            name=one.name,
            roles=sorted(one.roles),
        )


IDP = "https://idp.example"


async def known_by(session: AsyncSession, *people: Principal, subject: str = "o", issuer: str = IDP) -> None:
    """An identity provider knows all these accounts by one subject."""
    for one in people:
        await know_person(session, one.id, subject=subject, issuer=issuer, operator="root")


REP = person("alice", Role.REP)
OFFICER = person("olga", Role.OFFICER)
SECOND = person("otto", Role.OFFICER)
LEAD = person("leo", Role.LEAD)
ADMIN = person("ada", Role.ADMIN)


def answer(text: str = "We will refund 450 EUR to <PERSON_1>. [1]", *, shown: int = 0) -> Payload:
    """A draft of one sentence with one source."""
    return Payload(
        question="What may I offer <PERSON_1>?",
        sentences=(HeldSentence(text, (1,)),),
        shown_count=shown,
        sources=(HeldSource(1, "case:1#0", "case:1", "Case of <PERSON_1>", "The order was late."),),
    )


def risky(tier: Tier = Tier.NORMAL) -> Weighing:
    """One hit, at the amount."""
    return Weighing((RuleHit("refund_or_credit_above_limit", tier, "Above the limit.", 15, 22, 0),))


async def held(
    session: AsyncSession,
    *,
    requester: Principal = REP,
    tier: Tier = Tier.NORMAL,
    payload: Payload | None = None,
    read: bool = True,
) -> HeldItem:
    """An item that waits, which every officer whom the tests know has opened; none with `read=False`."""
    item = await hold(
        session,
        POLICY,
        run=uuid.uuid4(),
        conversation=uuid.uuid4(),
        requester=requester,
        payload=payload or answer(),
        weighing=risky(tier),
    )
    if read:
        await have_read(session, item)
    return item


async def have_read(session: AsyncSession, item: HeldItem) -> None:
    """Every officer has the item's text as it stands before them, from now on."""
    await run_sql(
        session,
        "INSERT INTO approvals.opening (item, reviewer, payload_hash) "
        "SELECT :item, unnest(CAST(:who AS text[])), :hash "
        "ON CONFLICT (item, reviewer) DO UPDATE SET payload_hash = :hash, opened_at = now()",
        item=item.id,
        hash=item.current_hash,
        who=[one.id for one in PEOPLE.values() if one.has(Role.OFFICER)],
    )


async def open_item(session: AsyncSession, viewer: Principal, item_id: uuid.UUID) -> HeldItem:
    """The item as the review shows it to an officer, remembered and recorded as the review does."""
    item = await item_to_open(session, viewer, item_id)
    await note_opened(session, viewer, item)
    return item


async def let_pass(session: AsyncSession, seconds: float) -> None:
    """Let time pass for every item: its clocks are moved back."""
    for table, columns in _CLOCKS.items():
        moved = ", ".join(f"{column} = {column} - make_interval(secs => :seconds)" for column in columns)
        await run_sql(session, f"UPDATE approvals.{table} SET {moved}", seconds=seconds)


async def run_sql(session: AsyncSession, statement: str, **values: object) -> CursorResult[Any]:
    """A statement of the test's own, in the session's transaction."""
    await session.flush()
    return await (await session.connection()).execute(text(statement), values)


async def in_a_transaction(database: Database, statement: str, **values: object) -> None:
    """A statement in a transaction of its own."""
    async with database.transaction() as session:
        await run_sql(session, statement, **values)


_CLOCKS = {
    "held_item": (
        *("created_at", "deadline", "remind_at", "escalate_at"),
        *("claimed_until", "decided_at", "effective_after"),
    ),
    "opening": ("opened_at",),
    "presence": ("seen_at",),
    "absence": ("starts", "ends"),
    "notice": ("next_try",),
}


async def untriggered(session: AsyncSession, statement: str, **values: object) -> None:
    """A statement of somebody who owns the database: no trigger of ours stands in the way."""
    await run_sql(session, "SET LOCAL session_replication_role = replica")
    await run_sql(session, statement, **values)
    await run_sql(session, "SET LOCAL session_replication_role = origin")


def create_tables(dsn: str) -> None:
    """The tables, constraints and triggers as the migrations make them."""
    migrated(lambda: dsn, Path())


def settings_of(dsn: str, folder: Path, *, pool_size: int = 10) -> DatabaseSettings:
    """The settings with which a process reaches this database."""
    parts = conninfo_to_dict(dsn)
    password = folder / "database-password"
    password.write_text(str(parts["password"]), "utf-8")
    return DatabaseSettings(
        host=str(parts["host"]),
        port=int(str(parts["port"])),
        name=str(parts["dbname"]),
        user=str(parts["user"]),
        password_file=password,
        pool_size=pool_size,
    )


@asynccontextmanager
async def opened(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A database for a while."""
    database = Database(settings)
    try:
        yield database
    finally:
        await database.close()


def queue_of(*members: Principal) -> QueuePlans:
    """What is held for money waits for these officers, anything else for all."""
    ours = NamedQueue(
        name="legal",
        title="Legal",
        rules=("refund_or_credit_above_limit",),
        members=tuple(MemberPlan(login=one.login) for one in members),
    )
    general = NamedQueue(name="general", title="General", members="everyone")
    return QueuePlans(version="1", queues=(ours, general))
