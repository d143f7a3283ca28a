"""`python -m tests.approvals.kill [KILLS]`: killed at every commit of claim → decide → release → audit.

Starts a PostgreSQL of its own. Each kill is a process that takes one item on its way (held, claimed, decided,
perhaps by two, sent back and held again, released, sealed into the record) and ends with SIGKILL at one
commit: just before it, while it is under way, or just after it, before anybody hears of it. Way, commit and
side go round in turn; what else is left to chance comes from the seed. What a process did with an effect
is a row in a table of its own, written in the effect's transaction, as a run's events are.

Whatever is left is then finished by others: leases run out, second officers decide, deadlines pass. Then
every item must have one decision or end and one effect a round, every decision its event and every event its
decision, and the record must be sealed whole.
"""

import asyncio
import itertools
import os
import random
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    ApprovalEvent,
    Decision,
    Effect,
    HeldItem,
    Tier,
    Verdict,
    approve,
    claim,
    decide,
    due_effects,
    hold_again,
    sweep,
    take_effect,
)
from gateway import (
    Anchoring,
    AnchorSettings,
    Checkpointing,
    CloisterError,
    Database,
    DatabaseSettings,
    Principal,
    Role,
    Sealer,
    make_signing_key,
    record_keys,
    register_events,
    verify_audit,
)
from tests.clusters import running_cluster

from .queues import (
    POLICY,
    answer,
    create_tables,
    employ,
    held,
    open_item,
    person,
    risky,
    run_sql,
    settings_of,
)

SIDES = ("before", "within", "after")
WAYS = ("approve", "two approve", "edit", "reject", "false alarm", "send back", "expire")
OFFICERS = [person(f"officer{number}", Role.OFFICER) for number in range(6)]
AT_ONCE = POLICY.model_copy(update={"review": POLICY.review.model_copy(update={"undo_seconds": 0})})
BETTER = answer("We look into it, <PERSON_1>. [1]")
_EFFECTS = """
    CREATE TABLE public.effect_seen
        (item uuid, round integer, hash text, pid integer, at timestamptz DEFAULT now())
"""


class FragileDatabase(Database):
    """Kills its process at one of its commits, counted from 1."""

    def __init__(self, settings: DatabaseSettings, commit: int, side: str, chance: random.Random) -> None:
        super().__init__(settings)
        self._commit, self._side, self._chance = commit, side, chance
        self.commits = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            await session.flush()
            self.commits += 1
            if self.commits == self._commit:
                self._strike()
        if self.commits == self._commit:
            _die()

    def _strike(self) -> None:
        if self._side == "before":
            _die()
        elif self._side == "within":
            threading.Timer(self._chance.uniform(0, 0.002), _die).start()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Recording:
    """What `work` does for the record: it seals, signs and anchors."""

    def __init__(self, database: Database, anchors: AnchorSettings) -> None:
        self._sealer = Sealer(database)
        self._checkpointing = Checkpointing(database, anchors)
        self._anchoring = Anchoring(database, anchors)

    async def go(self) -> None:
        """Until nothing is left to seal."""
        while await self._sealer.seal():
            pass
        await self._checkpointing.sign_due()
        await self._anchoring.deliver()


class Way:
    """One item on its way, each step a transaction."""

    def __init__(self, database: Database, way: str, chance: random.Random, recording: Recording) -> None:
        self._database = database
        self._way = way
        self._recording = recording
        self._first, self._second, self._asks = chance.sample(OFFICERS, 3)

    async def go(self) -> None:
        """From the question to the record."""
        tier = Tier.TOP if self._way == "two approve" else Tier.NORMAL
        async with self._database.transaction() as session:
            item = await held(session, requester=self._asks, tier=tier, read=False)
        if self._way == "expire":
            async with self._database.transaction() as session:
                await run_sql(
                    session, "UPDATE approvals.held_item SET deadline = now() WHERE id = :id", id=item.id
                )
            async with self._database.transaction() as session:
                await sweep(session)
        else:
            item = await self._decided(item)
        await release(self._database, item.id, item.current_hash)
        if self._way == "send back":
            async with self._database.transaction() as session:
                item = await again(session, item, self._asks)
            item = await self._take(item, self._second, Decision(Verdict.APPROVE))
            await release(self._database, item.id, item.current_hash)
        await self._recording.go()

    async def _decided(self, item: HeldItem) -> HeldItem:
        verdicts = {
            "two approve": Decision(Verdict.APPROVE),
            "approve": Decision(Verdict.APPROVE),
            "edit": Decision(Verdict.EDIT, text="Shorter."),
            "reject": Decision(Verdict.REJECT, reason="tone"),
            "false alarm": Decision(Verdict.FALSE_ALARM),
            "send back": Decision(Verdict.SEND_BACK, note="Name no amount."),
        }
        item = await self._take(item, self._first, verdicts[self._way])
        if self._way in {"two approve", "edit"}:
            item = await self._take(item, self._second, Decision(Verdict.APPROVE))
        return item

    async def _take(self, item: HeldItem, officer: Principal, wanted: Decision) -> HeldItem:
        """Claimed, and decided on that claim."""
        async with self._database.transaction() as session:
            await open_item(session, officer, item.id)
            mine = await claim(session, AT_ONCE, officer, item.id)
        decision = Decision(wanted.verdict, wanted.text, wanted.reason, wanted.note, fence=mine.fence)
        async with self._database.transaction() as session:
            return await decide(session, AT_ONCE, officer, item.id, item.current_hash, decision)


