"""Moments are columns: passed once each, by however many sweepers, after whatever pause or clock jump."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from approvals import (
    TICK,
    ItemState,
    QueuePlans,
    approve,
    cancel,
    claim,
    configure_queues,
    get_item,
    notices_for,
    sweep,
)
from gateway import Database, NotFound, Role

from .queues import ADMIN, OFFICER, POLICY, REP, held, let_pass, person, run_sql

SENIOR = person("sara", Role.OFFICER)
TEN_MINUTES = QueuePlans.model_validate(
    {
        "version": "1",
        "queues": [
            {
                "name": "front",
                "title": "Front",
                "rules": ["refund_or_credit_above_limit"],
                "members": [{"login": OFFICER.login}],
                "deadline_minutes": {"normal": 10},
                "remind_share": 0.5,
                "escalate_share": 0.8,
                "escalates_to": "senior",
            },
            {"name": "senior", "title": "Senior", "rules": ["none"], "members": [{"login": SENIOR.login}]},
        ],
    }
)
EVENTS = ("item.reminded", "item.escalated", "item.expired")


async def passed(database: Database) -> Counter[str]:
    """How often each thing happened, as the record has it."""
    async with database.transaction() as session:
        rows = await run_sql(
            session, "SELECT event FROM gateway.audit_event WHERE event = ANY(:events)", events=list(EVENTS)
        )
        return Counter(rows.scalars())


async def test_a_reminder_an_escalation_and_an_expiry_each_happen_once(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        item = await held(session)
        assert item.created_at is not None
        assert item.escalate_at == item.created_at + timedelta(minutes=8)
    happened = []
    for seconds in (200, 120, 200, 100, 3_600):
        async with database.transaction() as session:
            await let_pass(session, seconds)
        for _ in range(3):
            async with database.transaction() as session:
                await sweep(session)
        happened.append(await passed(database))
    assert [[seen[event] for event in EVENTS] for seen in happened] == [
        [0, 0, 0],
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 1],
        [1, 1, 1],
    ]
    async with database.transaction() as session:
        assert (await get_item(session, SENIOR, item.id)).state is ItemState.EXPIRED
        assert [notice.event for notice in await notices_for(session, REP)] == ["expired"]
        told = {notice.event for notice in await notices_for(session, SENIOR)}
    assert told == {"escalated"}


async def test_a_jump_over_everything_expires_and_does_nothing_else(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        await held(session)
        await let_pass(session, 30 * 86_400)
        done = await sweep(session)
        again = await sweep(session)
    assert (len(done.expired), done.reminded, done.escalated) == (1, [], [])
    assert (again.expired, again.reminded, again.escalated) == ([], [], [])


async def test_a_clock_that_is_put_back_makes_nothing_happen_again(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        await held(session)
        await let_pass(session, 310)
        assert len((await sweep(session)).reminded) == 1
        await let_pass(session, -310)
        assert (await sweep(session)).reminded == []
        await let_pass(session, 400)
        assert (await sweep(session)).reminded == []


async def test_many_sweepers_at_once_pass_each_moment_once(database: Database) -> None:
    count = 30
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        for _ in range(count):
            await held(session)
        await let_pass(session, 500)

    async def sweeper() -> tuple[int, int]:
        async with database.transaction() as session:
            done = await sweep(session, limit=7)
            return len(done.reminded), len(done.escalated)

    for _ in range(6):
        await asyncio.gather(*(sweeper() for _ in range(6)))
    assert await passed(database) == {"item.reminded": count, "item.escalated": count}
    async with database.transaction() as session:
        doubled = await run_sql(
            session,
            "SELECT count(*) FROM approvals.notice GROUP BY item, event, recipient HAVING count(*) > 1",
        )
        assert doubled.all() == []


async def test_a_sweep_that_dies_is_made_good_by_the_next(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        await held(session)
        await let_pass(session, 310)

    async def dies() -> None:
        async with database.transaction() as session:
            await sweep(session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await dies()
    async with database.transaction() as session:
        assert len((await sweep(session)).reminded) == 1


UNREADABLE = """
    UPDATE approvals.review_queue SET plan = plan || '{"of_a_later_release": 1}' WHERE name = 'front'
