"""Content goes when its time is over, what is under a hold stays, and the record holds all the while."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from assistant.migrations import PROCESS_ROLES
from gateway import (
    RECORD_ORIGIN,
    BadInput,
    Database,
    GatewayEvent,
    HoldScope,
    NotFound,
    PartUnavailable,
    Principal,
    RecordClass,
    Retention,
    RetentionSettings,
    Role,
    begin_correlation,
    class_of,
    export_record,
    held_now,
    lift_hold,
    list_holds,
    place_hold,
    prove_event,
    record,
    record_key,
)
from gateway.audit.standalone.verify_record import check_export, read_anchor
from gateway.audit.stillness import keep_still
from tests.migrated import Migrated

from .test_audit import ALICE, Site

AUDE = Principal(str(uuid.uuid4()), "aude@example.org", frozenset({Role.AUDITOR}))


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


@pytest.fixture
async def web(site: Site) -> AsyncIterator[Database]:
    web = site.made.database("cloister_web")
    yield web
    await web.close()


async def happened(site: Site, event: StrEnum, days_ago: int, subject: str = "account:1") -> str:
    """Record something that happened some days ago; gives the event's id."""
    async with site.database.transaction() as session:
        record(session, event, ALICE, subject=subject, run="run-1", hidden=7)
        await session.flush()
        statement = text(
            "SELECT id FROM gateway.audit_event WHERE erased_at IS NULL ORDER BY at DESC, id LIMIT 1"
        )
        found = (await (await session.connection()).execute(statement)).scalar_one()
    site.run(
        "ALTER TABLE gateway.audit_event DISABLE TRIGGER ALL",
        f"UPDATE gateway.audit_event SET at = at - interval '{days_ago} days' WHERE id = '{found}'",
        "ALTER TABLE gateway.audit_event ENABLE ALWAYS TRIGGER only_added_to",
        "ALTER TABLE gateway.audit_event ENABLE ALWAYS TRIGGER only_made_void",
    )
    return str(found)


async def kept(site: Site) -> dict[str, bool]:
    """Whether each event still has its content."""
    async with site.database.transaction() as session:
        query = text("SELECT *, detail::text AS plain FROM gateway.audit_event")
        rows = await (await session.connection()).execute(query)
        found = {}
        for row in rows:
            content = (row.actor, row.run, row.subject, row.plain, row.salt)
            found[str(row.id)] = row.erased_at is None
            assert (content == ("", None, None, "{}", None)) is (row.erased_at is not None)
        return found


def retention(site: Site, **days: int) -> Retention:
    return Retention(site.database, RetentionSettings(**days))


async def test_what_is_older_than_its_class_allows_loses_its_content(site: Site) -> None:
    old = await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    young = await happened(site, GatewayEvent.TEXT_REDACTED, 20)
    access = await happened(site, GatewayEvent.SIGNED_IN, 40)
    await site.seal()
    assert await retention(site, answers_days=30).erase_due() == 1
    found = await kept(site)
    assert (found.pop(old), found.pop(young), found.pop(access)) == (False, True, True)
    assert await retention(site, answers_days=30).erase_due() == 0
    await site.seal()
    checked = await site.verify()
    assert (checked.faults, checked.erased, checked.sealed) == ([], 1, 4)
    export = await site.export()
    _, faults = check_export(export, site.key, [read_anchor(site.folder / "checkpoints.jsonl")])
    assert faults == []
    assert "account:1" not in next(line for line in export.read_text().splitlines() if old in line)
    async with site.database.transaction() as session:
        with pytest.raises(NotFound, match="erased"):
            await prove_event(session, old)


async def test_nothing_is_erased_without_a_number_of_days(site: Site) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 4_000)
    await site.seal()
    assert await retention(site).erase_due() == 0


async def test_an_event_is_not_erased_before_it_is_sealed_under_a_checkpoint(site: Site) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    assert await retention(site, answers_days=30).erase_due() == 0
    await site.seal()
    assert await retention(site, answers_days=30).erase_due() == 1


