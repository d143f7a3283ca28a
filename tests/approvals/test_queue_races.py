"""Fifty reviewers at once on real connections: each item is decided once and takes effect once."""

import asyncio
import os
import random
import uuid
from collections import Counter

import pytest

from approvals import (
    AlreadyDecided,
    Effect,
    ItemState,
    RejectionReason,
    Tier,
    approve,
    claim,
    edit,
    reject,
    sweep,
    take_effect,
    undo,
)
from gateway import CloisterError, Database, Principal, Role

from .queues import POLICY, held, in_a_transaction, let_pass, person, run_sql

REVIEWERS = [person(f"officer{number}", Role.OFFICER) for number in range(50)]
# the default run has fewer items; README.md has the figure of 1,000
ITEMS = int(os.environ.get("CLOISTER_RACE_ITEMS", "60"))
ONE_IS_ENOUGH = POLICY.model_copy(
    update={"review": POLICY.review.model_copy(update={"second_for_edits": False})}
)
DECISIONS = ("item.approved", "item.edited", "item.rejected")


class Losers:
    """How those who came too late were refused."""

    def __init__(self) -> None:
        self.refusals: Counter[str] = Counter()
        self.unnamed = 0

    def note(self, refusal: CloisterError) -> None:
        self.refusals[type(refusal).__name__] += 1
        named = refusal.extra.get("winner") and refusal.extra.get("state")
        self.unnamed += refusal.status != 409 or not named


async def _decide(
    database: Database,
    reviewer: Principal,
    item: uuid.UUID,
    held_hash: str,
    losers: Losers | None = None,
) -> bool:
    """One attempt at one item, the way an officer would; whether it was this reviewer who decided."""
    chance = random.Random(f"{reviewer.id}{item}")  # noqa: S311
    fence = None
    try:
        async with database.transaction() as session:
            if chance.random() < 0.3:
                fence = (await claim(session, POLICY, reviewer, item)).fence
        async with database.transaction() as session:
            match chance.randrange(3):
                case 0:
                    done = await approve(session, POLICY, reviewer, item, held_hash, fence=fence)
                case 1:
                    words = reviewer.login
                    done = await edit(session, ONE_IS_ENOUGH, reviewer, item, held_hash, words, fence=fence)
                case _:
                    why = RejectionReason.OTHER
                    done = await reject(session, POLICY, reviewer, item, held_hash, reason=why, fence=fence)
    except CloisterError as refusal:
        if losers is not None:
            losers.note(refusal)
        return False
    return done.state is not ItemState.PENDING


@pytest.mark.timeout(1_800)
async def test_every_item_is_decided_once_and_takes_effect_once(database: Database) -> None:
    items: dict[uuid.UUID, str] = {}
    for _ in range(ITEMS):
        async with database.transaction() as session:
            item = await held(session)
            items[item.id] = item.payload_hash
    wins: Counter[uuid.UUID] = Counter()
    losers = Losers()

    async def review(reviewer: Principal) -> None:
        order = list(items)
        random.Random(reviewer.id).shuffle(order)  # noqa: S311
        for item in order:
            won = await _decide(database, reviewer, item, items[item], losers)
            wins[item] += won  # not in one line: it would add to what stood there before the wait

    await asyncio.gather(*map(review, REVIEWERS))
    await _free_claims(database)
    left = [item for item in items if not wins[item]]
    for one in left:
        attempts = [_decide(database, reviewer, one, items[one], losers) for reviewer in REVIEWERS]
        won = sum(await asyncio.gather(*attempts))
        wins[one] += won
    assert wins == dict.fromkeys(items, 1)
    assert losers.unnamed == 0, losers.refusals
    assert set(losers.refusals) == {"AlreadyDecided", "ClaimedByAnother"}

    async with database.transaction() as session:
        await let_pass(session, POLICY.review.undo_seconds + 1)
        rows = (await run_sql(session, "SELECT id, current_hash FROM approvals.held_item")).all()
    hashes = {row.id: row.current_hash for row in rows}
    effects: Counter[uuid.UUID] = Counter()

    async def work() -> None:
        for item, current in hashes.items():
            async with database.transaction() as session:
                outcome = await take_effect(session, item, current)
            effects[item] += isinstance(outcome, Effect)

    await asyncio.gather(*(work() for _ in range(8)))
    assert effects == dict.fromkeys(items, 1)
    async with database.transaction() as session:
        recorded = await run_sql(
            session,
            "SELECT subject, count(*) AS times FROM gateway.audit_event "
            "WHERE event = ANY(:decisions) GROUP BY subject",
            decisions=list(DECISIONS),
        )
        assert {row.subject: row.times for row in recorded} == {str(item): 1 for item in items}


