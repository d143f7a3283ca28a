"""An approval counts only as long as whoever gave it may decide: also when the next one comes."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Decision,
    Effect,
    HeldItem,
    ItemState,
    Occasion,
    RejectionReason,
    RemarkKind,
    Tier,
    Verdict,
    approve,
    configure_queues,
    decide,
    has_just_lapsed,
    is_just_taken_back,
    join_accounts,
    notices_for,
    reject,
    remarks_on,
    standing_approvals,
    take_effect,
    undo,
)
from gateway import Database, Principal, Role

from .queues import (
    ADMIN,
    OFFICER,
    POLICY,
    REP,
    SECOND,
    employ,
    have_read,
    held,
    let_pass,
    person,
    queue_of,
    run_sql,
)

THIRD = person("oskar", Role.OFFICER)
FOURTH = person("odile", Role.OFFICER)


async def _leaves_the_queue(session: AsyncSession) -> None:
    await configure_queues(session, ADMIN, queue_of(SECOND, THIRD))


async def _loses_the_role(session: AsyncSession) -> None:
    change = "UPDATE gateway.account SET roles = '{rep}' WHERE id = :id"
    await run_sql(session, change, id=uuid.UUID(OFFICER.id))


async def _is_disabled(session: AsyncSession, officer: Principal = OFFICER) -> None:
    change = "UPDATE gateway.account SET disabled = true WHERE id = :id"
    await run_sql(session, change, id=uuid.UUID(officer.id))


async def _turns_out_to_have_asked(session: AsyncSession) -> None:
    await join_accounts(session, OFFICER.id, REP.id, operator="root")


Change = Callable[[AsyncSession], Awaitable[None]]
HOW: Final = {
    "leaves the queue": _leaves_the_queue,
    "loses the role": _loses_the_role,
    "is disabled": _is_disabled,
    "turns out to have asked": _turns_out_to_have_asked,
}
by_every_way = pytest.mark.parametrize("may_no_longer", HOW.values(), ids=HOW.keys())


async def _recorded(session: AsyncSession, item: HeldItem) -> list[str]:
    """What the record has of an item's votes, by name."""
    found = await run_sql(
        session,
        "SELECT event FROM gateway.audit_event WHERE subject = :item AND event = ANY(:votes) ORDER BY event",
        item=str(item.id),
        votes=["item.voted", "item.lapsed", "item.approved", "item.edited"],
    )
    return list(found.scalars())


@by_every_way
async def test_the_approval_of_who_may_no_longer_decide_is_not_the_first_of_two(
    database: Database, may_no_longer: Change
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, queue_of(OFFICER, SECOND, THIRD))
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
    async with database.transaction() as session:
        await may_no_longer(session)
    async with database.transaction() as session:
        second = await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        assert (second.state, second.decided_by, second.effective_after) == (ItemState.PENDING, None, None)
        assert await standing_approvals(session, item.id) == 1
        assert await has_just_lapsed(session, item.id)
        assert not await is_just_taken_back(session, second)
        assert [remark.kind for remark in await remarks_on(session, item.id)] == [RemarkKind.LAPSED]
    async with database.transaction() as session:
        assert not await has_just_lapsed(session, item.id)
        third = await approve(session, POLICY, THIRD, item.id, item.payload_hash)
        assert (third.state, third.decided_by) == (ItemState.APPROVED, THIRD.id)
        assert await _recorded(session, item) == ["item.approved", "item.lapsed", "item.voted", "item.voted"]
        await let_pass(session, 60)
        assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)


async def test_when_an_approval_lapses_the_queue_is_told_each_time(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
    for gone, comes in ((OFFICER, SECOND), (SECOND, FOURTH)):
        async with database.transaction() as session:
            await _is_disabled(session, gone)
            await approve(session, POLICY, comes, item.id, item.payload_hash)
    async with database.transaction() as session:
        told = [(one.item, one.event) for one in await notices_for(session, THIRD)]
        assert told == [(item.id, Occasion.LAPSED)] * 2


async def test_an_approval_whose_officer_is_back_when_the_second_comes_counts(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await _is_disabled(session)
        await employ(session)
        second = await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        assert second.state is ItemState.APPROVED
        assert not await has_just_lapsed(session, item.id)


@by_every_way
async def test_what_somebody_wrote_who_may_no_longer_decide_is_not_released_by_the_next(
    database: Database, may_no_longer: Change
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, queue_of(OFFICER, SECOND, THIRD))
        item = await held(session)
        edit = Decision(Verdict.EDIT, text="We will look into it.")
        edited = await decide(session, POLICY, OFFICER, item.id, item.payload_hash, edit)
        text = edited.current_hash
        await have_read(session, edited)
        await may_no_longer(session)
        again = await approve(session, POLICY, SECOND, item.id, text)
        assert (again.state, again.current_hash) == (ItemState.PENDING, item.payload_hash)
        assert (again.final_payload, again.needed) == (None, 1)
        assert await standing_approvals(session, item.id) == 0
        assert await _recorded(session, item) == ["item.lapsed", "item.voted", "item.voted"]
    async with database.transaction() as session:
        await have_read(session, again)
        done = await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        assert done.state is ItemState.APPROVED


async def test_who_agrees_with_a_text_that_is_taken_back_has_approved_nothing_that_stands(
    database: Database,
) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, THIRD, item.id, item.payload_hash)
    async with database.transaction() as session:
        edit = Decision(Verdict.EDIT, text="We will look into it.")
        edited = await decide(session, POLICY, OFFICER, item.id, item.payload_hash, edit)
        await have_read(session, edited)
        assert not await is_just_taken_back(session, edited)
    async with database.transaction() as session:
        await _is_disabled(session)
        again = await approve(session, POLICY, SECOND, item.id, edited.current_hash)
        assert (again.state, again.current_hash) == (ItemState.PENDING, item.payload_hash)
        assert await standing_approvals(session, item.id) == 1  # of the draft, by the third
        assert await is_just_taken_back(session, again)


async def test_an_edit_of_the_second_waits_for_another_whatever_became_of_the_first(
    database: Database,
) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await _is_disabled(session)
        edit = Decision(Verdict.EDIT, text="We will look into it.")
        edited = await decide(session, POLICY, SECOND, item.id, item.payload_hash, edit)
        assert (edited.state, edited.needed) == (ItemState.PENDING, 2)
        await have_read(session, edited)
        done = await approve(session, POLICY, THIRD, item.id, edited.current_hash)
        assert done.state is ItemState.EDITED


async def test_a_rejection_needs_nobodys_approval(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await _is_disabled(session)
        tone = RejectionReason.TONE
        done = await reject(session, POLICY, SECOND, item.id, item.payload_hash, reason=tone)
        assert done.state is ItemState.REJECTED


async def test_who_approved_second_can_take_it_back_though_the_first_lapsed(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await _is_disabled(session)
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        undone = await undo(session, SECOND, item.id)
        assert undone.state is ItemState.PENDING
        assert await standing_approvals(session, item.id) == 0
