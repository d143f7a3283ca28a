"""Any two steps on one item at the same moment: one end with its one event, one effect, a clear refusal."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Decision,
    Effect,
    HeldItem,
    ItemState,
    Move,
    NoEffect,
    QueuePlans,
    RejectionReason,
    Tier,
    Verdict,
    answer_reviewer,
    cancel,
    claim,
    configure_queues,
    decide,
    decide_many,
    sweep,
    take_effect,
)
from gateway import BadInput, Conflict, Database, NotFound, Principal, Role

from .kill import FAULTS
from .queues import ADMIN, OFFICER, POLICY, REP, SECOND, held, in_a_transaction, person, run_sql

THIRD = person("ottilie", Role.OFFICER)
TIMES: Final = 2
Step = Callable[[AsyncSession, HeldItem], Awaitable[object]]


def _as(reviewer: Principal, verdict: Verdict | Move, **values: Any) -> Step:
    wanted = Decision(verdict, **values)

    async def step(session: AsyncSession, item: HeldItem) -> object:
        return await decide(session, POLICY, reviewer, item.id, item.payload_hash, wanted)

    return step


async def _many(session: AsyncSession, item: HeldItem) -> object:
    pairs = [(item.id, item.payload_hash)]
    (outcome,) = await decide_many(session, POLICY, THIRD, pairs, Decision(Verdict.APPROVE))
    if outcome.refusal:
        raise outcome.refusal
    return outcome.decided


async def _pass_deadline(session: AsyncSession, item: HeldItem) -> object:
    overdue = "UPDATE approvals.held_item SET deadline = now() WHERE id = :id AND state = 'pending'"
    await run_sql(session, overdue, id=item.id)
    return await sweep(session)


STEPS: Final[Mapping[str, Step]] = {
    "approve": _as(OFFICER, Verdict.APPROVE),
    "approve too": _as(SECOND, Verdict.APPROVE),
    "false alarm": _as(THIRD, Verdict.FALSE_ALARM),
    "edit": _as(SECOND, Verdict.EDIT, text="Another text."),
    "reject": _as(THIRD, Verdict.REJECT, reason=RejectionReason.TONE),
    "send back": _as(OFFICER, Verdict.SEND_BACK, note="Name no amount."),
    "many": _many,
    "hand on": _as(OFFICER, Move.REASSIGN, to=SECOND.id),
    "escalate": _as(SECOND, Move.ESCALATE),
    "ask": _as(THIRD, Move.ASK, note="Which order?"),
    "answer": lambda session, item: answer_reviewer(session, REP, item.id, "Order 7."),
    "claim": lambda session, item: claim(session, POLICY, THIRD, item.id),
    "cancel": lambda session, item: cancel(session, REP, item.id),
    "expire": _pass_deadline,
}
QUEUES: Final = QueuePlans.model_validate(
    {
        "version": "1",
        "queues": [
            {"name": "front", "title": "Front", "members": "everyone", "escalates_to": "general"},
            {"name": "general", "title": "General", "members": "everyone"},
        ],
    }
)
SOUND: Final = (
    "decided by the requester",
    "released without enough votes",
    "decisions without their one event",
    "events without their decision",
)
ENDINGS: Final = {
    "item.approved": ItemState.APPROVED,
    "item.edited": ItemState.EDITED,
    "item.rejected": ItemState.REJECTED,
    "item.sent_back": ItemState.SENT_BACK,
    "item.cancelled": ItemState.CANCELLED,
    "item.expired": ItemState.EXPIRED,
}


@pytest.mark.parametrize("tier", Tier)
async def test_any_two_steps_at_once_leave_one_end_with_its_one_event(database: Database, tier: Tier) -> None:
    items = []
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, QUEUES)
    for one, other in itertools.combinations_with_replacement(STEPS, 2):
        for turn in range(TIMES):
            async with database.transaction() as session:
                item = await held(session, tier=tier)
            items.append(item)
            order = (one, other) if turn % 2 else (other, one)
            await asyncio.gather(*(_step(database, STEPS[name], item) for name in order))
    await in_a_transaction(
        database,
        "UPDATE approvals.held_item SET effective_after = now() - interval '1 s'"
        " WHERE effective_after IS NOT NULL",
    )
    for item in items:
        await _ends_once(database, item)
    async with database.transaction() as session:
        for name in SOUND:
            assert (await run_sql(session, FAULTS[name])).scalar_one() == 0, name


async def _step(database: Database, step: Step, item: HeldItem) -> None:
    """One step of somebody in a transaction of their own; a refusal is a clear one, anything else a fault."""
    try:
        async with database.transaction() as session:
            await step(session, item)
    except (BadInput, NotFound, Conflict):
        return


async def _ends_once(database: Database, item: HeldItem) -> None:
    async with database.transaction() as session:
        now = await session.get_one(HeldItem, item.id)
        events = await run_sql(
            session, "SELECT event FROM gateway.audit_event WHERE subject = :id", id=str(item.id)
        )
        ends = [ENDINGS[event] for event in events.scalars() if event in ENDINGS]
    assert ends == ([] if now.state is ItemState.PENDING else [now.state])

    async def effect() -> Effect | NoEffect:
        async with database.transaction() as session:
            return await take_effect(session, item.id, now.current_hash)

    taken = [one for one in await asyncio.gather(effect(), effect()) if isinstance(one, Effect)]
    assert len(taken) == (now.state is not ItemState.PENDING)
