"""The record that version 0.1 kept: it goes on in the tree, and no way back loses what verifies it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from joserfc import jws
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

import assistant.migrations
from assistant.migrations import upgrade
from assistant.migrations.bootstrap import OWNER
from gateway.audit.chain import COLUMNS, GENESIS, entry_of, leaf_of, link
from gateway.principal import read_key
from tests.migrated import PASSWORD, Migrated, superuser_gives_schema_rights

from .test_audit import Site


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    superuser_gives_schema_rights(copied.superuser_dsn)
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


def owner(site: Site) -> str:
    url = make_url(site.made.superuser_dsn).set(username=OWNER, password=PASSWORD)
    return url.render_as_string(hide_password=False)


def back(site: Site) -> None:
    """To the tables of version 0.1."""
    config, folder = Config(), Path(assistant.migrations.__file__).parent
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder / "versions"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(make_url(owner(site)).set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0006")
    finally:
        engine.dispose()


def sealed_by_01(site: Site, count: int) -> None:
    """Events with their chain, and one checkpoint in the table and in the anchor."""
    columns = COLUMNS.replace("salt, origin, erased_at", "NULL salt, NULL origin, NULL erased_at")
    chain = GENESIS
    with psycopg.connect(site.made.superuser_dsn, row_factory=psycopg.rows.namedtuple_row) as connection:
        for number in range(1, count + 1):
            connection.execute(
                "INSERT INTO gateway.audit_event (id, event, actor, roles, detail, correlation)"
                " VALUES (gen_random_uuid(), 'text.redacted', 'alice', '{rep}', '{\"parts\": 1}', %s)",
                (str(number),),
            )
            query = f"SELECT {columns} FROM gateway.audit_event WHERE correlation = %s"
            row: Any = connection.execute(query.encode(), (str(number),)).fetchone()
            leaf = leaf_of(entry_of(row))
            chain = link(chain, number, leaf)
            seal = "INSERT INTO gateway.audit_seal (sequence, event_id, leaf, hash) VALUES (%s, %s, %s, %s)"
            connection.execute(seal, (number, row.id, leaf, chain))
        payload = {"sequence": count, "hash": chain.hex(), "at": "2026-03-01T09:00:00+00:00"}
        key = read_key(site.folder / "audit.key")
        signed = jws.serialize_compact({"alg": "Ed25519"}, json.dumps(payload), key, algorithms=["Ed25519"])
        head = "INSERT INTO gateway.audit_checkpoint (sequence, hash, signed) VALUES (%s, %s, %s)"
        connection.execute(head, (count, chain, signed))
    (site.folder / "checkpoints.jsonl").write_text(json.dumps({"sequence": count, "signed": signed}) + "\n")


async def test_what_version_01_sealed_and_anchored_still_holds_and_is_still_checked(site: Site) -> None:
    back(site)
    sealed_by_01(site, 300)
    upgrade(owner(site))
    await site.write_at_once(250)
    assert await site.seal() == 250
    found = await site.verify()
    assert (found.faults, found.sealed, found.checkpoints) == ([], 550, 2)
    anchor = site.folder / "checkpoints.jsonl"
    anchor.write_text(anchor.read_text().replace('"sequence": 300', '"sequence": 299'))
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["checkpoint changed"]


async def test_there_is_no_way_back_that_loses_salts(site: Site) -> None:
    await site.write()
    await site.seal()
    with pytest.raises(DBAPIError, match="restore a backup"):
        back(site)
    assert (await site.verify()).holds
