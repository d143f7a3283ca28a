"""`python -m tests.approvals.kill [KILLS]`: whoever works on the queue is killed; nothing is lost or doubled.

Starts a PostgreSQL of its own and, one after another, processes that hold, claim, decide, undo, expire
and carry out as fast as they can. Each is ended with SIGKILL after a random moment. What a process
did with an effect is a row in a table of its own, written in the effect's transaction, as a run's
events are. At the end one undisturbed worker drains the queue, and every item must have exactly one
decision or end, exactly one effect, a released text that was approved by somebody else than its
requester, and a decision whose audit event is there.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg

from approvals import (
    ApprovalEvent,
    Effect,
    QueueView,
    RejectionReason,
    approve,
    claim,
    due_effects,
    edit,
    expire_due,
    load_policy,
    queue,
    reject,
    take_effect,
    undo,
)
from gateway import CloisterError, Database, Role, register_events
from tests.clusters import running_cluster

from .queues import create_tables, held, person, run_sql, settings_of

_PROCESSES = 4
_OFFICERS = [person(f"officer{number}", Role.OFFICER) for number in range(6)]
_RIPEN = "UPDATE approvals.held_item SET effective_after = now() WHERE effect_at IS NULL"
_EFFECTS = "CREATE TABLE effect_seen (item uuid, hash text, pid integer, at timestamptz DEFAULT now())"


async def act(dsn: str, folder: Path, seed: int) -> None:
    """One process: everything, in any order, until it is killed."""
    register_events(ApprovalEvent)
    chance = random.Random(seed)  # noqa: S311
    policy = load_policy()
    policy = policy.model_copy(update={"review": policy.review.model_copy(update={"undo_seconds": 0.3})})
    database = Database(settings_of(dsn, folder, pool_size=4))

    async def review() -> None:
        officer = chance.choice(_OFFICERS)
        async with database.transaction() as session:
            waiting = [entry for entry in await queue(session, officer, QueueView.PENDING) if not entry.own]
        if not waiting:
            return
        entry = chance.choice(waiting)
        async with database.transaction() as session:
            item = await claim(session, policy, officer, entry.id)
        async with database.transaction() as session:
            match chance.randrange(3):
                case 0:
                    await approve(session, policy, officer, item.id, item.current_hash)
                case 1:
                    await edit(session, policy, officer, item.id, item.current_hash, f"{chance.random()}.")
                case _:
                    why = RejectionReason.OTHER
                    await reject(session, policy, officer, item.id, item.current_hash, reason=why)
        if chance.random() < 0.2:
            async with database.transaction() as session:
                await undo(session, officer, item.id)

    async def put() -> None:
        async with database.transaction() as session:
            item = await held(session, requester=chance.choice(_OFFICERS))
            if chance.random() < 0.2:
                await run_sql(
                    session,
                    "UPDATE approvals.held_item SET deadline = now() + interval '100 ms' WHERE id = :id",
                    id=item.id,
                )

    async def carry_out() -> None:
        await drain(database)

    await put()
    print("working", flush=True)
    while True:
        try:
            await chance.choice([review, review, put, carry_out])()
        except CloisterError:
            continue


async def drain(database: Database) -> int:
    """Expire and carry out what is due; gives how many effects there were."""
    async with database.transaction() as session:
        await expire_due(session)
        due = [(item.id, item.current_hash) for item in await due_effects(session)]
    done = 0
    for item, current in due:
        async with database.transaction() as session:
            if isinstance(await take_effect(session, item, current), Effect):
                await run_sql(
                    session,
                    "INSERT INTO effect_seen VALUES (:item, :hash, :pid)",
                    item=item,
                    hash=current,
                    pid=os.getpid(),
                )
                done += 1
    return done


async def finish(dsn: str, folder: Path) -> None:
    """Let what is left end by its deadline, and carry it out."""
    register_events(ApprovalEvent)
    database = Database(settings_of(dsn, folder))
    async with database.transaction() as session:
        await run_sql(session, "UPDATE approvals.held_item SET deadline = now() WHERE state = 'pending'")
        await run_sql(session, _RIPEN)
    while await drain(database):
        pass
    await database.close()


def check(dsn: str) -> dict[str, int]:
    """Figures of the end; every one but the first four must be 0."""
    questions = {
        "items": "SELECT count(*) FROM approvals.held_item",
        "released": "SELECT count(*) FROM approvals.held_item WHERE state IN ('approved', 'edited')",
        "rejected": "SELECT count(*) FROM approvals.held_item WHERE state = 'rejected'",
        "expired": "SELECT count(*) FROM approvals.held_item WHERE state = 'expired'",
        "without an effect": "SELECT count(*) FROM approvals.held_item WHERE effect_at IS NULL",
        "effects lost": "SELECT count(*) FROM approvals.held_item LEFT JOIN effect_seen ON item = id "
        "WHERE item IS NULL",
        "effects doubled": "SELECT count(*) FROM (SELECT item FROM effect_seen GROUP BY item "
        "HAVING count(*) > 1) AS twice",
        "effects of another text": "SELECT count(*) FROM effect_seen JOIN approvals.held_item ON item = id "
        "WHERE hash <> current_hash",
        "decided by the requester": "SELECT count(*) FROM approvals.held_item WHERE decided_by = requester",
        "released without a vote": "SELECT count(*) FROM approvals.held_item WHERE state IN "
        "('approved', 'edited') AND NOT EXISTS (SELECT FROM approvals.vote WHERE item = held_item.id "
        "AND undone_at IS NULL AND payload_hash = current_hash AND verdict IN ('approve', 'edit'))",
        "decisions without an event": "SELECT count(*) FROM approvals.held_item WHERE decided_by IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM gateway.audit_event WHERE subject = held_item.id::text "
        "AND event = 'item.' || held_item.state)",
        "decisions without a job": "SELECT count(*) FROM approvals.held_item WHERE NOT EXISTS (SELECT FROM "
        "jobs.procrastinate_jobs WHERE args ->> 'item' = held_item.id::text)",
    }
    with psycopg.connect(dsn) as connection:
        return {
            name: int(connection.execute(question.encode()).fetchone()[0])  # type: ignore[index]
            for name, question in questions.items()
        }


def main() -> int:
    """0 when nothing was lost or doubled."""
    if sys.argv[1:2] == ["act"]:
        asyncio.run(act(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with running_cluster() as cluster:
        figures = _run(cluster.dsn(), cluster.folder.parent, kills)
    if not figures["released"] or not figures["expired"]:
        print("Nothing was released or nothing expired: this run proves nothing.")
        return 2
    for name, number in figures.items():
        print(f"{name:28} {number}")
    return 1 if any(list(figures.values())[5:]) else 0


def _run(dsn: str, folder: Path, kills: int) -> dict[str, int]:
    register_events(ApprovalEvent)
    create_tables(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_EFFECTS)
    chance = random.Random(uuid.uuid4().int)  # noqa: S311
    running: list[subprocess.Popen[bytes]] = []
    killed = 0
    while killed < kills:
        while len(running) < _PROCESSES:
            seed = str(chance.randrange(1 << 30))
            command = [sys.executable, "-m", "tests.approvals.kill", "act", dsn, str(folder), seed]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        victim = running.pop(0)
        assert victim.stdout is not None
        victim.stdout.readline()
        time.sleep(chance.uniform(0.02, 1.0))
        if victim.poll() is not None:
            raise RuntimeError(f"a process ended by itself with {victim.returncode}")
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        killed += 1
    for victim in running:
        victim.kill()
        victim.communicate()
        killed += 1
    asyncio.run(finish(dsn, folder))
    return {"kills": killed, **check(dsn)}


if __name__ == "__main__":
    sys.exit(main())