@pytest.mark.parametrize(
    ("scope", "value"),
    [("actor", ALICE.id), ("subject", "account:1"), ("run", "run-1"), ("all", "")],
    ids=["actor", "subject", "run", "all"],
)
async def test_a_legal_hold_keeps_what_it_is_about_until_it_is_lifted(
    site: Site, web: Database, scope: str, value: str
) -> None:
    held = await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    async with web.transaction() as session:
        hold = await place_hold(session, AUDE, HoldScope(scope), value, "case 17")
    assert await retention(site, answers_days=30).erase_due() == 0
    async with web.transaction() as session:
        await lift_hold(session, AUDE, hold.id)
    assert await retention(site, answers_days=30).erase_due() == 1
    assert (await kept(site))[held] is False
    async with web.transaction() as session:
        assert [(one.scope, one.reason, one.lifted_by) for one in await list_holds(session)] == [
            (scope, "case 17", AUDE.id)
        ]
        with pytest.raises(NotFound):
            await lift_hold(session, AUDE, hold.id)


async def test_a_hold_on_somebody_else_keeps_nothing_of_this_one(site: Site, web: Database) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    async with web.transaction() as session:
        await place_hold(session, AUDE, HoldScope.SUBJECT, "account:2", "case 18", ahead=True)
    assert await retention(site, answers_days=30).erase_due() == 1


async def test_a_hold_on_a_run_keeps_what_door_and_retrieval_recorded_for_it(
    site: Site, web: Database
) -> None:
    begin_correlation()
    await happened(site, GatewayEvent.MODEL_CALLED, 40)
    async with site.database.transaction() as session:
        record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=1)
    begin_correlation()
    async with site.database.transaction() as session:
        record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=2)
    site.tamper("UPDATE gateway.audit_event SET at = now() - interval '40 days'")
    await site.seal()
    async with web.transaction() as session:
        await place_hold(session, AUDE, HoldScope.RUN, "run-1", "case 19", ahead=True)
    assert await retention(site, answers_days=30).erase_due() == 1


@pytest.mark.parametrize(
    ("scope", "value", "reason"),
    [("all", "x", "why"), ("run", "", "why"), ("run", "r", " "), ("all", "", ""), ("run", "r", "a\nb")],
)
async def test_a_hold_says_what_it_is_about_and_why(
    web: Database, scope: str, value: str, reason: str
) -> None:
    async with web.transaction() as session:
        with pytest.raises(BadInput):
            await place_hold(session, AUDE, HoldScope(scope), value, reason)


async def test_a_hold_never_stands_over_what_is_being_erased(site: Site, web: Database) -> None:
    """It waits until that is gone, and then keeps nothing and says so."""
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()

    async def place() -> None:
        async with web.transaction() as session:
            await place_hold(session, AUDE, HoldScope.RUN, "run-1", "case 23")

    async with site.database.transaction() as erasing:
        query = text("SELECT gateway.erase_events('answers', '{text}', 30, 9)")
        assert (await (await erasing.connection()).execute(query)).scalar_one() == 1
        placing = asyncio.create_task(place())
        done, _ = await asyncio.wait({placing}, timeout=1)
        assert not done
    with pytest.raises(BadInput, match="keep nothing"):
        await placing


async def test_nothing_is_erased_while_a_hold_is_being_placed(site: Site, web: Database) -> None:
    held = await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    async with web.transaction() as session:
        await place_hold(session, AUDE, HoldScope.RUN, "run-1", "case 24")
        assert await retention(site, answers_days=30).erase_due() == 0
    assert await retention(site, answers_days=30).erase_due() == 0
    assert (await kept(site))[held]


@pytest.mark.parametrize("scope", ["actor", "subject", "conversation", "run"])
async def test_a_hold_that_would_keep_nothing_is_refused_unless_it_is_placed_ahead(
    site: Site, web: Database, scope: str
) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    async with web.transaction() as session:
        with pytest.raises(BadInput, match="keep nothing"):
            await place_hold(session, AUDE, HoldScope(scope), "alice@example.org", "case 22")
        hold = await place_hold(session, AUDE, HoldScope(scope), "nobody", "case 22", ahead=True)
        assert await held_now(session, hold) == 0
        everything = await place_hold(session, AUDE, HoldScope.ALL, "", "case 22")
        assert await held_now(session, everything) > 0