async def _free_claims(database: Database) -> None:
    """Claims of reviewers who lost nothing but time run out."""
    await in_a_transaction(database, "UPDATE approvals.held_item SET claimed_by = NULL, claimed_until = NULL")


async def test_an_undo_and_an_effect_at_the_same_moment_never_both_happen(database: Database) -> None:
    reviewer = REVIEWERS[0]
    outcomes = []
    for _ in range(20):
        async with database.transaction() as session:
            item = await held(session)
            await approve(session, POLICY, reviewer, item.id, item.payload_hash)
            await let_pass(session, POLICY.review.undo_seconds - 0.01)

        async def undone(item_id: uuid.UUID = item.id) -> bool:
            try:
                async with database.transaction() as session:
                    await undo(session, reviewer, item_id)
            except CloisterError:
                return False
            return True

        async def effective(item_id: uuid.UUID = item.id, current: str = item.payload_hash) -> bool:
            async with database.transaction() as session:
                return isinstance(await take_effect(session, item_id, current), Effect)

        outcomes.append(await asyncio.gather(undone(), effective(), effective()))
    assert all(sum(outcome) <= 1 for outcome in outcomes)


async def test_a_deadline_and_a_decision_at_the_same_moment_never_both_happen(database: Database) -> None:
    for _ in range(20):
        async with database.transaction() as session:
            item = await held(session)
            await run_sql(
                session,
                "UPDATE approvals.held_item SET deadline = now() + interval '5 ms' WHERE id = :id",
                id=item.id,
            )

        async def expired(item_id: uuid.UUID = item.id) -> bool:
            async with database.transaction() as session:
                return item_id in (await sweep(session)).expired

        decided, *ends = await asyncio.gather(
            _decide(database, REVIEWERS[1], item.id, item.payload_hash), expired(), expired()
        )
        assert sum((decided, *ends)) <= 1


async def test_two_reviewers_of_the_top_tier_who_vote_at_once_decide_it(database: Database) -> None:
    async with database.transaction() as session:
        items = [await held(session, tier=Tier.TOP) for _ in range(20)]

    async def vote(reviewer: Principal) -> None:
        for item in items:
            async with database.transaction() as session:
                await approve(session, POLICY, reviewer, item.id, item.payload_hash)

    await asyncio.gather(vote(REVIEWERS[0]), vote(REVIEWERS[1]))
    async with database.transaction() as session:
        states = (await run_sql(session, "SELECT state FROM approvals.held_item")).scalars().all()
    assert states == [ItemState.APPROVED] * len(items)


async def test_an_officer_with_two_windows_does_not_wait_for_themselves(database: Database) -> None:
    """Many at a time in one window, one of them in the other: each would wait for what the other has."""
    reviewer = REVIEWERS[0]
    async with database.transaction() as session:
        first, second = await held(session), await held(session)

    async def other_window() -> None:
        async with database.transaction() as session:
            await approve(session, POLICY, reviewer, second.id, second.payload_hash)

    async with database.transaction() as session:
        await approve(session, POLICY, reviewer, first.id, first.payload_hash)
        other = asyncio.create_task(other_window())
        await _until_somebody_waits(database)
        decided = await approve(session, POLICY, reviewer, second.id, second.payload_hash)
    assert decided.state is ItemState.APPROVED
    with pytest.raises(AlreadyDecided):
        await other


async def _until_somebody_waits(database: Database) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(500):
        async with database.transaction() as session:
            if (await run_sql(session, waiting)).scalar_one():
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
