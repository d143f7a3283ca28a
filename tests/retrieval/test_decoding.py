"""A real CRM's log as a feed of changes: what is told, what is confirmed, what is met."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from assistant.appliance.postgres import PostgresCluster
from gateway import Database
from retrieval import CrmMap, admin_script, let_follow, load_map
from retrieval.sync.decoding import CannotDecode, DecodingFeed, SlotBusy
from retrieval.sync.decoding.feed import is_visible
from retrieval.sync.decoding.slots import read_marks, save_marks
from retrieval.sync.feed import Batch

from .stand import DEMO_MAP, Stand

MAP = load_map(DEMO_MAP)
KINDS = frozenset(MAP.entities)
SLOT = "cloister_test"
HANG_UP = "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = %s"


@pytest.fixture
async def new_feed(stand: Stand) -> AsyncIterator[Callable[..., DecodingFeed]]:
    """Feeds over one CRM and one appliance, closed at the end."""
    async with AsyncExitStack() as stack:
        database = Database(stand.settings.database)
        stack.push_async_callback(database.close)

        def make(shape: str = "1", crm_map: CrmMap = MAP) -> DecodingFeed:
            feed = DecodingFeed(
                crm_map, stand.settings.crm, database, publication="cloister", slot=SLOT, shape=shape
            )
            stack.push_async_callback(feed.close)
            return feed

        yield make


@pytest.fixture
async def feed(new_feed: Callable[..., DecodingFeed]) -> DecodingFeed:
    """A feed that has begun."""
    made = new_feed()
    await made.open()
    return made


async def told(feed: DecodingFeed) -> Batch:
    """The next batch that says something."""
    async with asyncio.timeout(10):
        while not (batch := await feed.next(1)):
            pass
        return batch


async def test_a_new_slot_asks_for_everything_and_covers_every_kind(
    new_feed: Callable[..., DecodingFeed],
) -> None:
    feed = new_feed()
    assert (await feed.open()).whole == KINDS
    assert feed.covered == KINDS
    state = await feed.state()
    assert (state.mode, state.wal_status, state.notices) == ("decoding", "reserved", ())
    assert state.safe_bytes is not None


async def test_changed_new_moved_and_deleted_rows_are_told_by_their_keys(
    feed: DecodingFeed, stand: Stand
) -> None:
    with psycopg.connect(stand.crm_dsn) as connection:
        connection.execute("UPDATE articles SET body = repeat(md5(random()::text), 9000) WHERE id = 1")
        connection.execute("UPDATE articles SET id = 4711 WHERE id = 3")
        connection.execute("DELETE FROM mails WHERE id = (SELECT min(id) FROM mails)")
        connection.execute("UPDATE articles SET category = 'parts' WHERE id = 1")  # its long text stays
    batch = await told(feed)
    assert batch.changes["article"] == {"1", "3", "4711"}
    assert len(batch.changes["mail"]) == 1
    assert batch.whole == frozenset()


async def test_only_keys_travel_in_the_stream(stand: Stand, feed: DecodingFeed) -> None:
    """The publication is read here as any subscriber would read it."""
    stand.crm("SELECT pg_create_logical_replication_slot('watcher', 'pgoutput')")
    name, mail = "Quirinius Zabelthau", "q.zabelthau@example.org"
    contact = "(SELECT min(id) FROM contacts)"
    stand.crm(f"UPDATE contacts SET last_name = %s, email = %s WHERE id = {contact}", name, mail)
    stand.crm(
        "INSERT INTO articles SELECT 4711, %s, category, audience, staff_only, body, updated_on,"
        " updated_at FROM articles WHERE id = 1",
        name,
    )
    stand.crm("UPDATE articles SET id = 4712 WHERE id = 4711")
    stand.crm("DELETE FROM articles WHERE id = 4712")
    stand.crm("CHECKPOINT")  # what is not on the disk yet is not decoded
    found = stand.crm(
        "SELECT data FROM pg_logical_slot_get_binary_changes('watcher', NULL, NULL, 'proto_version', '1',"
        " 'publication_names', 'cloister')"
    )
    stream = b"".join(row[0] for row in found)
    stand.crm("SELECT pg_drop_replication_slot('watcher')")
    assert b"contacts" in stream
    assert b"Zabelthau" not in stream
    assert mail.encode() not in stream
    published = stand.crm(
        "SELECT tablename, attnames::text[] FROM pg_publication_tables WHERE pubname = 'cloister'"
    )
    assert {table: columns for table, columns in published} == {
        entity.table: [entity.key] for entity in MAP.entities.values()
    }


async def test_a_rolled_back_transaction_is_never_told_and_a_savepoint_does_no_harm(
    feed: DecodingFeed, stand: Stand
) -> None:
    with psycopg.connect(stand.crm_dsn) as connection:
        connection.execute("UPDATE articles SET body = 'no' WHERE id = 5")
        connection.rollback()
        connection.execute("UPDATE articles SET body = 'yes' WHERE id = 6")
    batch = await told(feed)
    assert batch.changes == {"article": {"6"}}


async def test_a_long_transaction_comes_in_pieces_and_is_told_at_its_end(
    feed: DecodingFeed, stand: Stand, postgres_cluster: PostgresCluster
) -> None:
    with psycopg.connect(stand.crm_dsn) as connection:
        for _ in range(4):  # more than logical_decoding_work_mem, so that pieces are sent before the commit
            connection.execute("UPDATE case_notes SET body = body || repeat(md5(id::text), 400)")
        assert not await feed.next(1)
        notes = {str(key) for (key,) in connection.execute("SELECT id FROM case_notes")}
    assert (await told(feed)).changes["note"] == notes
    with psycopg.connect(stand.crm_dsn) as connection:
        for _ in range(4):
            connection.execute("UPDATE case_notes SET body = body || 'x'")
        connection.rollback()
    assert not await feed.next(1)


async def test_an_emptied_table_is_told_as_everything_of_its_kind(feed: DecodingFeed, stand: Stand) -> None:
    stand.crm("TRUNCATE mails")
    assert (await told(feed)).whole == {"mail"}


async def test_what_was_confirmed_is_not_told_again_and_what_was_not_is(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    stand.crm("UPDATE articles SET body = 'one' WHERE id = 1")
    await feed.confirm((await told(feed)).position, KINDS)
    stand.crm("UPDATE articles SET body = 'two' WHERE id = 2")
    await told(feed)
    await feed.close()
    again = new_feed()
    assert (await again.open()).whole == frozenset()
    assert (await told(again)).changes == {"article": {"2"}}


async def test_a_restart_compares_kinds_that_are_cut_anew_or_were_not_sound(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    stand.crm("UPDATE articles SET body = 'one' WHERE id = 1")
    await feed.confirm((await told(feed)).position, KINDS - {"mail"})
    await feed.close()
    again = new_feed()
    assert (await again.open()).whole == {"mail"}
    await again.close()
    other = new_feed(shape="2")
    assert (await other.open()).whole == KINDS


async def test_a_slot_that_went_on_without_us_is_not_trusted(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    """As after restoring our own database, or when another process used the slot."""
    stand.crm("UPDATE articles SET body = 'one' WHERE id = 1")
    await feed.confirm((await told(feed)).position, KINDS)
    await feed.close()
    stand.crm("UPDATE articles SET body = 'two' WHERE id = 2")
    stand.crm("CHECKPOINT")
    stand.crm("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", SLOT)
    assert (await new_feed().open()).whole == KINDS


async def test_a_lost_slot_is_announced_and_made_anew(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    await feed.confirm((await feed.next(0)).position, KINDS)
    await feed.close()
    stand.crm("SELECT pg_drop_replication_slot(%s)", SLOT)
    opened = await new_feed().open()
    assert opened.whole == KINDS
    assert opened.lost
    assert opened.lost.reason == "gone"


async def test_two_processes_do_not_fight_over_one_slot(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.decoding.feed._BUSY_S", 0.5)
    second = new_feed()
    with pytest.raises(SlotBusy):
        await second.open()
    stand.crm("UPDATE articles SET body = 'one' WHERE id = 1")
    assert (await told(feed)).changes == {"article": {"1"}}


async def test_a_quiet_crm_keeps_no_log_for_us_while_others_write(
    feed: DecodingFeed, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.decoding.stream._STATUS_S", 0.1)
    stand.crm("CREATE TABLE elsewhere AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g")
    end = stand.crm("SELECT pg_current_wal_lsn() - '0/0'")[0][0]
    async with asyncio.timeout(20):
        while True:
            batch = await feed.next(0.2)
            assert not batch
            await feed.confirm(batch.position, KINDS)
            ((confirmed,),) = stand.crm(
                "SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = %s", SLOT
            )
            if confirmed >= end:
                break


async def test_what_is_not_published_is_said_and_compared_when_it_is(
    feed: DecodingFeed, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.decoding.feed._SURVEY_S", 0.0)
    stand.crm("ALTER PUBLICATION cloister DROP TABLE mails")
    assert (await told(feed)).whole == {"mail"}
    assert feed.covered == KINDS - {"mail"}
    assert any("mails is not in the publication" in notice for notice in (await feed.state()).notices)
    stand.crm("ALTER PUBLICATION cloister ADD TABLE mails (id)")
    assert (await told(feed)).whole == {"mail"}
    assert feed.covered == KINDS
    stand.crm("ALTER TABLE mails ADD COLUMN mood text DEFAULT 'fine'")
    key = stand.crm("UPDATE mails SET mood = 'bad' WHERE id = (SELECT min(id) FROM mails) RETURNING id")[0][0]
    assert (await told(feed)).changes == {"mail": {str(key)}}
    stand.crm("DROP TABLE mails")
    assert (await told(feed)).whole == {"mail"}
    assert any("there is no table mails" in notice for notice in (await feed.state()).notices)


async def test_whole_tables_in_the_publication_work_too(
    new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    stand.crm("DROP PUBLICATION cloister")
    stand.crm("CREATE PUBLICATION cloister FOR ALL TABLES")
    feed = new_feed()
    await feed.open()
    assert feed.covered == KINDS
    stand.crm("UPDATE accounts SET summary = repeat(md5(random()::text), 9000) WHERE id = 1")
    stand.crm("UPDATE articles SET id = 4711, title = 'moved' WHERE id = 3")
    assert (await told(feed)).changes["account"] == {"1"}


async def test_without_the_grant_it_says_what_is_missing(
    new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    reader = stand.settings.crm.user
    stand.crm(f"ALTER ROLE {reader} NOREPLICATION")
    with pytest.raises(CannotDecode, match="no REPLICATION"):
        await new_feed().open()
    stand.crm(f"ALTER ROLE {reader} REPLICATION")
    stand.crm("DROP PUBLICATION cloister")
    with pytest.raises(CannotDecode, match="no publication"):
        await new_feed().open()


async def test_a_slot_dropped_while_it_is_read_is_noticed(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    stand.crm(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = %s", SLOT
    )
    with pytest.raises(Exception, match="CRM"):
        await told(feed)
    again = await feed.open()
    assert again.whole == KINDS  # nothing had been confirmed
    await feed.confirm((await feed.next(0)).position, KINDS)
    stand.crm(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = %s", SLOT
    )
    stand.crm("SELECT pg_drop_replication_slot(%s)", SLOT)
    opened = await feed.open()
    assert (opened.whole, bool(opened.lost)) == (KINDS, True)


@pytest.mark.parametrize(
    ("xid", "snapshot", "seen"),
    [
        (10, "10:12:10", False),
        (11, "10:12:10", True),
        (12, "12:12:", False),
        (5, f"{(1 << 32) + 9}:{(1 << 32) + 9}:", True),
        (0xFFFFFFF0, f"{(1 << 32) + 9}:{(1 << 32) + 9}:", True),
        (3, f"{(1 << 32) - 5}:{(1 << 32) - 2}:", False),
    ],
)
def test_a_transaction_counts_when_others_see_it(xid: int, snapshot: str, seen: bool) -> None:
    assert is_visible(xid, snapshot) is seen


def test_the_administrators_script_runs_twice_and_can_be_undone(
    stand: Stand, postgres_cluster: PostgresCluster, tmp_path: Path
) -> None:
    reader = f"script_reader_{os.getpid()}"
    script = admin_script(MAP, reader=reader, publication="scripted")
    for _ in range(2):
        run_psql(postgres_cluster, stand.crm_dsn, script)
        oids = stand.crm(
            "SELECT r.oid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
            " WHERE pubname = 'scripted' ORDER BY 1"
        )
        assert len(oids) == len({entity.table for entity in MAP.entities.values()})
    assert stand.crm("SELECT rolreplication, rolsuper FROM pg_roles WHERE rolname = %s", reader) == [
        (True, False)
    ]
    undo = script.split("-- To undo", 1)[1].splitlines()[1:]
    statements = [line.removeprefix("--").strip() for line in undo]
    run_psql(postgres_cluster, stand.crm_dsn, "\n".join(line for line in statements if "slot" not in line))
    assert stand.crm("SELECT 1 FROM pg_roles WHERE rolname = %s", reader) == []


def test_tables_that_cannot_be_told_apart_are_left_out_of_the_publication(stand: Stand) -> None:
    """PostgreSQL would refuse every UPDATE of such a table once it is published."""
    stand.crm("ALTER TABLE mails REPLICA IDENTITY FULL")
    stand.crm("ALTER TABLE products DROP CONSTRAINT products_pkey CASCADE")
    stand.crm("CREATE UNIQUE INDEX by_case ON case_notes (case_id, id)")
    stand.crm("ALTER TABLE case_notes REPLICA IDENTITY USING INDEX by_case")
    let_follow(stand.crm_dsn, MAP, reader=str(stand.settings.crm.user))
    published = dict(stand.crm("SELECT tablename, attnames::text[] FROM pg_publication_tables"))
    assert "mails" not in published
    assert "products" not in published
    assert published["case_notes"] == ["id", "case_id"]
    for table in ("mails", "products", "case_notes"):
        stand.crm(f"UPDATE {table} SET updated_at = now()")


def run_psql(cluster: PostgresCluster, dsn: str, script: str) -> None:
    """As an administrator would; psql comes with the server's programs."""
    done = subprocess.run(
        [str(cluster.programs.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", dsn],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_crm_that_was_taken_back_to_an_earlier_state_is_compared(
    feed: DecodingFeed, new_feed: Callable[..., DecodingFeed], stand: Stand
) -> None:
    """Its log ends before what the index has seen of it."""
    stand.crm("UPDATE articles SET body = 'one' WHERE id = 1")
    await feed.confirm((await told(feed)).position, KINDS)
    await feed.close()
    database = Database(stand.settings.database)
    marks = await read_marks(database)
    beyond = {kind: replace(mark, lsn=mark.lsn + (1 << 40)) for kind, mark in marks.items()}
    await save_marks(database, beyond, ())
    await database.close()
    again = new_feed()
    assert (await again.open()).whole == KINDS
