"""What waits, in which order, and what ends without a decision."""

import uuid

import pytest

from approvals import (
    AlreadyDecided,
    Effect,
    ItemState,
    QueueView,
    Tier,
    Weighing,
    approve,
    cancel,
    claim,
    counts,
    due_effects,
    expire_due,
    get_item,
    hold,
    next_item,
    officers_on_duty,
    open_item,
    pending_count,
    place_of,
    queue,
    take_effect,
)
from gateway import BadInput, Conflict, Database, NotAllowed, NotFound, Role

from .queues import LEAD, OFFICER, POLICY, REP, SECOND, answer, held, let_pass, person, risky


async def test_the_top_tier_comes_first_then_the_earliest_deadline(database: Database) -> None:
    async with database.transaction() as session:
        early = await held(session)
        await let_pass(session, 30)
        late = await held(session)
        top = await held(session, tier=Tier.TOP)
        listed = await queue(session, OFFICER)
        assert [(entry.id, entry.position) for entry in listed] == [(top.id, 1), (early.id, 2), (late.id, 3)]
        assert listed[1].age_seconds >= 30
        assert (await place_of(session, late.id)).position == 3
        assert await pending_count(session) == 3
        assert await next_item(session, OFFICER, early.id) == late.id
        assert await next_item(session, OFFICER, late.id) == top.id


async def test_the_list_shows_no_identity_of_the_rep(database: Database) -> None:
    async with database.transaction() as session:
        await held(session)
        (entry,) = await queue(session, OFFICER)
    assert entry.requester.startswith("rep-")
    assert REP.id not in repr(entry)
    assert "<PERSON_1>" not in repr(entry)


async def test_only_officers_see_the_queue(database: Database) -> None:
    async with database.transaction() as session:
        for caller in (REP, LEAD, person("audrey", Role.AUDITOR)):
            with pytest.raises(NotAllowed):
                await queue(session, caller)


async def test_each_tab_has_its_items_and_its_count(database: Database) -> None:
    async with database.transaction() as session:
        decided = await held(session)
        overdue = await held(session)
        await approve(session, POLICY, OFFICER, decided.id, decided.payload_hash)
        await let_pass(session, 7 * 24 * 3600)
        assert await expire_due(session) == [overdue.id]
        mine = await held(session)
        await claim(session, POLICY, OFFICER, mine.id)
        tabs = {view: [entry.id for entry in await queue(session, OFFICER, view)] for view in QueueView}
        numbers = await counts(session, OFFICER)
    assert tabs == {
        QueueView.PENDING: [mine.id],
        QueueView.MINE: [mine.id],
        QueueView.DECIDED: [decided.id],
        QueueView.EXPIRED: [overdue.id],
    }
    assert numbers == dict.fromkeys(QueueView, 1)


async def test_another_reps_item_is_not_found(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        assert (await get_item(session, REP, item.id)).id == item.id
        with pytest.raises(NotFound):
            await get_item(session, person("bob", Role.REP), item.id)


async def test_an_overdue_item_ends_as_not_released(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        assert await expire_due(session) == []
        await let_pass(session, 7 * 24 * 3600)
        assert await expire_due(session) == [item.id]
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert (effect.state, effect.released) == (ItemState.EXPIRED, False)


async def test_a_requester_cancels_what_waits_and_only_that(database: Database) -> None:
    async with database.transaction() as session:
        item, decided = await held(session), await held(session)
        with pytest.raises(NotFound):
            await cancel(session, OFFICER, item.id)
        assert (await cancel(session, REP, item.id)).state is ItemState.CANCELLED
        with pytest.raises(AlreadyDecided):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await approve(session, POLICY, OFFICER, decided.id, decided.payload_hash)
        with pytest.raises(AlreadyDecided):
            await cancel(session, REP, decided.id)


async def test_holding_the_same_payload_of_a_run_again_gives_the_same_item(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        values = {"run": item.run, "conversation": item.conversation, "requester": REP}
        again = await hold(session, POLICY, **values, payload=answer(), weighing=risky())  # type: ignore[arg-type]
        assert again.id == item.id
        with pytest.raises(Conflict):
            await hold(session, POLICY, **values, payload=answer("Other."), weighing=risky())  # type: ignore[arg-type]


async def test_what_is_not_risky_is_not_held(database: Database) -> None:
    async with database.transaction() as session:
        with pytest.raises(BadInput):
            await hold(
                session,
                POLICY,
                run=uuid.uuid4(),
                conversation=uuid.uuid4(),
                requester=REP,
                payload=answer(),
                weighing=Weighing(),
            )


async def test_an_officer_is_on_duty_for_ten_minutes_after_looking(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        assert await officers_on_duty(session) == 0
        await queue(session, OFFICER)
        await open_item(session, SECOND, item.id)
        assert await officers_on_duty(session) == 2
        assert await officers_on_duty(session, besides=OFFICER.id) == 1
        await let_pass(session, 601)
        assert await officers_on_duty(session) == 0


async def test_an_effect_whose_job_was_lost_is_found_by_its_column(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert list(await due_effects(session)) == []
        await let_pass(session, 60)
        assert [due.id for due in await due_effects(session)] == [item.id]
        await take_effect(session, item.id, item.payload_hash)
        assert list(await due_effects(session)) == []