async def test_what_was_erased_behind_the_records_back_is_found(site: Site) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    site.run(
        "SET cloister.retention = 'on'",
        "UPDATE gateway.audit_event SET actor = '', roles = '{}', detail = '{}', correlation = '',"
        " conversation = NULL, run = NULL, subject = NULL, salt = NULL, origin = NULL, erased_at = now()",
    )
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["erased"]


async def test_only_the_worker_may_have_events_erased(site: Site, web: Database) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.run("SELECT gateway.erase_events('x', '{text}', 30, 1)", role="cloister_web")


@pytest.mark.parametrize("days", ["6", "0", "-400", "NULL"])
async def test_nothing_goes_in_its_first_seven_days_whoever_asks(site: Site, days: str) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 5)
    await site.seal()
    with pytest.raises(psycopg.Error, match="seven days at least"):
        site.run(f"SELECT gateway.erase_events('answers', '{{text}}', {days}, 9)", role="cloister_work")
    with pytest.raises(ValidationError):
        RetentionSettings(answers_days=6)
    site.run("SELECT gateway.erase_events('answers', '{text,audit}', 7, 9)", role="cloister_work")
    assert all((await kept(site)).values())


@pytest.mark.parametrize("role", PROCESS_ROLES)
async def test_no_process_says_of_itself_that_something_was_erased(site: Site, role: str) -> None:
    for event, is_refused in (("audit.erased", True), ("audit.read", False)):
        statement = (
            "INSERT INTO gateway.audit_event (id, event, actor, roles, detail, correlation)"
            f" VALUES (gen_random_uuid(), '{event}', 'x', '{{}}', '{{\"entries\": 400}}', '-')"
        )
        if is_refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by what erases them"):
                site.run(statement, role=role)
        else:
            site.run(statement, role=role)


async def test_what_is_said_to_be_erased_does_not_stand_for_other_entries(site: Site) -> None:
    """Whoever owns the server voids what is young, and lets an honest erasure speak for it."""
    old = [await happened(site, GatewayEvent.TEXT_REDACTED, 40) for _ in range(3)]
    young = await happened(site, GatewayEvent.TEXT_REDACTED, 1)
    await site.seal()
    assert await retention(site, answers_days=30).erase_due() == 3
    await site.seal()
    assert (await site.verify()).faults == []
    site.run(
        "SET cloister.retention = 'on'",
        "UPDATE gateway.audit_event SET actor = '', roles = '{}', detail = '{}', correlation = '',"
        " conversation = NULL, run = NULL, subject = NULL, salt = NULL, origin = NULL,"
        f" erased_at = (SELECT erased_at FROM gateway.audit_event WHERE id = '{old[0]}')"
        f" WHERE id = '{young}'",
    )
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["erased"]


async def test_an_erasure_that_is_not_sealed_yet_makes_no_fault_of_an_export(site: Site) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    assert await retention(site, answers_days=30).erase_due() == 1
    with pytest.raises(PartUnavailable, match="not sealed yet"):
        async with site.database.transaction() as session:
            await keep_still(session, patience_s=0)
    export, _ = await asyncio.gather(site.export(), site.seal())  # it waits for the sealer
    _, faults = check_export(export, site.key, [read_anchor(site.folder / "checkpoints.jsonl")])
    assert faults == []


async def test_nothing_is_erased_while_the_record_is_exported_or_verified(site: Site) -> None:
    await happened(site, GatewayEvent.TEXT_REDACTED, 40)
    await site.seal()
    async with site.database.transaction() as session:
        key = record_key(RECORD_ORIGIN, site.public)
        lines = export_record(session, key)
        header = await anext(lines)
        assert await retention(site, answers_days=30).erase_due() == 0
        await site.seal()
        file = site.folder / "long.jsonl"
        file.write_text(header + "".join([line async for line in lines]))
    assert await retention(site, answers_days=30).erase_due() == 1
    _, faults = check_export(file, site.key, [read_anchor(site.folder / "checkpoints.jsonl")])
    assert faults == []


