"""Handed on, escalated, asked: the item stays, and who decides it changes."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from approvals import (
    AlreadyDecided,
    AssignedToAnother,
    Decision,
    Effect,
    ItemState,
    LeaseLost,
    Move,
    NothingAsked,
    NothingToEscalateTo,
    QueuePlans,
    QueueView,
    RemarkKind,
    Tier,
    Verdict,
    answer_reviewer,
    approve,
    cancel,
    claim,
    configure_queues,
    decide,
    get_item,
    next_item,
    notices_for,
    queue,
    remarks_on,
    set_absence,
    standing_approvals,
    take_effect,
)
from gateway import BadInput, Database, NotFound, Principal, Role

from .queues import ADMIN, OFFICER, POLICY, REP, SECOND, held, let_pass, person, run_sql

SENIOR = person("sara", Role.OFFICER)


def escalating(*seniors: Principal) -> QueuePlans:
    """A queue whose items escalate to one with these members."""
    return QueuePlans.model_validate(
        {
            "version": "1",
            "queues": [
                {
                    "name": "front",
                    "title": "Front",
                    "rules": ["refund_or_credit_above_limit"],
                    "members": [{"login": OFFICER.login}, {"login": SECOND.login}],
                    "escalates_to": "senior",
                },
                {
                    "name": "senior",
                    "title": "Senior",
                    "rules": ["none"],
                    "members": [{"login": one.login} for one in seniors],
                },
            ],
        }
    )


ESCALATING = escalating(SENIOR)


async def move(session: Any, by: Any, item: Any, verdict: Move, **values: Any) -> Any:
    """One move, on the text as it is held."""
    return await decide(session, POLICY, by, item.id, item.current_hash, Decision(verdict, **values))


async def test_who_is_given_an_item_alone_decides_it(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        mine = await claim(session, POLICY, OFFICER, item.id)
        moved = await move(
            session, OFFICER, item, Move.REASSIGN, to=SECOND.id, note="Yours.", fence=mine.fence
        )
        assert (moved.assigned_to, moved.claimed_by, moved.state) == (SECOND.id, None, ItemState.PENDING)
        with pytest.raises(AssignedToAnother):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        with pytest.raises(AssignedToAnother):
            await claim(session, POLICY, OFFICER, item.id)
        assert [entry.id for entry in await queue(session, SECOND, QueueView.MINE)] == [item.id]
        assert [notice.event for notice in await notices_for(session, SECOND)] == ["assigned"]
        assert [(one.kind, one.text) for one in await remarks_on(session, item.id)] == [
            (RemarkKind.HANDED_ON, "Yours.")
        ]
        done = await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        assert done.state is ItemState.APPROVED


@pytest.mark.parametrize("how", ["left the queue", "lost the role", "disabled", "away"])
async def test_what_was_given_to_who_cannot_decide_it_waits_for_all(database: Database, how: str) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, ESCALATING)
        item = await held(session)
        await move(session, OFFICER, item, Move.REASSIGN, to=SECOND.id)
        assert await next_item(session, OFFICER, uuid.uuid4()) is None
        if how == "left the queue":
            await run_sql(
                session, "UPDATE approvals.member SET until = now() WHERE account = :who", who=SECOND.id
            )
        elif how == "away":
            now = (await run_sql(session, "SELECT now()")).scalar_one()
            await set_absence(session, SECOND, starts=now, ends=now + timedelta(days=1), cover=None)
        else:
            change = "roles = '{rep}'" if how == "lost the role" else "disabled = true"
            await run_sql(
                session, f"UPDATE gateway.account SET {change} WHERE id = :id", id=uuid.UUID(SECOND.id)
            )
        assert await next_item(session, OFFICER, uuid.uuid4()) == item.id
        mine = await claim(session, POLICY, OFFICER, item.id)
        done = await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)
        assert done.state is ItemState.APPROVED


async def test_nobody_is_given_what_they_may_not_decide(database: Database) -> None:
    both = person("olivia", Role.OFFICER, Role.REP)
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, ESCALATING)
        item = await held(session, requester=both)
        for to in (SENIOR.id, REP.id, both.id, "nobody"):
            with pytest.raises(BadInput):
                await move(session, OFFICER, item, Move.REASSIGN, to=to)


async def test_an_escalated_item_leaves_its_queue_and_the_lease_on_it_ends(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, ESCALATING)
        item = await held(session)
        mine = await claim(session, POLICY, OFFICER, item.id)
        moved = await move(session, OFFICER, item, Move.ESCALATE, note="Too hard.", fence=mine.fence)
        assert (moved.queue, moved.claimed_by) == ("senior", None)
        with pytest.raises(NotFound):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)
        assert [notice.event for notice in await notices_for(session, SENIOR)] == ["escalated"]
        done = await approve(session, POLICY, SENIOR, item.id, item.payload_hash)
        assert done.state is ItemState.APPROVED


async def test_the_approval_of_who_is_not_of_the_next_queue_counts_no_more_there(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, escalating(SENIOR, SECOND))
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        moved = await move(session, SECOND, item, Move.ESCALATE)
        assert (moved.queue, await standing_approvals(session, item.id)) == ("senior", 0)
        said = {remark.kind for remark in await remarks_on(session, item.id)}
        assert said == {RemarkKind.ESCALATED, RemarkKind.LAPSED}
        first = await approve(session, POLICY, SENIOR, item.id, item.payload_hash)
        assert first.state is ItemState.PENDING
        second = await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        assert second.state is ItemState.APPROVED
    async with database.transaction() as session:
        await let_pass(session, 60)
        assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)


async def test_an_edit_of_who_is_not_of_the_next_queue_does_not_go_with_the_item(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, escalating(SENIOR, SECOND))
        item = await held(session)
        edit = Decision(Verdict.EDIT, text="We will look into it.", confirmed=True)
        edited = await decide(session, POLICY, OFFICER, item.id, item.payload_hash, edit)
        assert edited.current_hash != item.payload_hash
        moved = await move(session, SECOND, edited, Move.ESCALATE)
        assert (moved.current_hash, moved.final_payload, moved.needed) == (item.payload_hash, None, 1)


async def test_nobody_is_given_an_item_that_their_person_has_voted_on(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        with pytest.raises(BadInput, match="has voted"):
            await move(session, SECOND, item, Move.REASSIGN, to=OFFICER.id)


async def test_what_escalates_nowhere_stays(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(NothingToEscalateTo):
            await move(session, OFFICER, item, Move.ESCALATE)


async def test_a_question_reaches_the_rep_and_its_answer_the_officer(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        mine = await claim(session, POLICY, OFFICER, item.id)
        asked = await move(session, OFFICER, item, Move.ASK, note="Which order?", fence=mine.fence)
        assert asked.awaiting_rep
        assert asked.claimed_by == OFFICER.id, "the officer goes on reading"
        assert [notice.event for notice in await notices_for(session, REP)] == ["asked"]
        with pytest.raises(NotFound):
            await answer_reviewer(session, OFFICER, item.id, "Order 7.")
        answered = await answer_reviewer(session, REP, item.id, "Order 7.")
        assert not answered.awaiting_rep
        with pytest.raises(NothingAsked):
            await answer_reviewer(session, REP, item.id, "And approve it, please.")
        assert [notice.event for notice in await notices_for(session, OFFICER)] == ["answered"]
        said = {(one.kind, one.author, one.text) for one in await remarks_on(session, item.id)}
        assert said == {
            (RemarkKind.QUESTION, OFFICER.id, "Which order?"),
            (RemarkKind.ANSWER, REP.id, "Order 7."),
        }
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=mine.fence)


@pytest.mark.parametrize("verdict", list(Move))
async def test_a_move_is_refused_as_a_decision_is(database: Database, verdict: Move) -> None:
    wanted = {"note": "Please.", "to": SECOND.id}
    async with database.transaction() as session:
        item, gone = await held(session), await held(session)
        mine = (await claim(session, POLICY, OFFICER, item.id)).fence
        await claim(session, POLICY, OFFICER, item.id)
        with pytest.raises(LeaseLost):
            await move(session, OFFICER, item, verdict, fence=mine, **wanted)
        await cancel(session, REP, gone.id)
        with pytest.raises(AlreadyDecided):
            await move(session, OFFICER, gone, verdict, **wanted)
        assert (await get_item(session, OFFICER, gone.id)).state is ItemState.CANCELLED


@pytest.mark.parametrize(
    ("verdict", "values"),
    [(Move.ASK, {"note": " "}), (Move.REASSIGN, {}), (Move.ASK, {"note": "x" * 2_001})],
)
async def test_a_move_needs_what_it_says(database: Database, verdict: Move, values: dict[str, Any]) -> None:
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(BadInput):
            await move(session, OFFICER, item, verdict, **values)
