"""A lease with a fence: what was decided on a lost one is refused, whoever has it now."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from approvals import (
    AlreadyDecided,
    ClaimedByAnother,
    HeldItem,
    ItemState,
    LeaseLost,
    RejectionReason,
    Tier,
    approve,
    claim,
    officer_pseudonym,
    reject,
    release_claim,
)
from gateway import Database

from .queues import OFFICER, POLICY, SECOND, held, in_a_transaction, let_pass

LEASE_SECONDS = POLICY.review.claim_minutes * 60


async def test_each_claim_has_a_higher_fence(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        first = (await claim(session, POLICY, OFFICER, item.id)).fence
        second = (await claim(session, POLICY, OFFICER, item.id)).fence
        await release_claim(session, OFFICER, item.id)
        third = (await claim(session, POLICY, SECOND, item.id)).fence
    assert 0 < first < second < third


async def test_a_decision_on_a_lost_lease_is_refused(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        mine = await claim(session, POLICY, OFFICER, item.id)
        await let_pass(session, LEASE_SECONDS + 1)
        with pytest.raises(LeaseLost):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)
        await claim(session, POLICY, SECOND, item.id)
        with pytest.raises(ClaimedByAnother):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)


async def test_a_decision_is_refused_when_the_same_person_took_it_again_elsewhere(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        here = (await claim(session, POLICY, OFFICER, item.id)).fence
        there = (await claim(session, POLICY, OFFICER, item.id)).fence
        for fence in (here, None):
            with pytest.raises(LeaseLost):
                await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=fence)
        done = await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=there)
        assert done.state is ItemState.APPROVED


async def test_renewing_keeps_the_fence_and_a_lost_lease_cannot_be_renewed(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        mine = (await claim(session, POLICY, OFFICER, item.id)).fence
        await let_pass(session, LEASE_SECONDS - 5)
        renewed = await claim(session, POLICY, OFFICER, item.id, fence=mine)
        assert renewed.fence == mine
        await let_pass(session, LEASE_SECONDS - 5)
        again = (await claim(session, POLICY, OFFICER, item.id)).fence
        with pytest.raises(LeaseLost):
            await claim(session, POLICY, OFFICER, item.id, fence=mine)
        await let_pass(session, LEASE_SECONDS + 5)
        with pytest.raises(LeaseLost):
            await claim(session, POLICY, OFFICER, item.id, fence=again)


async def test_an_older_window_does_not_give_back_the_lease_of_a_newer_one(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        older = (await claim(session, POLICY, OFFICER, item.id)).fence
        newer = (await claim(session, POLICY, OFFICER, item.id)).fence
        assert (await release_claim(session, OFFICER, item.id, fence=older)).claimed_by == OFFICER.id
        assert (await release_claim(session, OFFICER, item.id, fence=newer)).claimed_by is None


async def test_who_comes_too_late_is_told_the_winner_and_the_state(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await claim(session, POLICY, OFFICER, item.id)
        with pytest.raises(ClaimedByAnother) as refused:
            await claim(session, POLICY, SECOND, item.id)
        told = refused.value.extra
        assert (told["state"], told["winner"]) == ("pending", officer_pseudonym(OFFICER.id))
        await release_claim(session, OFFICER, item.id)
        why = RejectionReason.TONE
        await reject(session, POLICY, OFFICER, item.id, item.payload_hash, reason=why)
        with pytest.raises(AlreadyDecided) as late:
            await claim(session, POLICY, SECOND, item.id)
    assert late.value.status == 409
    assert late.value.extra == {
        "state": "rejected",
        "role": "officer",
        "winner": officer_pseudonym(OFFICER.id),
    }


async def test_of_many_who_claim_at_once_one_has_it(database: Database) -> None:
    async with database.transaction() as session:
        items = [await held(session, tier=Tier.TOP) for _ in range(10)]

    async def take(item: HeldItem, reviewer: int) -> bool:
        try:
            async with database.transaction() as session:
                await claim(session, POLICY, (OFFICER, SECOND)[reviewer], item.id)
        except ClaimedByAnother:
            return False
        return True

    for item in items:
        assert sorted(await asyncio.gather(take(item, 0), take(item, 1))) == [False, True]


async def test_the_database_itself_keeps_claims_sound(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await claim(session, POLICY, OFFICER, item.id)
    for change, rule in (
        ("claimed_until = NULL", "held_item_claim_has_an_end"),
        ("claimed_by = requester", "held_item_no_own_claim"),
        ("fence = 0", "held_item_fence_grows"),
        ("state = 'expired'", "held_item_claim_while_pending"),
    ):
        with pytest.raises(IntegrityError, match=rule):
            await in_a_transaction(
                database, f"UPDATE approvals.held_item SET {change} WHERE id = :id", id=item.id
            )
