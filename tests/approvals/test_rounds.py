"""Sent back: the same item comes again with another draft, and the one before is kept."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Effect,
    HeldItem,
    ItemState,
    NoEffect,
    Tier,
    Weighing,
    approve,
    cancel,
    earlier_drafts,
    edit,
    hold_again,
    reject,
    send_back,
    take_effect,
    undo,
    votes_on,
)
from approvals import RejectionReason as Reason
from gateway import Conflict, Database, NotFound, Principal

from .queues import (
    OFFICER,
    POLICY,
    REP,
    SECOND,
    answer,
    have_read,
    held,
    in_a_transaction,
    let_pass,
    open_item,
    risky,
)

BETTER = answer("We look into it, <PERSON_1>. [1]")


async def sent_back(session: AsyncSession, tier: Tier = Tier.NORMAL) -> HeldItem:
    """An item whose sending back has taken effect."""
    item = await held(session, tier=tier)
    await send_back(session, POLICY, OFFICER, item.id, item.payload_hash, instruction="Name no amount.")
    await let_pass(session, 60)
    assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)
    return item


async def again(
    session: AsyncSession, item: HeldItem, *, weighing: Weighing | None = None, by: Principal = REP
) -> HeldItem:
    """Its next draft."""
    weighs = risky() if weighing is None else weighing
    drawn = await hold_again(session, POLICY, item.id, requester=by, payload=BETTER, weighing=weighs)
    await have_read(session, drawn)
    return drawn


async def test_the_next_draft_waits_in_the_same_item(database: Database) -> None:
    async with database.transaction() as session:
        item = await sent_back(session)
        next_round = await again(session, item)
        assert (next_round.id, next_round.round, next_round.state) == (item.id, 2, ItemState.PENDING)
        assert next_round.payload_hash == BETTER.digest() == next_round.current_hash
        assert (next_round.decided_by, next_round.effect_at) == (None, None)
        (before,) = await earlier_drafts(session, item.id)
        assert (before.round, before.payload_hash, before.instruction) == (
            1,
            answer().digest(),
            "Name no amount.",
        )
        await approve(session, POLICY, OFFICER, item.id, BETTER.digest())
        await let_pass(session, 60)
        effect = await take_effect(session, item.id, BETTER.digest())
        assert isinstance(effect, Effect)
        assert (effect.round, effect.payload, effect.released) == (2, BETTER, True)
        assert sorted(vote.round for vote in await votes_on(session, item.id)) == [1, 2]


async def test_a_draft_that_weighs_nothing_any_more_is_read_all_the_same(database: Database) -> None:
    async with database.transaction() as session:
        item = await sent_back(session, Tier.TOP)
        next_round = await again(session, item, weighing=Weighing())
        assert next_round.tier is Tier.TOP
        assert next_round.needed == 2
        assert next_round.reasons() == item.reasons()


async def test_the_same_draft_twice_is_one_round(database: Database) -> None:
    async with database.transaction() as session:
        item = await sent_back(session)
        assert [(await again(session, item)).round for _ in range(2)] == [2, 2]


async def test_only_what_was_sent_back_comes_again(database: Database) -> None:
    async with database.transaction() as session:
        waiting, early = await held(session), await held(session)
        await send_back(session, POLICY, OFFICER, early.id, early.payload_hash, instruction="Ask.")
        for item in (waiting, early):
            with pytest.raises(Conflict):
                await again(session, item)
        gone = await sent_back(session)
        with pytest.raises(NotFound):
            await again(session, gone, by=SECOND)


async def test_votes_of_an_earlier_round_do_not_count(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        await send_back(session, POLICY, OFFICER, item.id, item.payload_hash, instruction="Again.")
        await let_pass(session, 60)
        await take_effect(session, item.id, item.payload_hash)
        same = await hold_again(
            session, POLICY, item.id, requester=REP, payload=answer(), weighing=risky(Tier.TOP)
        )
        assert same.current_hash == item.payload_hash
        first = await approve(session, POLICY, OFFICER, item.id, same.current_hash)
        assert first.state is ItemState.PENDING
        assert (
            await approve(session, POLICY, SECOND, item.id, same.current_hash)
        ).state is ItemState.APPROVED


async def test_an_effect_of_a_round_is_taken_once(database: Database) -> None:
    async with database.transaction() as session:
        item = await sent_back(session)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DONE_BEFORE
        await again(session, item)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.PENDING


async def test_an_edit_of_the_second_draft_is_of_that_one(database: Database) -> None:
    async with database.transaction() as session:
        item = await sent_back(session)
        await again(session, item)
        await open_item(session, SECOND, item.id)
        edited = await edit(session, POLICY, SECOND, item.id, BETTER.digest(), "Shorter.")
        assert edited.held() == BETTER


async def test_the_database_itself_keeps_rounds_and_effects(database: Database) -> None:
    async with database.transaction() as session:
        item, waiting = await sent_back(session), await held(session)
        approved, rejected, cancelled = await held(session), await held(session), await held(session)
        await approve(session, POLICY, OFFICER, approved.id, approved.payload_hash)
        await reject(session, POLICY, OFFICER, rejected.id, rejected.payload_hash, reason=Reason.TONE)
        await cancel(session, REP, cancelled.id)
    for changed, change, rule in (
        (rejected, "state = 'approved'", "held_item_one_end"),
        (cancelled, "state = 'approved', decided_by = 'somebody'", "held_item_one_end"),
        (cancelled, "state = 'pending'", "held_item_one_end"),
        (approved, "current_hash = 'another'", "held_item_keeps_what_was_decided"),
        (approved, "final_payload = payload", "held_item_keeps_what_was_decided"),
        (approved, "needed = 2", "held_item_keeps_what_was_decided"),
        (approved, "decided_by = 'somebody'", "held_item_keeps_what_was_decided"),
        (approved, "effect_at = now()", "held_item_not_too_early"),
        (item, "final_payload = payload", "held_item_one_effect"),
        (waiting, "round = 2", "held_item_rounds"),
        (item, "round = 3, state = 'pending', effect_at = NULL, decided_by = NULL", "held_item_rounds"),
        (item, "effect_at = NULL", "held_item_one_effect"),
        (item, "state = 'approved'", "held_item_one_effect"),
        (waiting, "payload = '{}'", "held_item_keeps_its_payload"),
        (waiting, "requester = 'nobody'", "held_item_keeps_its_origin"),
        (waiting, "state = 'approved', decided_by = 'somebody'", "held_item_enough_votes"),
    ):
        with pytest.raises(IntegrityError, match=rule):
            await in_a_transaction(
                database,
                f"UPDATE approvals.held_item SET {change} WHERE id = :id",
                id=changed.id,
            )


async def test_the_database_itself_keeps_votes(database: Database) -> None:
    async with database.transaction() as session:
        item, waiting = await held(session), await held(session)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await undo(session, OFFICER, item.id)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
    undone, standing = "undone_at IS NOT NULL", "undone_at IS NULL"
    vote = (
        "INSERT INTO approvals.vote (id, item, round, reviewer, verdict, payload_hash) "
        "VALUES (gen_random_uuid(), :item, :round, :reviewer, 'approve', :hash)"
    )
    told = {"reviewer": SECOND.id, "hash": item.payload_hash}
    for of, number in ((item, 1), (waiting, 2)):
        with pytest.raises(IntegrityError, match="vote_while_pending"):
            await in_a_transaction(database, vote, item=of.id, round=number, **told)
    for which, to in ((undone, "NULL"), (undone, "now() + interval '1 hour'"), (standing, "NULL")):
        with pytest.raises(IntegrityError, match="vote_taken_back_once"):
            await in_a_transaction(database, f"UPDATE approvals.vote SET undone_at = {to} WHERE {which}")
    async with database.transaction() as session:
        await let_pass(session, 60)
        assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)
    with pytest.raises(IntegrityError, match="vote_taken_back_once"):
        await in_a_transaction(database, f"UPDATE approvals.vote SET undone_at = now() WHERE {standing}")


async def test_an_item_that_begins_released_is_none(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
    copy = (
        "INSERT INTO approvals.held_item (id, run, conversation, requester, payload, payload_hash, "
        "current_hash, policy_version, hits, marks, tier, state, deadline, decided_by) "
        "SELECT gen_random_uuid(), gen_random_uuid(), conversation, requester, payload, payload_hash, "
        "current_hash, policy_version, hits, marks, tier, 'approved', deadline, :who "
        "FROM approvals.held_item WHERE id = :id"
    )
    with pytest.raises(IntegrityError, match="held_item_begins_pending"):
        await in_a_transaction(database, copy, id=item.id, who=OFFICER.id)
