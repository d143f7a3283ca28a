"""Kept drafts go with their conversation and by retention, unless a legal hold keeps them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select

from assistant.composition import register_all_events
from assistant.conversations import delete_conversation, own_conversation
from assistant.runs.drafts import Drafts
from assistant.runs.tables import Run, RunGeneration
from gateway import (
    AuditRow,
    Database,
    GatewayEvent,
    HoldScope,
    Principal,
    RetentionSettings,
    Role,
    lift_hold,
    place_hold,
    record,
)

from .running import opened

register_all_events()
AUDE = Principal(str(uuid.uuid4()), "aude@example.org", frozenset({Role.AUDITOR}))


async def drafted(database: Database, rep: Principal, days_ago: int = 0) -> Run:
    """A run with a draft that was written some days ago."""
    run = await opened(database, rep)
    async with database.transaction() as session:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        session.add(RunGeneration(run_id=run.id, attempt=1, weighed=2, made_of={"question": "What?"}, at=at))
    return run


async def is_kept(database: Database, run: Run) -> bool:
    async with database.transaction() as session:
        return await session.get(RunGeneration, (run.id, 1)) is not None


async def deleted(database: Database, rep: Principal, run: Run) -> None:
    async with database.transaction() as session:
        await delete_conversation(session, await own_conversation(session, rep, run.conversation_id))


async def told(database: Database) -> dict[str, object]:
    """What the record's newest event of erased drafts says."""
    async with database.transaction() as session:
        query = select(AuditRow).where(AuditRow.event == "audit.drafts_erased")
        newest = (await session.exec(query.order_by(col(AuditRow.at).desc()))).first()
        return newest.detail if newest else {}


def drafts(database: Database, answers_days: int | None = None) -> Drafts:
    return Drafts(database, RetentionSettings(answers_days=answers_days))


async def test_drafts_go_with_their_conversation_and_no_others(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    gone, stays = await drafted(web_database, rep), await drafted(web_database, rep, 4_000)
    await deleted(web_database, rep, gone)
    before = await told(web_database)
    assert await drafts(work_database).erase_due() == 1
    erased = await told(web_database)
    assert await drafts(work_database).erase_due() == 0
    assert await told(web_database) == erased != before
    assert (await is_kept(web_database, gone), await is_kept(web_database, stays)) == (False, True)
    await deleted(web_database, rep, stays)
    assert await drafts(work_database).erase_due() == 1


async def test_drafts_go_when_the_time_of_answers_is_over(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    old, young = await drafted(web_database, rep, 31), await drafted(web_database, rep, 29)
    deleted_too = await drafted(web_database, rep)
    await deleted(web_database, rep, deleted_too)
    assert await drafts(work_database, 30).erase_due() == 2
    assert await told(web_database) == {"drafts": 2, "runs": 2, "of_deleted": 1, "kept_days": 30}
    assert (await is_kept(web_database, old), await is_kept(web_database, young)) == (False, True)


@pytest.mark.parametrize("scope", list(HoldScope))
async def test_a_legal_hold_keeps_the_drafts_of_what_it_is_about(
    web_database: Database, work_database: Database, rep: Principal, scope: HoldScope
) -> None:
    held, other = await drafted(web_database, rep), await drafted(web_database, rep)
    value = {
        HoldScope.RUN: str(held.id),
        HoldScope.CONVERSATION: str(held.conversation_id),
        HoldScope.ACTOR: rep.id,
        HoldScope.SUBJECT: f"item:{held.id}",
        HoldScope.ALL: "",
    }[scope]
    async with web_database.transaction() as session:
        if scope is HoldScope.SUBJECT:
            record(session, GatewayEvent.TEXT_RESTORED, rep, run=held.id, subject=value)
            await session.flush()
        hold = await place_hold(session, AUDE, scope, value, "case 31")
    await deleted(web_database, rep, held)
    await deleted(web_database, rep, other)
    is_of_both = scope in (HoldScope.ACTOR, HoldScope.ALL)
    assert await drafts(work_database).erase_due() == (0 if is_of_both else 1)
    assert (await is_kept(web_database, held), await is_kept(web_database, other)) == (True, is_of_both)
    async with web_database.transaction() as session:
        await lift_hold(session, AUDE, hold.id)
    assert await drafts(work_database).erase_due() == (2 if is_of_both else 1)
    assert not await is_kept(web_database, held)


async def test_no_draft_is_erased_while_a_hold_on_it_is_being_placed(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await drafted(web_database, rep)
    await deleted(web_database, rep, run)
    async with web_database.transaction() as session:
        hold = await place_hold(session, AUDE, HoldScope.RUN, str(run.id), "case 32")
        assert await drafts(work_database).erase_due() == 0
    assert await drafts(work_database).erase_due() == 0
    assert await is_kept(web_database, run)
    async with web_database.transaction() as session:
        await lift_hold(session, AUDE, hold.id)
    assert await drafts(work_database).erase_due() == 1


async def test_nobody_but_the_worker_erases_drafts(web_database: Database, rep: Principal) -> None:
    await drafted(web_database, rep)
    with pytest.raises(ProgrammingError, match="permission denied"):
        await drafts(web_database).erase_due()
