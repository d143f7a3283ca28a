"""The record: sealed in commit order, and every way of tampering is found."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from gateway import (
    RECORD_ORIGIN,
    Anchoring,
    AnchorSettings,
    Checkpointing,
    Database,
    GatewayEvent,
    NotFound,
    Principal,
    Role,
    Sealer,
    Verification,
    as_code,
    export_record,
    make_signing_key,
    prove_event,
    record,
    record_key,
    verify_audit,
)
from gateway.audit.merkle import Frontier
from gateway.audit.standalone.verify_record import Log, check_export, check_proof, grew, read_anchor
from gateway.audit.tree import consistency_proof, frontier_of, root_of
from tests.migrated import Migrated

ALICE = Principal(str(uuid.uuid4()), "alice@example.org", frozenset({Role.REP}))
EVENTS = 12


class Site:
    """A database of one test, its sealer, and a file as its anchor."""

    def __init__(self, made: Migrated, folder: Path, every_s: int = 0) -> None:
        self.made = made
        self.folder = folder
        self.public = folder / "audit.pub"
        make_signing_key(folder / "audit.key", self.public)
        self.database: Database = made.database("cloister_work")
        self.settings = AnchorSettings(folder=folder, key_file=folder / "audit.key", every_s=every_s)
        self.sealer = Sealer(self.database)
        self.checkpointing = Checkpointing(self.database, self.settings)
        self.anchoring = Anchoring(self.database, self.settings)

    async def write(self, count: int = 1) -> None:
        for number in range(count):
            async with self.database.transaction() as session:
                record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=number)

    async def write_at_once(self, count: int) -> None:
        async with self.database.transaction() as session:
            for number in range(count):
                record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=number)

    async def seal_as(self, **settings: object) -> int:
        """Seal and sign as a process that began just now with these settings; nothing is anchored."""
        sealed = await Sealer(self.database).seal()
        await Checkpointing(self.database, self.settings.model_copy(update=settings)).sign_due()
        return sealed

    async def seal(self) -> int:
        sealed = await self.sealer.seal()
        await self.checkpointing.sign_due()
        await self.anchoring.deliver()
        return sealed

    async def signed_sizes(self) -> list[int]:
        async with self.database.transaction() as session:
            query = text("SELECT sequence FROM gateway.audit_checkpoint ORDER BY sequence")
            return list((await (await session.connection()).execute(query)).scalars())

    async def verify(self) -> Verification:
        async with self.database.transaction() as session:
            return await verify_audit(session, [record_key(RECORD_ORIGIN, self.public)], self.folder)

    async def export(self) -> Path:
        file = self.folder / "record.jsonl"
        async with self.database.transaction() as session:
            key = record_key(RECORD_ORIGIN, self.public)
            file.write_text("".join([line async for line in export_record(session, key)]))
        return file

    @property
    def key(self) -> Log:
        return Log.parse(str(record_key(RECORD_ORIGIN, self.public)))

    def run(self, *statements: str, role: str | None = None) -> None:
        with psycopg.connect(self.made.superuser_dsn, autocommit=True) as connection:
            if role:
                connection.execute(f"SET ROLE {role}".encode())
            for statement in statements:
                connection.execute(statement.encode())

    def tamper(self, statement: str) -> None:
        """As somebody who owns the server, whom no constraint and no trigger stops."""
        tables = ("audit_event", "audit_seal", "audit_checkpoint", "audit_node", "audit_cosignature")
        off = [f"ALTER TABLE gateway.{table} DISABLE TRIGGER ALL" for table in tables]
        self.run(*off, statement)


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


async def test_an_untouched_record_holds(site: Site) -> None:
    await site.write(EVENTS)
    assert await site.seal() == EVENTS
    found = await site.verify()
    assert found.faults == []
    assert (found.sealed, found.unsealed, found.checkpoints, found.anchors) == (EVENTS, 0, 1, 1)


async def test_an_empty_record_holds(site: Site) -> None:
    assert await site.seal() == 0
    assert (await site.verify()).holds


async def test_an_event_of_an_unfinished_transaction_is_not_overtaken(site: Site) -> None:
    async with site.database.transaction() as slow:
        record(slow, GatewayEvent.TEXT_REDACTED, ALICE, parts=0)
        await slow.flush()
        await site.write(3)
        assert await site.seal() == 0
    assert await site.seal() == 4


async def test_two_sealers_do_not_seal_twice(site: Site) -> None:
    await site.write(EVENTS)
    other = Sealer(site.database)
    assert sum(await asyncio.gather(site.sealer.seal(), other.seal())) == EVENTS
    await site.seal()
    assert (await site.verify()).holds


async def test_an_event_that_is_rolled_back_is_not_in_the_record(site: Site) -> None:
    with pytest.raises(RuntimeError):
        async with site.database.transaction() as session:
            record(session, GatewayEvent.TEXT_REDACTED, ALICE)
            raise RuntimeError
    assert await site.seal() == 0


async def test_an_event_that_nobody_declared_cannot_be_recorded(site: Site) -> None:
    class Stray(StrEnum):
        EVENT = "stray.event"

    async with site.database.transaction() as session:
        with pytest.raises(ValueError, match="not registered"):
            record(session, Stray.EVENT, ALICE)


@pytest.mark.parametrize(
    "detail",
    [
        "Anna Weidenbach",
        "tab\tstop",
        "two\nlines",
        "Müller",
        "x" * 301,
        ["fine", "not fine"],
        {"not fine": 1},
        {"deep": [{"deeper": "not fine"}]},
        {"deep": [b"bytes"]},
        object(),
    ],
)
async def test_a_detail_that_could_be_a_text_is_refused(site: Site, detail: object) -> None:
    async with site.database.transaction() as session:
        with pytest.raises(ValueError, match="the detail note of text"):
            record(session, GatewayEvent.TEXT_REDACTED, ALICE, note=detail)


async def test_a_subject_that_could_be_a_text_is_refused(site: Site) -> None:
    async with site.database.transaction() as session:
        with pytest.raises(ValueError, match="the detail subject of text"):
            record(session, GatewayEvent.TEXT_REDACTED, ALICE, subject="account:Anna Weidenbach")


async def test_what_the_record_would_refuse_is_in_it_by_its_hash(site: Site) -> None:
    who = "service:Anna Weidenbach"
    acting = Principal(ALICE.id, ALICE.login, ALICE.roles, by=who)
    async with site.database.transaction() as session:
        record(session, GatewayEvent.TEXT_REDACTED, acting, subject=as_code("account:12"))
        await session.flush()
        query = text("SELECT subject, detail ->> 'by' AS by FROM gateway.audit_event")
        found = (await (await session.connection()).execute(query)).one()
    assert found == ("account:12", f"sha256:{sha256(who.encode()).hexdigest()}")


async def test_a_checkpoint_is_signed_after_every_256_events(site: Site) -> None:
    await site.write_at_once(700)
    assert await site.seal() == 700
    assert await site.signed_sizes() == [256, 512, 700]
    assert (await site.verify()).holds


async def test_no_checkpoint_is_signed_before_its_time(site: Site) -> None:
    await site.write(2)
    assert await site.seal_as(every_s=60) == 2
    await site.write(2)
    assert await site.seal_as(every_s=60) == 2
    found = await site.verify()
    assert (found.sealed, found.checkpoints) == (4, 1)
    await site.seal()
    assert (await site.verify()).checkpoints == 2


async def test_more_events_than_one_batch_are_sealed_at_once(site: Site) -> None:
    await site.write_at_once(4_100)
    assert await site.seal() == 4_100
    found = await site.verify()
    assert (found.sealed, found.faults) == (4_100, [])


async def test_the_stored_tree_gives_every_root_and_proof(site: Site) -> None:
    await site.write_at_once(600)
    await site.seal()
    async with site.database.transaction() as session:
        rows = await (await session.connection()).execute(
            text("SELECT leaf FROM gateway.audit_seal ORDER BY sequence")
        )
        roots, grown = [Frontier().root()], Frontier()
        for (leaf,) in rows:
            grown.append(bytes(leaf))
            roots.append(grown.root())
        for size in (0, 1, 2, 255, 256, 257, 511, 512, 513, 600):
            assert await root_of(session, size) == roots[size]
            assert (await frontier_of(session, size)).root() == roots[size]
        for old in (1, 7, 255, 256, 300, 512, 599):
            assert grew(old, roots[old], 600, roots[600], await consistency_proof(session, old, 600))


async def test_events_that_were_sealed_before_there_was_a_tree_are_in_it(site: Site) -> None:
    await site.write_at_once(600)
    await site.seal()
    site.tamper("DELETE FROM gateway.audit_node WHERE place = 1")  # of a version that ran beside this one
    await site.write(1)
    assert await site.seal_as() == 1
    await site.anchoring.deliver()
    found = await site.verify()
    assert (found.sealed, found.faults) == (601, [])


async def test_a_database_that_was_restored_into_another_cluster_goes_on(site: Site) -> None:
    await site.write(5)
    await site.seal()
    await site.write(2)
    site.tamper("UPDATE gateway.audit_event SET txid = txid + 1000000000")  # as another cluster counted them
    site.tamper("DELETE FROM gateway.audit_seal; DELETE FROM gateway.audit_checkpoint")
    (site.folder / "checkpoints.jsonl").unlink()
    site.tamper("DELETE FROM gateway.audit_anchor")
    site.sealer = Sealer(site.database)
    assert await site.seal() == 7
    await site.write(3)
    assert await site.seal() == 3
    await site.anchoring.deliver()
    found = await site.verify()
    assert (found.sealed, found.unsealed, found.faults) == (10, 0, [])


@pytest.mark.parametrize("table", ["audit_event", "audit_seal", "audit_checkpoint", "audit_node"])
@pytest.mark.parametrize("role", [None, "cloister_owner"])
async def test_not_even_the_owner_changes_the_record(site: Site, table: str, role: str | None) -> None:
    await site.write_at_once(300)
    await site.seal()
    column = {"audit_event": "actor = 'bob'"}.get(table, "hash = 'x'")
    for statement in (
        f"UPDATE gateway.{table} SET {column}",
        f"DELETE FROM gateway.{table}",
        f"TRUNCATE gateway.{table} CASCADE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
            site.run(statement, role=role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="made void"):
        site.run("SET cloister.retention = 'on'", "UPDATE gateway.audit_event SET actor = 'bob'", role=role)
    assert (await site.verify()).holds


_AT = "(SELECT event_id FROM gateway.audit_seal WHERE sequence = {n})"
TAMPERING = {
    "another actor": "UPDATE gateway.audit_event SET actor = 'bob' WHERE id = " + _AT,
    "another event": "UPDATE gateway.audit_event SET event = 'text.restored' WHERE id = " + _AT,
    "another time": "UPDATE gateway.audit_event SET at = at + interval '1 microsecond' WHERE id = " + _AT,
    "another detail": "UPDATE gateway.audit_event SET detail = '{{}}' WHERE id = " + _AT,
    "another salt": "UPDATE gateway.audit_event SET salt = 'x' WHERE id = " + _AT,
    "another origin": "UPDATE gateway.audit_event SET origin = 'x' WHERE id = " + _AT,
    "other roles": "UPDATE gateway.audit_event SET roles = ARRAY['admin'] WHERE id = " + _AT,
    "voided": "UPDATE gateway.audit_event SET erased_at = now() WHERE id = " + _AT,
    "a removed event": "ALTER TABLE gateway.audit_seal DROP CONSTRAINT audit_seal_event_id_fkey;"
    " DELETE FROM gateway.audit_event WHERE id = " + _AT,
    "a removed seal": "DELETE FROM gateway.audit_seal WHERE sequence = {n}",
    "a changed leaf": "UPDATE gateway.audit_seal SET leaf = sha256('x') WHERE sequence = {n}",
    "a changed hash": "UPDATE gateway.audit_seal SET hash = sha256('x') WHERE sequence = {n}",
    "a cut tail": "DELETE FROM gateway.audit_seal WHERE sequence >= {n}",
    "a cut tail and its checkpoint": "DELETE FROM gateway.audit_seal WHERE sequence >= {n};"
    " DELETE FROM gateway.audit_checkpoint",
}


@pytest.mark.parametrize("position", [1, 6, EVENTS])
@pytest.mark.parametrize("kind", TAMPERING, ids=str)
async def test_tampering_is_found_at_every_place(site: Site, kind: str, position: int) -> None:
    await site.write(EVENTS)
    await site.seal()
    site.tamper(TAMPERING[kind].format(n=position))
    found = await site.verify()
    assert not found.holds
    assert found.faults


async def test_two_events_that_change_places_are_found(site: Site) -> None:
    await site.write(EVENTS)
    await site.seal()
    site.tamper(
        "ALTER TABLE gateway.audit_seal DROP CONSTRAINT audit_seal_event_id_key;"
        " UPDATE gateway.audit_seal a SET event_id = b.event_id FROM gateway.audit_seal b"
        " WHERE (a.sequence, b.sequence) IN ((3, 4), (4, 3))"
    )
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["swapped", "swapped"]


async def test_a_record_that_was_computed_anew_is_found_by_its_anchor(site: Site) -> None:
    await site.write(EVENTS)
    await site.seal()
    site.tamper("DELETE FROM gateway.audit_seal")
    site.tamper("DELETE FROM gateway.audit_checkpoint")
    site.tamper("UPDATE gateway.audit_event SET actor = 'bob'")
    make_signing_key(site.folder / "forged.key", site.folder / "forged.pub")
    assert await site.seal_as(key_file=site.folder / "forged.key") == EVENTS
    kinds = {fault.partition(":")[0] for fault in (await site.verify()).faults}
    assert kinds >= {"re-signed", "rewritten"}
    site.tamper("DELETE FROM gateway.audit_seal; DELETE FROM gateway.audit_checkpoint")
    assert await site.seal_as() == EVENTS  # now with the log's own key
    assert {fault.partition(":")[0] for fault in (await site.verify()).faults} == {"forked"}


async def test_a_missing_anchor_file_is_found(site: Site) -> None:
    await site.write(EVENTS)
    await site.seal()
    (site.folder / "checkpoints.jsonl").unlink()
    assert not (await site.verify()).holds


async def test_an_export_is_verified_without_the_appliance(site: Site) -> None:
    await site.write_at_once(300)
    await site.seal()
    export = await site.export()
    checked, faults = check_export(export, site.key, [read_anchor(site.folder / "checkpoints.jsonl")])
    assert (checked.entries, checked.checkpoints, faults) == (300, 2, [])


async def test_a_time_of_the_record_is_exported_with_what_shows_that_none_of_it_is_left_out(
    site: Site,
) -> None:
    for _ in range(4):
        await site.write_at_once(70)
        await site.seal()
    async with site.database.transaction() as session:
        found = await (await session.connection()).execute(
            text(
                "SELECT e.at FROM gateway.audit_event e JOIN gateway.audit_seal s ON s.event_id = e.id"
                " WHERE s.sequence IN (100, 120, 130, 150) ORDER BY s.sequence"
            )
        )
        since, later, earlier, until = (at for (at,) in found)
        key = record_key(RECORD_ORIGIN, site.public)
        lines = [line async for line in export_record(session, key, since=since, until=until)]
        less = [line async for line in export_record(session, key, since=later, until=earlier)]
    file = site.folder / "part.jsonl"
    file.write_text("".join(lines))
    header = json.loads(lines[0])
    assert (header["first"], header["last"], header["before"]["size"]) == (99, 210, 98)
    anchors = [read_anchor(site.folder / "checkpoints.jsonl")]
    checked, faults = check_export(file, site.key, anchors, part=True, since=since, until=until)
    assert (checked.entries, checked.checkpoints, faults) == (112, 2, [])
    assert (checked.covered, checked.anchored) == (210, 210)
    assert checked.begins is not None
    assert checked.ends is not None
    assert (checked.begins.number, checked.ends.number) == (99, 210)
    file.write_text("".join(less))
    _, faults = check_export(file, site.key, anchors, part=True, since=since, until=until)
    assert [(fault.kind, fault.place) for fault in faults] == [("removed", 119), ("truncated", 141)]


async def test_an_event_is_proven_to_be_in_the_record(site: Site) -> None:
    await site.write_at_once(300)
    await site.seal()
    async with site.database.transaction() as session:
        ids = await (await session.connection()).execute(
            text("SELECT event_id, sequence FROM gateway.audit_seal WHERE sequence IN (1, 2, 256, 257, 300)")
        )
        for event, sequence in ids.all():
            for named in (str(event), str(sequence)):
                shown, head = check_proof(await prove_event(session, named), site.key)
                assert (shown["id"], shown["sequence"]) == (str(event), sequence)
                assert head.size == (256 if sequence <= 256 else 300)


async def test_what_no_checkpoint_is_over_cannot_be_proven(site: Site) -> None:
    await site.write(1)
    async with site.database.transaction() as session:
        event = (
            await (await session.connection()).execute(text("SELECT id FROM gateway.audit_event"))
        ).scalar()
        with pytest.raises(NotFound, match="checkpoint"):
            await prove_event(session, str(event))
        for unknown in (str(uuid.uuid4()), "nothing", "0", "7", "9" * 18, "9" * 19, "-1"):
            with pytest.raises(NotFound, match="no event"):
                await prove_event(session, unknown)
