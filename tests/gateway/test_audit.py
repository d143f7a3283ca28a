"""The record: sealed in commit order, and every way of tampering is found."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest

from gateway import (
    AnchorSettings,
    Database,
    GatewayEvent,
    Principal,
    Role,
    Sealer,
    Verification,
    make_signing_key,
    record,
    verify_audit,
)
from tests.migrated import Migrated, migrated

ALICE = Principal(str(uuid.uuid4()), "alice@example.org", frozenset({Role.REP}))
EVENTS = 12


class Site:
    """A database of one test, and its sealer."""

    def __init__(self, made: Migrated, folder: Path) -> None:
        self.made = made
        self.folder = folder
        self.public = folder / "audit.pub"
        make_signing_key(folder / "audit.key", self.public)
        self.database: Database = made.database("cloister_work")
        settings = AnchorSettings(folder=folder, key_file=folder / "audit.key")
        self.sealer = Sealer(self.database, settings)

    async def write(self, count: int = 1) -> None:
        for number in range(count):
            async with self.database.transaction() as session:
                record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=number)

    async def verify(self) -> Verification:
        async with self.database.transaction() as session:
            return await verify_audit(session, self.public, self.folder)

    def tamper(self, statement: str) -> None:
        with psycopg.connect(self.made.superuser_dsn, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no constraint stands in the way
            connection.execute(statement.encode())


@pytest.fixture
async def site(new_database: Callable[[], str], tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(migrated(new_database, tmp_path), tmp_path)
    yield site
    await site.database.close()


async def test_an_untouched_record_holds(site: Site) -> None:
    await site.write(EVENTS)
    assert await site.sealer.seal() == EVENTS
    found = await site.verify()
    assert (found.holds, found.sealed, found.unsealed, found.checkpoints) == (True, EVENTS, 0, 1)


async def test_an_event_of_an_unfinished_transaction_is_not_overtaken(site: Site) -> None:
    async with site.database.transaction() as slow:
        record(slow, GatewayEvent.TEXT_REDACTED, ALICE, parts=0)
        await slow.flush()
        await site.write(3)
        assert await site.sealer.seal() == 0
    assert await site.sealer.seal() == 4


async def test_two_sealers_do_not_seal_twice(site: Site) -> None:
    await site.write(EVENTS)
    other = Sealer(site.database, AnchorSettings(folder=site.folder, key_file=site.folder / "audit.key"))
    assert sum(await asyncio.gather(site.sealer.seal(), other.seal())) == EVENTS
    assert (await site.verify()).holds


async def test_an_event_that_is_rolled_back_is_not_in_the_record(site: Site) -> None:
    with pytest.raises(RuntimeError):
        async with site.database.transaction() as session:
            record(session, GatewayEvent.TEXT_REDACTED, ALICE)
            raise RuntimeError
    assert await site.sealer.seal() == 0


async def test_an_event_that_nobody_declared_cannot_be_recorded(site: Site) -> None:
    from enum import StrEnum

    class Stray(StrEnum):
        EVENT = "stray.event"

    async with site.database.transaction() as session:
        with pytest.raises(ValueError, match="not registered"):
            record(session, Stray.EVENT, ALICE)


_AT = "(SELECT event_id FROM gateway.audit_seal WHERE sequence = {n})"
TAMPERING = {
    "another actor": "UPDATE gateway.audit_event SET actor = 'bob' WHERE id = " + _AT,
    "another event": "UPDATE gateway.audit_event SET event = 'text.restored' WHERE id = " + _AT,
    "another time": "UPDATE gateway.audit_event SET at = at + interval '1 microsecond' WHERE id = " + _AT,
    "another detail": "UPDATE gateway.audit_event SET detail = '{{}}' WHERE id = " + _AT,
    "other roles": "UPDATE gateway.audit_event SET roles = ARRAY['admin'] WHERE id = " + _AT,
    "a removed event": "DELETE FROM gateway.audit_event WHERE id = " + _AT,
    "a removed seal": "DELETE FROM gateway.audit_seal WHERE sequence = {n}",
    "a changed leaf": "UPDATE gateway.audit_seal SET leaf = sha256('x') WHERE sequence = {n}",
    "a changed hash": "UPDATE gateway.audit_seal SET hash = sha256('x') WHERE sequence = {n}",
    "a cut tail": "DELETE FROM gateway.audit_seal WHERE sequence >= {n}",
}


@pytest.mark.parametrize("position", [1, 6, EVENTS])
@pytest.mark.parametrize("kind", TAMPERING, ids=str)
async def test_tampering_is_found_at_every_place(site: Site, kind: str, position: int) -> None:
    await site.write(EVENTS)
    await site.sealer.seal()
    site.tamper(TAMPERING[kind].format(n=position))
    found = await site.verify()
    assert not found.holds
    assert found.faults


async def test_two_events_that_change_places_are_found(site: Site) -> None:
    await site.write(EVENTS)
    await site.sealer.seal()
    site.tamper(
        "ALTER TABLE gateway.audit_seal DROP CONSTRAINT audit_seal_event_id_key;"
        " UPDATE gateway.audit_seal a SET event_id = b.event_id FROM gateway.audit_seal b"
        " WHERE (a.sequence, b.sequence) IN ((3, 4), (4, 3))"
    )
    assert not (await site.verify()).holds


async def test_a_chain_that_was_computed_anew_is_found_by_its_anchor(site: Site) -> None:
    await site.write(EVENTS)
    await site.sealer.seal()
    site.tamper("DELETE FROM gateway.audit_seal")
    site.tamper("DELETE FROM gateway.audit_checkpoint")
    site.tamper("UPDATE gateway.audit_event SET actor = 'bob'")
    make_signing_key(site.folder / "forged.key", site.folder / "forged.pub")
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    forger = Sealer(site.database, AnchorSettings(folder=elsewhere, key_file=site.folder / "forged.key"))
    await forger.seal()
    found = await site.verify()
    assert any("signature" in fault for fault in found.faults)
    assert any("anchor" in fault for fault in found.faults)


async def test_a_missing_anchor_file_is_found(site: Site) -> None:
    await site.write(EVENTS)
    await site.sealer.seal()
    (site.folder / "checkpoints.jsonl").unlink()
    assert not (await site.verify()).holds
