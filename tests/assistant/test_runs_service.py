"""Runs under leases: who may write, what is adopted, and that events have no gaps."""

import asyncio
import uuid

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from assistant.answer import EventKind
from assistant.composition import register_all_events
from assistant.conversations import delete_conversation, own_conversation, start_conversation
from assistant.runs.service import (
    AlreadyEnded,
    LeaseLost,
    Question,
    abandoned_runs,
    append_event,
    events_of,
    extend_lease,
    finish,
    open_run,
    own_run,
    request_cancel,
    take_lease,
)
from assistant.runs.tables import Run, RunState
from gateway import Database, NotFound, Principal, Role

from .running import QUESTION as ALLOWED
from .running import kinds, opened

register_all_events()
DENIED = Question("(not kept)", [], "denied", ("injection",), "This was not sent.")


async def _state(database: Database, run: Run) -> str:
    async with database.transaction() as session:
        return (await session.get_one(Run, run.id)).state


async def _jobs(database: Database, run: Run) -> int:
    async with database.engine.connect() as connection:
        found = text("SELECT count(*) FROM jobs.procrastinate_jobs WHERE args->>'run' = :run")
        return int((await connection.execute(found, {"run": str(run.id)})).scalar_one())


async def test_a_run_and_its_job_are_one_fact(web_database: Database, rep: Principal) -> None:
    run = await opened(web_database, rep)
    assert await kinds(web_database, run) == ["stage"]
    assert await _jobs(web_database, run) == 1


async def test_a_run_that_is_rolled_back_leaves_no_job(web_database: Database, rep: Principal) -> None:
    run = None
    with pytest.raises(RuntimeError, match="broken"):
        async with web_database.transaction() as session:
            conversation = await start_conversation(
                session, rep, conversation_id=uuid.uuid4(), title="x", scope=None
            )
            run = await open_run(session, rep, conversation.id, ALLOWED, scope=None)
            raise RuntimeError("broken")
    assert run is not None
    assert await _jobs(web_database, run) == 0


async def test_a_denied_question_ends_at_once_and_is_never_executed(
    web_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep, DENIED)
    assert await kinds(web_database, run) == ["refused", "done"]
    assert await _jobs(web_database, run) == 0


async def test_one_of_many_workers_gets_the_lease(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)

    async def attempt(worker: str) -> bool:
        async with work_database.transaction() as session:
            return await take_lease(session, run.id, worker) is not None

    taken = await asyncio.gather(*(attempt(f"worker {n}") for n in range(8)))
    assert sum(taken) == 1


async def test_a_worker_that_lost_its_lease_can_write_nothing(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "first")
    async with work_database.transaction() as session:
        await session.exec(
            update(Run).where(col(Run.id) == run.id).values(lease_until=text("now() - interval '1 second'"))
        )
    async with work_database.transaction() as session:
        assert run.id in await abandoned_runs(session)
        assert await take_lease(session, run.id, "second")
    with pytest.raises(LeaseLost):
        async with work_database.transaction() as session:
            await append_event(session, run.id, EventKind.SENTENCE, {"text": "late"}, lease="first")
    async with work_database.transaction() as session:
        assert not await extend_lease(session, run.id, "first")
        assert await extend_lease(session, run.id, "second")
    assert "sentence" not in await kinds(web_database, run)


async def test_events_are_numbered_without_gaps_however_many_write(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)

    async def write(number: int) -> None:
        async with work_database.transaction() as session:
            await append_event(session, run.id, EventKind.STAGE, {"name": str(number)})

    await asyncio.gather(*map(write, range(12)))
    async with web_database.transaction() as session:
        numbers = [event.seq for event in await events_of(session, [run.id])]
    assert numbers == list(range(1, 14))


async def test_a_queued_run_that_is_stopped_is_never_executed(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    assert await _state(web_database, run) == RunState.CANCELLED
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "worker") is None


async def test_a_running_one_loses_its_lease_when_it_is_stopped(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "worker")
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    async with work_database.transaction() as session:
        assert not await extend_lease(session, run.id, "worker")


async def test_a_finished_run_stays_finished(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    async with work_database.transaction() as session:
        taken = await take_lease(session, run.id, "worker")
        assert taken
        await finish(session, taken, RunState.DONE, rep, lease="worker")
    with pytest.raises(AlreadyEnded):
        async with web_database.transaction() as session:
            await request_cancel(session, run, rep)
    async with work_database.transaction() as session:
        assert await take_lease(session, run.id, "other") is None
        await finish(session, taken, RunState.CANCELLED, rep)
    assert await _state(web_database, run) == RunState.DONE
    assert (await kinds(web_database, run)).count("done") == 1


async def test_runs_of_a_deleted_conversation_are_not_found(web_database: Database, rep: Principal) -> None:
    run = await opened(web_database, rep)
    async with web_database.transaction() as session:
        await delete_conversation(session, await own_conversation(session, rep, run.conversation_id))
    async with web_database.transaction() as session:
        with pytest.raises(NotFound):
            await own_run(session, rep, run.id)


async def test_another_persons_run_and_conversation_are_not_found(
    web_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    stranger = Principal(str(uuid.uuid4()), "bob@example.org", frozenset({Role.REP, Role.OFFICER}))
    async with web_database.transaction() as session:
        with pytest.raises(NotFound):
            await own_run(session, stranger, run.id)
        with pytest.raises(NotFound):
            await own_conversation(session, stranger, run.conversation_id)