"""


async def test_what_is_overdue_expires_and_is_told_though_its_queue_cannot_be_read(
    database: Database,
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        item = await held(session)
        await let_pass(session, 3_600)
        await run_sql(session, UNREADABLE)
    async with database.transaction() as session:
        assert (await sweep(session)).expired == [item.id]
        assert [notice.event for notice in await notices_for(session, REP)] == ["expired"]
    assert await passed(database) == {"item.expired": 1}


async def test_a_queue_that_cannot_be_read_stops_no_timer_of_another(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        stuck, other = await held(session), await held(session)
        await run_sql(
            session,
            "UPDATE approvals.held_item SET queue = 'senior', escalate_at = NULL WHERE id = :id",
            id=other.id,
        )
        await let_pass(session, 500)
        await run_sql(session, UNREADABLE)
    async with database.transaction() as session:
        done = await sweep(session)
        assert (set(done.reminded), done.escalated) == ({stuck.id, other.id}, [])
        told = {one.item for one in await notices_for(session, OFFICER) if one.event == "reminded"}
        assert told == {stuck.id}, "an officer of a queue that cannot be read is told on their page"
    (line,) = [line for line in caplog.records if line.getMessage() == "review.moment_failed"]
    assert line.__dict__["fields"] == {"item": str(stuck.id), "step": "_escalate"}


async def test_what_could_not_be_escalated_is_tried_again_in_a_minute_and_not_before(
    database: Database,
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        item = await held(session)
        await let_pass(session, 481)
        await run_sql(session, UNREADABLE)
        assert (await sweep(session)).escalated == []
    async with database.transaction() as session:
        await run_sql(
            session,
            "UPDATE approvals.review_queue SET plan = plan - 'of_a_later_release' WHERE name = 'front'",
        )
        assert (await sweep(session)).escalated == []
        await let_pass(session, 60)
        assert (await sweep(session)).escalated == [item.id]
    assert await passed(database) == {"item.reminded": 1, "item.escalated": 1}


REFUSE = """
    CREATE FUNCTION approvals.refuse_one() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'this one does not end'; END $$
"""
REFUSED = """
    CREATE TRIGGER refuse_one BEFORE UPDATE ON approvals.held_item FOR EACH ROW
    WHEN (OLD.id = '{}' AND NEW.state = 'expired') EXECUTE FUNCTION approvals.refuse_one()
"""


async def test_an_item_that_the_database_does_not_let_end_leaves_the_others_their_end(
    database: Database,
) -> None:
    async with database.transaction() as session:
        refused, other = await held(session), await held(session)
        await let_pass(session, 30 * 86_400)
        await run_sql(session, REFUSE)
        await run_sql(session, REFUSED.format(refused.id))
        assert (await sweep(session)).expired == [other.id]
        await run_sql(session, "DROP FUNCTION approvals.refuse_one() CASCADE")
        assert (await sweep(session)).expired == [refused.id]


async def test_what_is_decided_is_neither_reminded_of_nor_escalated_nor_expired(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        decided, gone = await held(session), await held(session)
        await approve(session, POLICY, OFFICER, decided.id, decided.payload_hash)
        await cancel(session, REP, gone.id)
        await let_pass(session, 86_400)
        done = await sweep(session)
    assert (done.reminded, done.escalated, done.expired) == ([], [], [])


async def test_an_escalation_takes_the_item_from_who_holds_it(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        item = await held(session)
        await let_pass(session, 479)
        mine = await claim(session, POLICY, OFFICER, item.id)
        await let_pass(session, 2)
        assert (await sweep(session)).escalated == [item.id]
        with pytest.raises(NotFound):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)
        await approve(session, POLICY, SENIOR, item.id, item.payload_hash)


async def test_a_job_nudges_at_each_moment(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, TEN_MINUTES)
        item = await held(session)
        jobs = await run_sql(
            session,
            "SELECT scheduled_at FROM jobs.procrastinate_jobs WHERE task_name = :task ORDER BY 1",
            task=TICK,
        )
        assert jobs.scalars().all() == [item.remind_at, item.escalate_at, item.deadline]
