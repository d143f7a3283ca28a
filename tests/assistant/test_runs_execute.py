"""Executing a run: each step kept under the lease, and every end said aloud."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, text, update
from sqlmodel import col

from approvals import HeldItem, HeldPart, Part, Weighed, load_policy
from assistant.answer import EventKind, Hold, RunAudit, Step
from assistant.composition import register_all_events
from assistant.runs.execute import RunExecutor
from assistant.runs.service import append_event, open_run, request_cancel, take_lease
from assistant.runs.tables import Run, RunState
from gateway import Database, PartUnavailable, Principal

from .running import QUESTION, Pause, ToldPipeline, kinds, now, opened, recorded, risky_answer, sentence

register_all_events()
STAGE = Step(EventKind.STAGE, {"name": "searching"})


def executor(database: Database, *steps: Step | Hold | Exception, worker: str = "one") -> RunExecutor:
    return RunExecutor(database, ToldPipeline(*steps), load_policy(), worker)


async def let_the_lease_run_out(database: Database, run: Run) -> None:
    async with database.transaction() as session:
        past = func.now() - timedelta(seconds=1)
        await session.exec(update(Run).where(col(Run.id) == run.id).values(lease_until=past))


async def test_an_answer_is_kept_step_by_step_and_recorded_as_shown(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await executor(work_database, STAGE, sentence(0), sentence(1)).execute(run.id)
    assert await kinds(work_database, run) == ["stage", "stage", "sentence", "sentence", "done"]
    assert (await now(work_database, run)).state == RunState.DONE
    assert (await recorded(work_database, run))[-3:] == ["run.shown", "run.shown", "run.finished"]


async def test_a_risky_answer_waits_with_what_was_shown_of_it(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await executor(work_database, STAGE, sentence(0), risky_answer(shown=1)).execute(run.id)
    held = await now(work_database, run)
    assert (held.state, held.lease_owner) == (RunState.HELD, None)
    assert await kinds(work_database, run) == ["stage", "stage", "sentence", "held"]
    assert (await recorded(work_database, run))[-3:] == ["run.shown", "item.held", "run.held"]
    async with work_database.engine.connect() as connection:
        kept = text("SELECT payload->>'shown_count' FROM approvals.held_item WHERE id = :id AND run = :run")
        found = await connection.execute(kept, {"id": held.held_item, "run": run.id})
        assert found.scalar_one() == "1"


async def test_an_answer_is_counted_by_what_the_rules_said_of_it(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    said = {"held": False, "would_hold": True, "rules": [], "shadow": ["minors"]}
    weighed = [
        Step(EventKind.STAGE, {"name": "weighing"}, RunAudit.WEIGHED, {**said, "sentences": number})
        for number in (1, 0)
    ]
    run, silent = await opened(web_database, rep), await opened(web_database, rep)
    await executor(work_database, sentence(0), weighed[0]).execute(run.id)
    await executor(work_database, weighed[1]).execute(silent.id)
    async with work_database.transaction() as session:
        one = await session.get_one(Weighed, run.id)
        assert (one.held, one.would_hold, one.rules, one.trial) == (False, True, [], ["minors"])
        assert one.policy_version == load_policy().version
        assert await session.get(Weighed, silent.id) is None


async def test_a_held_answer_keeps_the_prompt_and_whose_it_is(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    content = [
        {"type": "text", "text": "[1] Note of <PERSON_1_EMAIL>"},
        {"type": "text", "text": "Question: Why, <PERSON_1>?"},
    ]
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": content},
    ]
    fact = {"n": 2, "entity": "account:7", "label": "Plan", "value": "Gold", "title": "A", "kind": "text"}
    answer = replace(risky_answer(), messages=messages, facts=({**fact, "as_of": "2026-01-01"},))
    await executor(work_database, answer).execute(run.id)
    async with work_database.transaction() as session:
        item = await session.get_one(HeldItem, (await now(work_database, run)).held_item)
    assert item.customer == "account:7"
    assert item.held().prompt == (
        HeldPart(Part.INSTRUCTIONS, "Answer."),
        HeldPart(Part.SOURCE, "[1] Note of <PERSON_1_EMAIL>"),
        HeldPart(Part.QUESTION, "Question: Why, <PERSON_1>?"),
    )
    assert item.held().hidden == {"EMAIL": 1, "PERSON": 1}


async def test_a_part_that_fails_is_named_and_the_run_ends(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await executor(work_database, STAGE, PartUnavailable("door", "The door is shut.")).execute(run.id)
    assert await kinds(work_database, run) == ["stage", "stage", "failed", "done"]
    assert (await now(work_database, run)).state == RunState.FAILED
    assert "run.shown" not in await recorded(work_database, run)


async def test_a_fault_of_our_own_ends_the_run_without_its_text(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await executor(work_database, ValueError("what somebody wrote")).execute(run.id)
    async with work_database.engine.connect() as connection:
        told = text("SELECT string_agg(data::text, '') FROM assistant.run_event WHERE run_id = :run")
        assert "what somebody wrote" not in (await connection.execute(told, {"run": run.id})).scalar_one()
    assert (await now(work_database, run)).state == RunState.FAILED


async def test_a_run_of_a_worker_that_is_gone_is_taken_over(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "gone")
    await let_the_lease_run_out(work_database, run)
    await executor(work_database, sentence(0), worker="two").adopt_abandoned()
    assert (await now(work_database, run)).state == RunState.DONE
    assert await kinds(work_database, run) == ["stage", "sentence", "done"]


async def test_an_answer_that_was_shown_in_part_is_not_begun_again(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    pause = Pause()
    first = ToldPipeline(sentence(0), pause)
    working = asyncio.create_task(RunExecutor(work_database, first, load_policy(), "one").execute(run.id))
    await pause.reached.wait()
    working.cancel()  # the process drains
    with pytest.raises(asyncio.CancelledError):
        await working
    second = ToldPipeline(sentence(0))
    await RunExecutor(work_database, second, load_policy(), "two").execute(run.id)
    assert second.asked == []
    assert await kinds(work_database, run) == ["stage", "sentence", "interrupted", "done"]
    assert (await recorded(work_database, run)).count("run.shown") == 1
    assert (await now(work_database, run)).state == RunState.INTERRUPTED


async def test_a_worker_that_drains_leaves_the_run_to_the_next_at_once(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    pause = Pause()
    first = ToldPipeline(STAGE, pause)
    working = asyncio.create_task(RunExecutor(work_database, first, load_policy(), "one").execute(run.id))
    await pause.reached.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert first.left.is_set()
    await executor(work_database, sentence(0), worker="two").adopt_abandoned()
    assert (await now(work_database, run)).state == RunState.DONE


async def test_a_rep_who_stops_an_answer_ends_the_models_work(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    pause = Pause()
    pipeline = ToldPipeline(STAGE, pause)
    working = asyncio.create_task(RunExecutor(work_database, pipeline, load_policy(), "one").execute(run.id))
    await pause.reached.wait()
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    await working
    assert pipeline.left.is_set()
    assert (await kinds(work_database, run))[-2:] == ["cancelled", "done"]
    assert (await now(work_database, run)).state == RunState.CANCELLED


async def test_what_a_rep_stops_as_it_is_held_waits_for_nobody(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    pause = Pause()
    pipeline = ToldPipeline(STAGE, pause, risky_answer())
    working = asyncio.create_task(RunExecutor(work_database, pipeline, load_policy(), "one").execute(run.id))
    await pause.reached.wait()
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    pause.go_on.set()
    await working
    assert (await now(work_database, run)).state == RunState.CANCELLED
    assert (await kinds(work_database, run))[-2:] == ["cancelled", "done"]
    assert "item.held" not in await recorded(work_database, run)


async def test_a_stopped_run_whose_worker_died_is_not_answered_by_the_next(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "gone")
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    await let_the_lease_run_out(work_database, run)
    pipeline = ToldPipeline(sentence(0))
    await RunExecutor(work_database, pipeline, load_policy(), "two").execute(run.id)
    assert pipeline.asked == []
    assert (await kinds(work_database, run))[-2:] == ["cancelled", "done"]


async def test_what_a_worker_writes_after_its_lease_was_taken_is_not_kept(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    pause = Pause()
    slow = RunExecutor(work_database, ToldPipeline(STAGE, pause, sentence(0)), load_policy(), "one")
    working = asyncio.create_task(slow.execute(run.id))
    await pause.reached.wait()
    async with work_database.transaction() as session:
        past = func.now() - timedelta(seconds=1)
        await session.exec(update(Run).where(col(Run.id) == run.id).values(lease_until=past))
        assert await take_lease(session, run.id, "two/other")
    pause.go_on.set()
    await working
    assert "sentence" not in await kinds(work_database, run)
    assert (await now(work_database, run)).lease_owner == "two/other"


@pytest.mark.parametrize("change", ["disabled = true", "roles = '{auditor}'"])
async def test_nobody_answers_for_an_account_that_may_no_longer_sign_in_or_ask(
    web_database: Database, work_database: Database, rep: Principal, change: str
) -> None:
    run = await opened(web_database, rep)
    async with web_database.transaction() as session:
        statement = text(f"UPDATE gateway.account SET {change} WHERE id = :id")
        await (await session.connection()).execute(statement, {"id": uuid.UUID(rep.id)})
    pipeline = ToldPipeline(sentence(0))
    await RunExecutor(work_database, pipeline, load_policy(), "one").execute(run.id)
    assert pipeline.asked == []
    assert (await now(work_database, run)).state == RunState.FAILED


async def test_what_was_taken_back_is_not_told_to_the_model_again(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    first = await opened(web_database, rep)
    await executor(work_database, sentence(0)).execute(first.id)
    async with work_database.transaction() as session:
        await append_event(session, first.id, EventKind.RETRACTED, {})
    async with web_database.transaction() as session:
        second = await open_run(session, rep, first.conversation_id, QUESTION, scope=None)
    pipeline = ToldPipeline(sentence(0))
    await RunExecutor(work_database, pipeline, load_policy(), "one").execute(second.id)
    [asked] = pipeline.asked
    assert [turn.answer for turn in asked.history] == [""]
