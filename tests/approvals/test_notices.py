"""Notices are written with the fact, once, and taken by one sender at a time."""

import asyncio
from collections.abc import Sequence

from approvals import (
    Channel,
    DueNotice,
    Occasion,
    QueuePlans,
    configure_queues,
    mark_failed,
    mark_seen,
    mark_sent,
    notices_for,
    take_due_notices,
)
from approvals.queues.notices import TRIES
from gateway import Database

from .queues import ADMIN, OFFICER, REP, SECOND, held, let_pass, run_sql

EVERY_CHANNEL = QueuePlans.model_validate(
    {
        "version": "1",
        "queues": [
            {
                "name": "all",
                "title": "All",
                "rules": ["refund_or_credit_above_limit"],
                "members": [{"login": OFFICER.login}, {"login": SECOND.login}],
                "channels": ["page", "mail", "webhook"],
            }
        ],
    }
)


async def due(database: Database) -> Sequence[DueNotice]:
    """What one sender takes."""
    async with database.transaction() as session:
        return await take_due_notices(session)


async def test_each_officer_of_the_queue_is_told_by_each_of_its_channels(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        item = await held(session)
        await held(session, requester=OFFICER)
        for officer, told in ((OFFICER, 1), (SECOND, 2)):
            assert len(await notices_for(session, officer)) == told, "nobody is told of their own"
    taken = [notice for notice in await due(database) if notice.item == item.id]
    assert {(one.channel, one.recipient, one.event) for one in taken} == {
        (Channel.MAIL, OFFICER.id, Occasion.HELD),
        (Channel.MAIL, SECOND.id, Occasion.HELD),
        (Channel.WEBHOOK, "", Occasion.HELD),
    }


async def test_a_notice_is_taken_by_one_sender_and_again_when_that_one_died(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        await held(session)
    taken = await asyncio.gather(*(due(database) for _ in range(4)))
    assert sorted(len(one) for one in taken) == [0, 0, 0, 3]
    assert list(await due(database)) == []
    async with database.transaction() as session:
        await let_pass(session, 61)
    assert len(await due(database)) == 3


async def test_what_was_sent_is_not_taken_again(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        await held(session)
    for notice in await due(database):
        async with database.transaction() as session:
            await mark_sent(session, notice.id)
    async with database.transaction() as session:
        await let_pass(session, 86_400)
    assert list(await due(database)) == []


async def test_what_fails_is_tried_again_ever_later_and_given_up_in_the_end(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        await held(session)
    tries = []
    while taken := await due(database):
        tries.append(taken[0].tries)
        for notice in taken:
            async with database.transaction() as session:
                await mark_failed(session, notice, "The mail server refused it.")
        assert list(await due(database)) == []
        async with database.transaction() as session:
            await let_pass(session, 3_601)
    assert tries == list(range(1, TRIES + 1))
    async with database.transaction() as session:
        faults = await run_sql(
            session, "SELECT DISTINCT fault FROM approvals.notice WHERE given_up_at IS NOT NULL"
        )
        assert faults.scalars().all() == ["The mail server refused it."]


async def test_a_seen_notice_is_shown_no_more_and_others_are_not_mine_to_see(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        await held(session)
        (mine,) = await notices_for(session, OFFICER)
        assert await mark_seen(session, REP, [mine.id]) == 0
        assert await mark_seen(session, OFFICER, [mine.id]) == 1
        assert await mark_seen(session, OFFICER, [mine.id]) == 0
        assert list(await notices_for(session, OFFICER)) == []


async def test_a_notice_holds_no_text_of_the_item(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, EVERY_CHANNEL)
        await held(session)
        stored = await run_sql(session, "SELECT string_agg(notice::text, ' ') FROM approvals.notice")
        assert "refund" not in str(stored.scalar_one())
    assert "refund" not in repr(await due(database))
