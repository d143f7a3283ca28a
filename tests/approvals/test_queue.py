"""What waits, in which order, and what ends without a decision."""

import uuid
from typing import Any

import pytest

from approvals import (
    MANY,
    AlreadyDecided,
    DeadlinePassed,
    Effect,
    ItemState,
    QueueFilter,
    QueueSort,
    QueueView,
    Tier,
    Weighing,
    approve,
    cancel,
    claim,
    counts,
    due_effects,
    get_item,
    hold,
    next_item,
    notices_for,
    officers_on_duty,
    order_of,
    pending_count,
    place_of,
    queue,
    say_customer_waits,
    sweep,
    take_effect,
)
from gateway import BadInput, Conflict, Database, NotAllowed, NotFound, Role

from .queues import (
    LEAD,
    OFFICER,
    POLICY,
    REP,
    SECOND,
    answer,
    held,
    let_pass,
    open_item,
    person,
    risky,
    run_sql,
)


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


async def test_what_a_customer_is_waiting_for_comes_first_in_its_tier(database: Database) -> None:
    async with database.transaction() as session:
        early = await held(session)
        await let_pass(session, 3600)
        late, top = await held(session), await held(session, tier=Tier.TOP)
        marked = await say_customer_waits(session, REP, late.id, waits=True)
        assert marked.customer_waits_since is not None
        listed = await queue(session, OFFICER)
        assert [entry.id for entry in listed] == [top.id, late.id, early.id]
        assert [entry.customer_waits_since is not None for entry in listed] == [False, True, False]
        assert (await place_of(session, late.id)).position == 2
        only = await queue(session, OFFICER, wanted=QueueFilter(customer_waits=True))
        assert [entry.id for entry in only] == [late.id]
        by_deadline = await queue(session, OFFICER, order=order_of(QueueSort.DEADLINE))
        assert [entry.id for entry in by_deadline].index(early.id) == 0
        await say_customer_waits(session, REP, late.id, waits=False)
        assert [entry.id for entry in await queue(session, OFFICER)] == [top.id, early.id, late.id]


async def test_of_deadlines_in_one_minute_the_one_that_a_customer_waits_for_is_first(
    database: Database,
) -> None:
    async with database.transaction() as session:
        first, second = await held(session), await held(session)
        await run_sql(
            session,
            "UPDATE approvals.held_item SET deadline = date_trunc('minute', deadline) "
            "+ CASE id WHEN :first THEN interval '1 second' ELSE interval '50 seconds' END",
            first=first.id,
        )
        await say_customer_waits(session, REP, second.id, waits=True)
        listed = await queue(session, OFFICER, order=order_of(QueueSort.DEADLINE))
        assert [entry.id for entry in listed] == [second.id, first.id]


async def test_that_a_customer_waits_is_recorded_and_told_to_officers_once(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        for waits in (True, True, False, False, True):
            await say_customer_waits(session, REP, item.id, waits=waits)
        told = [one for who in (OFFICER, SECOND) for one in await notices_for(session, who)]
        assert [one.event for one in told] == ["customer_waits"] * 2
        assert await notices_for(session, REP) == []
        rows = await run_sql(
            session,
            "SELECT event, actor, detail::text FROM gateway.audit_event "
            "WHERE event LIKE 'item.customer_waits%'",
        )
        recorded: Any = rows.all()
    assert sorted(event for event, _, _ in recorded) == [
        "item.customer_waits",
        "item.customer_waits",
        "item.customer_waits_no_longer",
    ]
    assert {actor for _, actor, _ in recorded} == {REP.id}
    assert "<PERSON_1>" not in repr(recorded)


async def test_only_the_requester_says_that_the_customer_waits_and_only_while_it_does(
    database: Database,
) -> None:
    async with database.transaction() as session:
        item, late = await held(session), await held(session)
        for other in (OFFICER, LEAD, person("ruth", Role.REP)):
            with pytest.raises(NotFound):
                await say_customer_waits(session, other, item.id, waits=True)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        with pytest.raises(AlreadyDecided):
            await say_customer_waits(session, REP, item.id, waits=True)
        await let_pass(session, 7 * 24 * 3600)
        with pytest.raises(DeadlinePassed):
            await say_customer_waits(session, REP, late.id, waits=True)


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
        assert (await sweep(session)).expired == [overdue.id]
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


async def test_counting_reads_no_more_decided_items_than_its_bound(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        columns = (
            "conversation, requester, payload, payload_hash, current_hash, policy_version, hits, marks, tier"
        )
        await run_sql(
            session,
            f"INSERT INTO approvals.held_item (id, run, state, deadline, {columns}) "
            f"SELECT gen_random_uuid(), gen_random_uuid(), 'pending', deadline, {columns} "
            "FROM approvals.held_item, generate_series(1, 2 * :many)",
            many=MANY,
        )
        ends = "UPDATE approvals.held_item SET state = 'expired', decided_at = now() WHERE id <> :id"
        await run_sql(session, ends, id=item.id)
        assert (await counts(session, OFFICER))[QueueView.EXPIRED] == MANY + 1
        assert (await counts(session, OFFICER))[QueueView.PENDING] == 1


async def test_another_reps_item_is_not_found(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        assert (await get_item(session, REP, item.id)).id == item.id
        with pytest.raises(NotFound):
            await get_item(session, person("bob", Role.REP), item.id)


async def test_an_overdue_item_ends_as_not_released(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        assert (await sweep(session)).expired == []
        await let_pass(session, 7 * 24 * 3600)
        assert (await sweep(session)).expired == [item.id]
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
