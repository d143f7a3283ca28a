"""Measure the record: `python -m tests.gateway.measure_audit [--connections N] [--seconds N] [--events N]`.

Appends are durable (fsync on, one transaction each, through `record`), while the sealer and the file anchor
run as `cloister work` runs them. The lag of an event is from when it was recorded to when the transaction
that sealed it began. Then so many events are put in, 500 a transaction, sealed, verified in place, exported,
and the export is verified by the stand-alone file in a process of its own.
"""

import argparse
import asyncio
import dataclasses
import json
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from gateway import (
    RECORD_ORIGIN,
    Anchoring,
    AnchorSettings,
    Checkpointing,
    Database,
    GatewayEvent,
    Principal,
    Role,
    Sealer,
    export_record,
    make_signing_key,
    record,
    record_key,
    verify_audit,
)
from gateway.audit.standalone import verify_record
from tests.clusters import created_cluster
from tests.migrated import Migrated, migrated

ALICE = Principal(str(uuid.uuid4()), "alice@example.org", frozenset({Role.REP}))
LAGS = text(
    "SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP"
    " (ORDER BY extract(epoch FROM s.sealed_at - e.at)) FROM gateway.audit_seal s"
    " JOIN gateway.audit_event e ON e.id = s.event_id"
)
MANY = """
    INSERT INTO gateway.audit_event
        (id, event, actor, roles, conversation, run, detail, correlation, salt, origin)
    SELECT gen_random_uuid(), 'text.redacted', gen_random_uuid()::text, '{rep}', gen_random_uuid()::text,
        gen_random_uuid()::text, jsonb_build_object('parts', n, 'hidden', 3, 'types',
        jsonb_build_object('PERSON', 2, 'EMAIL', 1), 'purpose', 'question'), gen_random_uuid()::text,
        uuid_send(gen_random_uuid()), 'door 127.0.0.1' FROM generate_series(1, %s) n
"""
TOGETHER = 500  # events of a transaction


async def repeat(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    """As the worker does it."""
    while True:
        await step()
        await asyncio.sleep(seconds)


async def append(database: Database, connections: int, seconds: float) -> int:
    """One durable transaction an event, from so many connections at once; gives their number."""
    ends = time.perf_counter() + seconds

    async def one() -> int:
        written = 0
        while time.perf_counter() < ends:
            async with database.transaction() as session:
                record(session, GatewayEvent.TEXT_REDACTED, ALICE, parts=written, types={"PERSON": 2})
            written += 1
        return written

    return sum(await asyncio.gather(*(one() for _ in range(connections))))


async def measure(made: Migrated, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """The figures."""
    make_signing_key(folder / "audit.key", folder / "audit.pub")
    settings = AnchorSettings(folder=folder, key_file=folder / "audit.key")
    plain = made.settings("cloister_work")
    database = Database(
        plain.model_copy(update={"pool_size": asked.connections + 4, "statement_timeout_s": 600})
    )
    sealer, anchoring = Sealer(database), Anchoring(database, settings)
    checkpointing = Checkpointing(database, settings)
    figures: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": platform.platform(),
    }

    background = [
        asyncio.create_task(repeat(0.5, sealer.seal)),
        asyncio.create_task(repeat(0.5, checkpointing.sign_due)),
        asyncio.create_task(repeat(1.0, anchoring.deliver)),
    ]
    began = time.perf_counter()
    appended = await append(database, asked.connections, asked.seconds)
    figures["connections"] = asked.connections
    figures["durable_appends_per_s"] = round(appended / (time.perf_counter() - began))
    await asyncio.sleep(1.5)
    for task in background:
        task.cancel()
    async with database.transaction() as session:
        lags = (await (await session.connection()).execute(LAGS)).scalar_one()
    figures["seal_lag_s"] = dict(
        zip(("p50", "p95", "p99", "max"), (round(lag, 2) for lag in lags), strict=True)
    )

    with psycopg.connect(made.superuser_dsn, autocommit=True) as connection:
        for _ in range(0, asked.events, TOGETHER):
            connection.execute(MANY.encode(), (TOGETHER,))
        connection.execute("ANALYZE gateway.audit_event")
    began, sealed = time.perf_counter(), 0
    while step := await sealer.seal():
        sealed += step
    await checkpointing.sign_due()
    figures["events"] = sealed
    figures["sealed_per_s"] = round(sealed / (time.perf_counter() - began))
    while await anchoring.deliver():
        pass
    began = time.perf_counter()
    async with database.transaction() as session:
        found = await verify_audit(session, [record_key(RECORD_ORIGIN, folder / "audit.pub")], folder)
    figures["verify_in_place_s"] = round(time.perf_counter() - began, 1)
    figures["holds"] = found.holds
    figures |= await outside(database, folder)
    await database.close()
    return figures


async def outside(database: Database, folder: Path) -> dict[str, Any]:
    """Export, and check the export elsewhere."""
    key = record_key(RECORD_ORIGIN, folder / "audit.pub")
    file = folder / "record.jsonl"
    began = time.perf_counter()
    with file.open("w") as out:
        async with database.transaction() as session:
            async for line in export_record(session, key):
                out.write(line)
    exported = time.perf_counter() - began
    began = time.perf_counter()
    arguments = [
        "record",
        str(file),
        "--key",
        str(key),
        "--anchor",
        str(folder / "checkpoints.jsonl"),
        "--json",
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", verify_record.__file__, *arguments],
        capture_output=True,
        check=False,
    )
    found = json.loads(done.stdout)
    return {
        "export_s": round(exported, 1),
        "export_megabytes": round(file.stat().st_size / 1e6),
        "verify_stand_alone_s": round(time.perf_counter() - began, 1),
        "stand_alone_entries": found["entries"],
        "stand_alone_holds": found["holds"],
    }


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--events", type=int, default=1_000_000)
    asked = parser.parse_args()
    with created_cluster() as hasty, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        cluster = dataclasses.replace(hasty, durable=True)
        server = cluster.start(cluster.folder.parent / "postgres.log")
        try:
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE measured")
            database = migrated(lambda: cluster.dsn("measured"), folder)
            print(json.dumps(asyncio.run(measure(database, folder, asked)), indent=2))
        finally:
            cluster.stop(server)


if __name__ == "__main__":
    main()