async def again(session: AsyncSession, item: HeldItem, requester: Principal) -> HeldItem:
    """The next draft of an item that was sent back."""
    return await hold_again(session, POLICY, item.id, requester=requester, payload=BETTER, weighing=risky())


async def release(database: Database, item: object, current: str) -> bool:
    """Take an effect and write it down with it."""
    async with database.transaction() as session:
        effect = await take_effect(session, item, current)  # type: ignore[arg-type]
        if not isinstance(effect, Effect):
            return False
        await run_sql(
            session,
            "INSERT INTO public.effect_seen VALUES (:item, :round, :hash, :pid)",
            item=effect.item,
            round=effect.round,
            hash=current,
            pid=os.getpid(),
        )
    return True


async def finish(settings: DatabaseSettings, anchors: AnchorSettings) -> None:
    """Others go on with what is left: leases run out, second officers decide, the rest expires."""
    database = Database(settings)
    chance = random.Random(7)  # noqa: S311
    async with database.transaction() as session:
        await run_sql(session, "UPDATE approvals.held_item SET claimed_until = now() WHERE claimed_by <> ''")
        waiting = (await run_sql(session, "SELECT id, current_hash FROM approvals.held_item")).all()
    for row in waiting:
        if chance.random() < 0.6:
            await _decided_by_others(database, row.id, row.current_hash, chance)
    async with database.transaction() as session:
        await run_sql(session, "UPDATE approvals.held_item SET deadline = now() WHERE state = 'pending'")
    async with database.transaction() as session:
        while (await sweep(session)).expired:
            pass
    while True:
        async with database.transaction() as session:
            due = [(item.id, item.current_hash) for item in await due_effects(session)]
        if not due:
            break
        for item, current in due:
            await release(database, item, current)
    await Recording(database, anchors).go()
    await database.close()


async def _decided_by_others(database: Database, item: object, current: str, chance: random.Random) -> None:
    for officer in chance.sample(OFFICERS, 3):
        try:
            async with database.transaction() as session:
                mine = await claim(session, AT_ONCE, officer, item)  # type: ignore[arg-type]
            async with database.transaction() as session:
                await open_item(session, officer, mine.id)
                await approve(session, AT_ONCE, officer, mine.id, current, fence=mine.fence)
        except CloisterError:
            continue


FIGURES = {
    "items": "SELECT count(*) FROM approvals.held_item",
    "rounds": "SELECT sum(round) FROM approvals.held_item",
    "released": "SELECT count(*) FROM approvals.held_item WHERE state IN ('approved', 'edited')",
    "rejected": "SELECT count(*) FROM approvals.held_item WHERE state = 'rejected'",
    "sent back": "SELECT count(*) FROM gateway.audit_event WHERE event = 'item.sent_back'",
    "expired": "SELECT count(*) FROM approvals.held_item WHERE state = 'expired'",
    "events": "SELECT count(*) FROM gateway.audit_event",
}
"""What happened."""

_DECISIONS = "('item.approved', 'item.edited', 'item.rejected', 'item.sent_back')"
_ROUNDS = (
    "(SELECT id, generate_series(1, round) AS round, round AS last, state, decided_by, effect_at "
    "FROM approvals.held_item) AS r"
)
_IN_ROUND = "subject = r.id::text AND (detail ->> 'round')::int = r.round"
FAULTS = {
    "still pending": "SELECT count(*) FROM approvals.held_item WHERE state = 'pending'",
    "without an effect": "SELECT count(*) FROM approvals.held_item WHERE effect_at IS NULL",
    "effects lost": f"SELECT count(*) FROM {_ROUNDS} WHERE NOT EXISTS "
    "(SELECT FROM effect_seen e WHERE e.item = r.id AND e.round = r.round)",
    "effects doubled": "SELECT count(*) FROM (SELECT FROM effect_seen GROUP BY item, round "
    "HAVING count(*) > 1) AS twice",
    "effects of another text": "SELECT count(*) FROM effect_seen e JOIN approvals.held_item i "
    "ON e.item = i.id AND e.round = i.round WHERE hash <> current_hash",
    "decided by the requester": "SELECT count(*) FROM approvals.held_item WHERE decided_by = requester",
    "released without enough votes": "SELECT count(*) FROM approvals.held_item i WHERE state IN "
    "('approved', 'edited') AND needed > (SELECT count(DISTINCT reviewer) FROM approvals.vote v "
    "WHERE item = i.id AND v.round = i.round AND undone_at IS NULL AND payload_hash = current_hash "
    "AND verdict IN ('approve', 'edit', 'false_alarm') AND reviewer <> requester)",
    "decisions without their one event": f"SELECT count(*) FROM {_ROUNDS} WHERE (decided_by IS NOT NULL "
    f"OR round < last) AND 1 <> (SELECT count(*) FROM gateway.audit_event WHERE {_IN_ROUND} AND "
    f"event = CASE WHEN round < last THEN 'item.sent_back' ELSE 'item.' || state END)",
    "events without their decision": f"SELECT count(*) FROM gateway.audit_event e LEFT JOIN {_ROUNDS} ON "
    f"{_IN_ROUND} WHERE event IN {_DECISIONS} AND (r.id IS NULL OR event <> "
    "CASE WHEN r.round < last THEN 'item.sent_back' ELSE 'item.' || state END)",
    "effects without their one event": f"SELECT count(*) FROM {_ROUNDS} WHERE 1 <> (SELECT count(*) "
    f"FROM gateway.audit_event WHERE {_IN_ROUND} AND event = 'item.took_effect')",
    "claims without their one event": "SELECT count(*) FROM approvals.held_item i WHERE fence <> "
    "(SELECT count(*) FROM gateway.audit_event WHERE subject = i.id::text AND event = 'item.claimed')",
    "decisions without a job": "SELECT count(*) FROM approvals.held_item WHERE NOT EXISTS (SELECT FROM "
    "jobs.procrastinate_jobs WHERE args ->> 'item' = held_item.id::text AND task_name = 'run.resume')",
    "events not sealed": "SELECT count(*) FROM gateway.audit_event e WHERE NOT EXISTS "
    "(SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id)",
}
"""What must not be: every one is 0."""