async def test_what_was_erased_is_not_looked_through_again(site: Site) -> None:
    await site.write_at_once(400)
    site.tamper("UPDATE gateway.audit_event SET at = now() - interval '40 days'")
    await site.seal()
    assert await retention(site, answers_days=30).erase_due() == 400
    with psycopg.connect(site.made.superuser_dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE gateway.audit_event")
        connection.execute("SET enable_seqscan = off")  # which so few rows would be read with
        connection.execute("BEGIN")
        query = "SELECT gateway.erase_events('answers', '{text}', 30, 100)"
        assert connection.execute(query).fetchone() == (0,)
        read = connection.execute(
            "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
            " WHERE relid = 'gateway.audit_event'::regclass"
        ).fetchone()
        assert read is not None
        assert read[0] < 10


async def test_what_a_hold_is_about_is_in_the_record_by_its_hash(site: Site, web: Database) -> None:
    async with web.transaction() as session:
        holds = [
            await place_hold(session, AUDE, HoldScope.SUBJECT, f"account:{number}", "case 20", ahead=True)
            for number in range(5)
        ]
        await lift_hold(session, AUDE, holds[4].id)
    await site.seal()
    async with site.database.transaction() as session:
        query = text("SELECT detail FROM gateway.audit_event WHERE subject = :id")
        told = (await (await session.connection()).execute(query, {"id": str(holds[0].id)})).scalar_one()
    assert told == {
        "scope": "subject",
        "held": sha256(f"{holds[0].id}\nsubject\naccount:0".encode()).hexdigest(),
        "reason_sha256": sha256(f"{holds[0].id}\ncase 20".encode()).hexdigest(),
    }
    assert (await site.verify()).faults == []
    site.run(
        "ALTER TABLE gateway.audit_hold DISABLE TRIGGER ALL",
        f"UPDATE gateway.audit_hold SET value = 'account:9' WHERE id = '{holds[0].id}'",
        f"UPDATE gateway.audit_hold SET lifted_by = 'x', lifted_at = now() WHERE id = '{holds[1].id}'",
        f"DELETE FROM gateway.audit_hold WHERE id = '{holds[2].id}'",
        f"UPDATE gateway.audit_hold SET reason = 'case 7' WHERE id = '{holds[3].id}'",
    )
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["hold changed"] * 4


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM gateway.audit_hold",
        "TRUNCATE gateway.audit_hold",
        "UPDATE gateway.audit_hold SET value = 'account:9'",
        "UPDATE gateway.audit_hold SET lifted_at = now()",
        "UPDATE gateway.audit_hold SET lifted_by = 'x', lifted_at = now(), reason = 'y'",
    ],
)
async def test_a_hold_is_lifted_once_and_not_changed_otherwise(
    site: Site, web: Database, statement: str
) -> None:
    async with web.transaction() as session:
        await place_hold(session, AUDE, HoldScope.SUBJECT, "account:1", "case 21", ahead=True)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.run(statement)
    site.run("UPDATE gateway.audit_hold SET lifted_by = 'x', lifted_at = now()")
    for again in ("lifted_by = NULL, lifted_at = NULL", "lifted_by = 'y', lifted_at = now()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="lifted once"):
            site.run(f"UPDATE gateway.audit_hold SET {again}")


def test_every_event_has_a_class_but_those_of_the_record_itself() -> None:
    assert class_of("run.asked") is RecordClass.ANSWERS
    assert class_of("session.signed_in") is RecordClass.ACCESS
    assert class_of("item.approved") is RecordClass.APPROVALS
    assert class_of("sync.asked") is RecordClass.OPERATION
    assert class_of("audit.erased") is None
