"""What was held before the queue had rounds, fences and votes by round goes on in the queue of today."""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, make_url

from approvals import (
    ApprovalEvent,
    Effect,
    HeldItem,
    ItemState,
    NoEffect,
    SamePerson,
    Tier,
    approve,
    claim,
    reject,
    sweep,
    take_effect,
    undo,
)
from approvals import RejectionReason as Reason
from assistant.migrations import PROCESS_ROLES, bootstrap, upgrade
from assistant.migrations.bootstrap import OWNER
from assistant.migrations.upgrade import _config
from gateway import Database, Role, register_events
from tests.migrated import PASSWORD, superuser_gives_schema_rights

from .queues import (
    OFFICER,
    POLICY,
    SECOND,
    answer,
    employ,
    have_read,
    let_pass,
    open_item,
    opened,
    person,
    risky,
    run_sql,
    settings_of,
)

BEFORE = "0006"
ASKED = person("nora@example.org", Role.REP)
HER_OTHER = person("nora+review@example.org", Role.OFFICER)
_ITEM = """
    INSERT INTO approvals.held_item (id, run, conversation, requester, payload, payload_hash, current_hash,
        policy_version, hits, marks, tier, state, deadline, claimed_by, claimed_until, decided_by, decided_at,
        reason, note, effective_after, effect_at)
    VALUES (%(id)s, gen_random_uuid(), gen_random_uuid(), %(requester)s, %(payload)s, %(hash)s, %(hash)s,
        '2026-10-1 (our own)', %(hits)s, '[]', %(tier)s, %(state)s, now() + %(due)s * interval '1 minute',
        %(claimed_by)s, CASE WHEN %(claimed_by)s IS NULL THEN NULL ELSE now() + interval '1 minute' END,
        %(decided_by)s, CASE WHEN %(state)s = 'pending' THEN NULL ELSE now() END, %(reason)s, NULL,
        CASE WHEN %(state)s = 'pending' THEN NULL ELSE now() + %(wait)s * interval '1 second' END,
        CASE WHEN %(done)s THEN now() ELSE NULL END)
"""
_VOTE = """
    INSERT INTO approvals.vote (id, item, reviewer, verdict, payload_hash)
    VALUES (gen_random_uuid(), %s, %s, %s, %s)
"""