def turns(kills: int) -> Iterator[tuple[str, int, str]]:
    """Way, commit and side of each kill; 129 there are, and each comes before any comes again."""
    commits = {"two approve": 7, "edit": 7, "send back": 9}
    every = [
        (way, commit, side) for way in WAYS for commit in range(1, commits.get(way, 5) + 1) for side in SIDES
    ]
    random.Random(5).shuffle(every)  # noqa: S311
    yield from itertools.islice(itertools.cycle(every), kills)


def main() -> int:
    """0 when nothing was lost or doubled."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    with running_cluster() as cluster:
        figures, faults = run(cluster.dsn(), cluster.folder.parent, kills)
    for name, number in (figures | faults).items():
        print(f"{name:34} {number}")
    if not figures["released"] or not figures["expired"] or not figures["sent back"]:
        print("Nothing was released, expired or sent back: this run proves nothing.")
        return 2
    return 1 if any(faults.values()) else 0


def run(dsn: str, folder: Path, kills: int) -> tuple[dict[str, int], dict[str, int]]:
    """Figures and faults of so many kills."""
    register_events(ApprovalEvent)
    create_tables(dsn)
    settings = settings_of(dsn, folder, pool_size=2)
    private, public = folder / "seal.jwk", folder / "seal.pub.jwk"
    make_signing_key(private, public)
    anchors = AnchorSettings(folder=folder / "anchors", key_file=private, every_s=0)
    anchors.folder.mkdir()

    asyncio.run(_prepare(settings))
    killed = 0
    for seed, (way, commit, side) in enumerate(turns(kills)):
        killed += _killed(settings, anchors, seed, way, commit, side)
    asyncio.run(finish(settings, anchors))
    with psycopg.connect(dsn) as connection:
        counted = {
            name: int(connection.execute(question.encode()).fetchone()[0])  # type: ignore[index]
            for name, question in (FIGURES | FAULTS).items()
        }
    figures = {"kills": killed, **{name: counted[name] for name in FIGURES}}
    faults = {name: counted[name] for name in FAULTS}
    faults["faults in the record"] = asyncio.run(_faults_of_record(settings, public, anchors))
    faults["processes that were not killed"] = kills - killed
    return figures, faults


async def _prepare(settings: DatabaseSettings) -> None:
    database = Database(settings)
    async with database.transaction() as session:
        await employ(session)
        await run_sql(session, _EFFECTS)
    await database.close()


async def _faults_of_record(settings: DatabaseSettings, public: Path, anchors: AnchorSettings) -> int:
    database = Database(settings)
    async with database.transaction() as session:
        found = len((await verify_audit(session, record_keys(anchors.origin, public), anchors.folder)).faults)
    await database.close()
    return found


def _killed(
    settings: DatabaseSettings,
    anchors: AnchorSettings,
    seed: int,
    way: str,
    commit: int,
    side: str,
) -> bool:
    """Whether a process on this way ended by its own SIGKILL."""
    child = os.fork()
    if not child:
        chance = random.Random(seed)  # noqa: S311
        database = FragileDatabase(settings, commit, side, chance)
        asyncio.run(Way(database, way, chance, Recording(database, anchors)).go())
        os._exit(3)
    _, status = os.waitpid(child, 0)
    ended_by_kill = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not ended_by_kill:
        print(f"the process on the way '{way}' was not killed at commit {commit}", file=sys.stderr)
    return ended_by_kill


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{'seconds':34} {time.monotonic() - started:.0f}")
    sys.exit(code)
