"""Who is at a queue, and whom an item can be handed to."""

from datetime import UTC, datetime, timedelta

import pytest

from approvals import (
    RejectionReason,
    Tier,
    approve,
    attendance,
    colleagues,
    configure_queues,
    queue,
    reject,
    set_absence,
)
from gateway import Database, NotAllowed, NotFound, Role

from .queues import ADMIN, OFFICER, POLICY, REP, SECOND, held, known_by, let_pass, person, queue_of

ASKS = person("nina@example.org", Role.REP, Role.OFFICER)
ASKS_TOO = person("nina+two@example.org", Role.OFFICER)
THIRD = person("oskar", Role.OFFICER)


async def test_an_item_can_be_handed_to_whoever_could_decide_it(database: Database) -> None:
    async with database.transaction() as session:
        await queue(session, SECOND)
        item = await held(session, requester=ASKS)
        other = await held(session)
        await reject(
            session, POLICY, ASKS_TOO, other.id, other.payload_hash, reason=RejectionReason.TONE
        )  # so that it is known whose account this is
        found = await colleagues(session, OFFICER, item.id)
    logins = [one.login for one in found]
    assert {SECOND.login, THIRD.login} <= set(logins)
    assert not {OFFICER.login, ASKS.login, ASKS_TOO.login, REP.login} & set(logins)
    assert (found[0].login, found[0].here) == (SECOND.login, True)


async def test_whoever_has_voted_on_a_text_is_no_help_with_it(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        logins = [one.login for one in await colleagues(session, OFFICER, item.id)]
        await known_by(session, SECOND, THIRD)
        later = [one.login for one in await colleagues(session, OFFICER, item.id)]
    assert THIRD.login in logins
    assert SECOND.login not in logins
    assert THIRD.login not in later, "it is the same person"


async def test_only_members_are_named_and_only_to_members(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, queue_of(OFFICER, SECOND))
        item = await held(session)
        assert item.queue == "legal"
        assert [one.login for one in await colleagues(session, OFFICER, item.id)] == [SECOND.login]
        with pytest.raises(NotFound):
            await colleagues(session, THIRD, item.id)
        with pytest.raises(NotAllowed):
            await colleagues(session, REP, item.id)


async def test_attendance_tells_who_is_at_the_queue_from_who_is_only_on_duty(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, queue_of(OFFICER, SECOND))
        await queue(session, OFFICER)
        there = await attendance(session, "legal")
        assert (list(there.here), list(there.elsewhere)) == ([OFFICER.id], [SECOND.id])
        await let_pass(session, 11 * 60)
        assert list((await attendance(session, "legal")).here) == []
        now = datetime.now(UTC)
        away = {"starts": now - timedelta(hours=1), "ends": now + timedelta(hours=1)}
        await set_absence(session, SECOND, **away, cover=THIRD.id)
        assert set((await attendance(session, "legal")).elsewhere) == {OFFICER.id, THIRD.id}


async def test_of_a_queue_of_everybody_only_those_at_it_are_named(database: Database) -> None:
    async with database.transaction() as session:
        await queue(session, SECOND)
        there = await attendance(session, "general")
    assert (list(there.here), list(there.elsewhere)) == ([SECOND.id], [])
