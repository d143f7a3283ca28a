"""Kill the sync, and the CRM under it, while people write: `python -m tests.retrieval.kills --kills 200`.

A retrieval process in a child follows a CRM in which writers insert, update, delete, move, undo and empty. It
is killed at random moments and at named points, in the middle of a first comparison too; single processes of
PostgreSQL are killed, and the whole server is stopped without a word and started again. Then everybody rests,
and what the index holds is compared with one that was filled from the CRM as it is then, row by row.

Ends with 1 when a row is lost, a ghost or doubled, or rights or texts differ.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from assistant.appliance.postgres import PostgresCluster
from retrieval import SyncSettings, seed_demo_company
from retrieval.index import Known
from tests.clusters import running_cluster

from .stand import Stand
from .writers import Writers

ROOT = Path(__file__).parents[2]
FEW = """
DELETE FROM accounts WHERE id NOT IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY territory_id, restricted ORDER BY id) AS n FROM accounts
    ) AS numbered WHERE n <= 2
);
DELETE FROM cases WHERE id % 2 = 0;
DELETE FROM articles WHERE id > 12 AND audience <> 'lead';
"""
WRITING = ("before page", "after page", "before put", "half put", "after put", "before flush", "after flush",
           "before confirm", "after confirm", "before drop", "after drop")  # fmt: skip
BEGINNING = ("before slot", "after slot", "before page", "before put", "half put", "after put",
             "before flush", "before confirm")  # fmt: skip
_POINT_S = 40.0


@dataclass
class Report:
    """What was done and what it came to. Everything from `lost` on must be 0."""

    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    writes: int = 0
    rows: int = 0
    pieces: int = 0
    lost: int = 0
    ghosts: int = 0
    doubles: int = 0
    half_written: int = 0
    other_rights: int = 0
    other_texts: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not any(
            (self.lost, self.ghosts, self.doubles, self.half_written, self.other_rights, self.other_texts)
        )

    def shown(self) -> dict[str, Any]:
        found = {**vars(self), "all_kills": self.kills.total(), "kills": dict(sorted(self.kills.items()))}
        return found | {"writes_a_second": round(self.writes / max(self.seconds, 0.001), 1)}


class Killing:
    """One run over a CRM in a cluster of its own."""

    def __init__(self, stand: Stand, crm: "CrmServer", seed: int, rate: float) -> None:
        self._stand = stand
        self._crm = crm
        self._draw = random.Random(seed)  # noqa: S311 - test data
        self._writers = Writers(stand.crm_dsn, rate=rate, seed=seed, truncating=True, renaming=False)
        self._child: Child | None = None
        self._nursery = Nursery(stand.folder / "child.log")
        self._settings = stand.folder / "settings.json"
        self._settings.write_text(stand.settings.model_dump_json())
        self.report = Report()

    async def run(self, kills: int) -> Report:
        await self._nursery.open()
        began = time.monotonic()
        await asyncio.to_thread(self._writers.start)
        ways: list[tuple[int, Callable[[], Any]]] = [
            (30, self._child_at_some_moment),
            (30, self._child_while_it_writes),
            (12, self._child_while_it_begins),
            (6, self._child_after_a_lost_slot),
            (8, self._stream),
            (6, self._some_backend),
            (8, self._server),
        ]
        for number in range(1, kills + 1):
            (way,) = self._draw.choices([way for _, way in ways], [weight for weight, _ in ways])
            await way()
            if number % 10 == 0:
                sys.stderr.write(f"{number} of {kills}, {time.monotonic() - began:.0f} s\n")
        await asyncio.to_thread(self._writers.stop)
        self.report.seconds = time.monotonic() - began
        self.report.writes = self._writers.written
        await self._rest()
        await self._compare()
        return self.report

    # ── Ways to kill ─────────────────────────────────────────────────────────────────────────────────

    async def _child_at_some_moment(self) -> None:
        await self._running()
        await asyncio.sleep(self._draw.uniform(0.1, 3.0))
        await self._kill_child("child at some moment")

    async def _child_while_it_writes(self) -> None:
        point = self._draw.choice(WRITING)
        number = self._draw.randint(1, 3)
        await self._die_at(point, number)

    async def _child_while_it_begins(self) -> None:
        """The index is new: it is killed in the middle of the first comparison."""
        await self._kill_child(None)
        shutil.rmtree(self._stand.settings.index.folder, ignore_errors=True)
        await self._die_at(
            self._draw.choice(BEGINNING), self._draw.choice((1, 1, 2, 4, 7)), "first comparison"
        )

    async def _child_after_a_lost_slot(self) -> None:
        await self._kill_child(None)
        await self._crm.execute("SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots")
        await self._crm.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        await self._die_at(self._draw.choice(BEGINNING), 1, "lost slot")

    async def _stream(self) -> None:
        await self._running()
        await asyncio.sleep(self._draw.uniform(0.1, 1.5))
        if await self._crm.kill("SELECT active_pid FROM pg_replication_slots WHERE active_pid IS NOT NULL"):
            self.report.kills["postgres: the stream's process"] += 1

    async def _some_backend(self) -> None:
        await self._running()
        await asyncio.sleep(self._draw.uniform(0.1, 1.5))
        backends = (
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
        )
        if await self._crm.kill(backends):
            self.report.kills["postgres: somebody's process"] += 1

    async def _server(self) -> None:
        await self._running()
        await asyncio.sleep(self._draw.uniform(0.1, 1.5))
        await asyncio.to_thread(self._crm.restart_without_a_word)
        self.report.kills["postgres: the server"] += 1

    # ── The child ────────────────────────────────────────────────────────────────────────────────────

    async def _running(self, crash_at: str = "") -> "Child":
        if self._child is None or self._child.ended or crash_at:
            await self._kill_child(None)
            self._child = await self._nursery.child(self._settings, crash_at)
        return self._child

    async def _die_at(self, point: str, number: int, when: str = "") -> None:
        child = await self._running(f"{point},{number}")
        name = f"child {f'in a {when}, ' if when else ''}{point}"
        try:
            async with asyncio.timeout(_POINT_S):
                code = await child.wait()
        except TimeoutError:
            await self._kill_child(f"child at some moment, having missed “{point}”")
            return
        self._child = None
        assert code == -signal.SIGKILL, f"the child ended by itself: {code}"
        self.report.kills[name] += 1

    async def _kill_child(self, counted_as: str | None) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        code = await child.wait()
        assert code == -signal.SIGKILL, f"the child ended by itself: {code}"
        if counted_as:
            self.report.kills[counted_as] += 1

    # ── The end ──────────────────────────────────────────────────────────────────────────────────────

    async def _rest(self) -> None:
        """Until everything that was written is durable in the index."""
        await self._crm.execute("CHECKPOINT")
        ((end,),) = await self._crm.execute("SELECT pg_current_wal_lsn() - '0/0'")
        await self._running()
        async with asyncio.timeout(180):
            while True:
                found = await self._crm.execute(
                    "SELECT max(confirmed_flush_lsn - '0/0') FROM pg_replication_slots"
                )
                if (found[0][0] or 0) >= end and self._is_sound():
                    break
                await asyncio.sleep(0.2)
        await self._kill_child(None)
        await self._nursery.close()

    def _is_sound(self) -> bool:
        """Whether nothing is left to compare: then every kind is marked."""
        ((open_kinds,),) = self._stand.appliance("SELECT count(*) FROM retrieval.sync WHERE slot IS NULL")
        return bool(open_kinds == 0)

    async def _compare(self) -> None:
        async with self._stand.index() as index:
            found, rights = await index.load(), await index.rights()
        fresh = self._fresh()
        async with fresh.running() as process:
            await process.caught_up()
        async with fresh.index() as index:
            expected, expected_rights = await index.load(), await index.rights()
        report = self.report
        kinds = expected.keys() | found.keys()
        for kind in sorted(kinds):
            report.rows += len(expected.get(kind, {}))
            self._compare_kind(kind, expected.get(kind, {}), found.get(kind, {}))
        for ref, keys in expected_rights.items():
            if rights.get(ref, keys) != keys:
                report.other_rights += 1
                report.examples.append(f"rights of {ref}")
        in_crm = await self._crm.execute("SELECT count(*) FROM case_notes")
        assert len(expected["note"]) == in_crm[0][0]  # the oracle itself is whole

    def _compare_kind(self, kind: str, expected: dict[str, Known], found: dict[str, Known]) -> None:
        report = self.report
        for key in expected.keys() - found.keys():
            report.lost += 1
            report.examples.append(f"lost {kind}:{key}")
        for key in found.keys() - expected.keys():
            report.ghosts += 1
            report.examples.append(f"ghost {kind}:{key}")
        for key in expected.keys() & found.keys():
            right, held = expected[key], found[key]
            report.pieces += len(right.points)
            report.half_written += not held.version
            report.doubles += len(held.points.keys() - right.points.keys())
            report.lost += len(right.points.keys() - held.points.keys())
            if held.points != right.points:
                report.other_texts += 1
                report.examples.append(f"pieces of {kind}:{key}")

    def _fresh(self) -> Stand:
        settings = self._stand.settings.model_copy(
            update={
                "index": self._stand.settings.index.model_copy(
                    update={"folder": self._stand.folder / "fresh"}
                ),
                "sync": SyncSettings(follow="poll"),
            }
        )
        return replace(self._stand, settings=settings)


class Child:
    """A forked retrieval process."""

    def __init__(self, number: int, told: asyncio.StreamReader) -> None:
        self._number = number
        self._told = asyncio.create_task(told.readline())

    @property
    def ended(self) -> bool:
        return self._told.done()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._number, signal.SIGKILL)

    async def wait(self) -> int:
        """How it ended; may be asked for again when that was cut short."""
        return int(await asyncio.shield(self._told))


class Nursery:
    """A process that forks children, one at a time."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.retrieval.sync_child",
                "nursery",
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

    async def child(self, settings: Path, crash_at: str) -> Child:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{settings}\t{crash_at}\n".encode())
        await self._process.stdin.drain()
        return Child(int(await self._process.stdout.readline()), self._process.stdout)

    async def close(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


class CrmServer:
    """The CRM's PostgreSQL, to be hurt."""

    def __init__(self, cluster: PostgresCluster, dsn: str) -> None:
        self._cluster = cluster
        self._dsn = dsn
        self._again: subprocess.Popen[bytes] | None = None

    async def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement, as soon as the server answers."""

        def run() -> list[tuple[Any, ...]]:
            until = time.monotonic() + 60
            while True:
                try:
                    with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                        cursor = connection.execute(statement)
                        return cursor.fetchall() if cursor.description else []
                except psycopg.OperationalError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.1)

        return await asyncio.to_thread(run)

    async def kill(self, which: str) -> bool:
        """Kill the process that a statement finds; PostgreSQL then restarts all of them by itself."""
        for (pid,) in await self.execute(which):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def restart_without_a_word(self) -> None:
        """As `pg_ctl -m immediate restart` does."""
        pid = int((self._cluster.data / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGQUIT)
        until = time.monotonic() + 30
        while _lives(pid) and time.monotonic() < until:
            time.sleep(0.05)
        self._again = self._cluster.start(self._cluster.folder.parent / "postgres.log")

    def stop(self) -> None:
        if self._again is not None:
            self._cluster.stop(self._again)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def killed(kills: int, seed: int, rate: float, folder: Path) -> Report:
    """Prepare two clusters and a small company, and run."""
    with running_cluster() as crm, running_cluster() as appliance:
        with psycopg.connect(crm.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE demo")
            # what is committed is on the disk: else a server that is stopped forgets what was read already
            connection.execute("ALTER DATABASE demo SET synchronous_commit = on")
        with psycopg.connect(appliance.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
        seed_demo_company(crm.dsn("demo"))
        with psycopg.connect(crm.dsn("demo"), autocommit=True) as connection:
            connection.execute(FEW)
        sync = SyncSettings(poll_s=0.3, fill_vectors=False)
        stand = Stand.make(folder, appliance.dsn("appliance"), crm.dsn("demo"), sync=sync)
        server = CrmServer(crm, crm.dsn("demo"))
        try:
            return asyncio.run(Killing(stand, server, seed, rate).run(kills))
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=120, help="writes a second")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloister-kills-") as folder:
        report = killed(chosen.kills, chosen.seed, chosen.rate, Path(folder))
        print(json.dumps(report.shown(), indent=2))
        if not report.clean:
            log = Path(folder, "child.log")
            sys.stderr.write(log.read_text("utf-8")[-4000:] if log.exists() else "")
    sys.exit(0 if report.clean else 1)


if __name__ == "__main__":
    main()