class Old:
    """A database of the version before, with what was held in it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.items: dict[str, uuid.UUID] = {}

    def hold(self, name: str, *, votes: tuple[str, ...] = (), **columns: Any) -> None:
        """An item as that version stored it."""
        payload = answer().as_json()
        for fact in payload["facts"]:
            fact.pop("entity")
        values = {
            "id": uuid.uuid4(),
            "requester": ASKED.id,
            "payload": json.dumps(payload),
            "hash": answer().digest(),
            "hits": json.dumps([_old_hit(hit.as_json()) for hit in risky().hits]),
            "tier": "normal",
            "state": "pending",
            "due": 60,
            "wait": 60,
            "done": False,
            **dict.fromkeys(("claimed_by", "decided_by", "reason")),
            **columns,
        }
        self.items[name] = values["id"]
        verdict = "reject" if values["state"] == "rejected" else "approve"
        with psycopg.connect(self._dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(_ITEM, values)
            for reviewer in votes:
                connection.execute(_VOTE, (values["id"], reviewer, verdict, values["hash"]))


def _old_hit(hit: dict[str, Any]) -> dict[str, Any]:
    return {name: hit[name] for name in ("rule", "tier", "sentence", "start", "end", "place")}


@pytest.fixture(scope="module")
def old(new_database: Callable[[], str]) -> tuple[str, Old]:
    register_events(ApprovalEvent)
    dsn = new_database()
    url = make_url(dsn)
    bootstrap(dsn, str(url.database), dict.fromkeys((OWNER, *PROCESS_ROLES), PASSWORD))
    superuser_gives_schema_rights(dsn)
    owner = url.set(username=OWNER, password=PASSWORD)
    engine = create_engine(owner.set(drivername="postgresql+psycopg"))
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    engine.dispose()
    held = Old(dsn)
    held.hold("waits")
    held.hold("claimed", claimed_by=OFFICER.id)
    held.hold("half", tier="top", votes=(OFFICER.id,))
    held.hold("approved", state="approved", decided_by=OFFICER.id, votes=(OFFICER.id,))
    held.hold("undoable", state="approved", decided_by=OFFICER.id, votes=(OFFICER.id,))
    held.hold("top", state="approved", tier="top", decided_by=SECOND.id, votes=(OFFICER.id, SECOND.id))
    held.hold("released", state="approved", decided_by=OFFICER.id, votes=(OFFICER.id,), wait=0, done=True)
    held.hold("rejected", state="rejected", decided_by=OFFICER.id, votes=(OFFICER.id,), reason="tone")
    held.hold("sent back", state="sent_back", decided_by=OFFICER.id, wait=0, done=True)
    held.hold("overdue", due=-1, claimed_by=OFFICER.id)
    held.hold("ended with a claim", state="cancelled", wait=0, done=True, claimed_by=OFFICER.id)
    upgrade(owner.render_as_string(hide_password=False))
    return dsn, held


@pytest.fixture
async def database(old: tuple[str, Old], tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(settings_of(old[0], tmp_path)) as database:
        async with database.transaction() as session:
            await employ(session)
        yield database


async def test_what_waited_waits_and_is_decided_by_the_rules_of_today(
    old: tuple[str, Old], database: Database
) -> None:
    items = old[1].items
    async with database.transaction() as session:
        waits = await open_item(session, OFFICER, items["waits"])
        assert (waits.queue, waits.round, waits.needed, waits.kind, waits.fence) == (
            "general",
            1,
            1,
            "answer",
            0,
        )
        with pytest.raises(SamePerson):
            await approve(session, POLICY, HER_OTHER, waits.id, waits.current_hash)
        await have_read(session, waits)
        await approve(session, POLICY, OFFICER, waits.id, waits.current_hash)
        claimed = await claim(session, POLICY, OFFICER, items["claimed"])
        assert claimed.fence == 1
        half = await session.get_one(HeldItem, items["half"])
        assert (half.tier, half.needed) == (Tier.TOP, 2)
        await have_read(session, half)
        await approve(session, POLICY, OFFICER, half.id, half.current_hash)
        assert half.state is ItemState.PENDING, "the vote of before is this officer's own"
        decided = await approve(session, POLICY, SECOND, half.id, half.current_hash)
        assert decided.state is ItemState.APPROVED


async def test_what_was_decided_can_be_undone_or_takes_effect_once(
    old: tuple[str, Old], database: Database
) -> None:
    items = old[1].items
    async with database.transaction() as session:
        undone = await undo(session, OFFICER, items["undoable"])
        assert undone.state is ItemState.PENDING
        again = await reject(session, POLICY, SECOND, undone.id, undone.current_hash, reason=Reason.TONE)
        assert again.state is ItemState.REJECTED
        await let_pass(session, 61)
        for name in ("approved", "top", "rejected"):
            effect = await take_effect(session, items[name], answer().digest())
            assert isinstance(effect, Effect)
            assert effect.released is (name != "rejected")
            assert await take_effect(session, items[name], answer().digest()) is NoEffect.DONE_BEFORE
        for name in ("released", "sent back", "ended with a claim"):
            assert await take_effect(session, items[name], answer().digest()) is NoEffect.DONE_BEFORE


async def test_what_was_overdue_expires(old: tuple[str, Old], database: Database) -> None:
    items = old[1].items
    async with database.transaction() as session:
        await sweep(session)
        overdue = await session.get_one(HeldItem, items["overdue"], populate_existing=True)
        assert (overdue.state, overdue.claimed_by) == (ItemState.EXPIRED, None)
        left = await run_sql(
            session,
            "SELECT count(*) FROM approvals.held_item WHERE claimed_by IS NOT NULL AND state <> 'pending'",
        )
        assert left.scalar_one() == 0
