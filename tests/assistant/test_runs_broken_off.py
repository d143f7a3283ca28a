"""Whatever way an answer breaks off after some of it was shown, the record says what that weighed."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update
from sqlmodel import col, select

from approvals import Policy, load_policy
from assistant.answer import AnsweringSettings, AnswerPipeline, RunAudit
from assistant.answer.generation import PROMPT_VERSION
from assistant.composition import register_all_events
from assistant.runs.execute import RunExecutor
from assistant.runs.service import request_cancel
from assistant.runs.tables import Run, RunState
from gateway import (
    AuditRow,
    ChatChunk,
    Database,
    DoorRedaction,
    PartUnavailable,
    Principal,
    TextPart,
    UpstreamFailed,
)
from retrieval import Missing

from .running import QUESTION, Pause, now, opened, recorded
from .scripted import ScriptedDoor, ScriptedRetrieval, found

register_all_events()
ENFORCED = load_policy().by_words
POLICY = ENFORCED.model_copy(update={"mode": "shadow", "version": "shadow-1"})
HARMLESS = "<PERSON_1> has an open case. "
PROMISE = "We will refund EUR 4,000 to <PERSON_1> today. "
MISSING = (Missing(kind="case", number="4711"),)
Gone = Callable[[Database, Run], Awaitable[asyncio.Task[None]]]
LOST = UpstreamFailed("The model server hung up.", part="model")


class BreakingDoor(ScriptedDoor):
    """Says some sentences, then fails or waits as it is told; or `shuts` after the model has spoken."""

    def __init__(self, *says: str | Exception | Pause, shuts: bool = False) -> None:
        super().__init__()
        self._says, self._shuts, self._is_shut = says, shuts, False

    async def chat(
        self, principal: Principal, messages: Sequence[Any], **options: Any
    ) -> AsyncGenerator[ChatChunk, None]:
        for one in self._says:
            if isinstance(one, Exception):
                raise one
            if isinstance(one, Pause):
                one.reached.set()
                await one.go_on.wait()
                continue
            yield ChatChunk(one)
        self._is_shut = self._shuts

    async def redact(
        self, principal: Principal, conversation: uuid.UUID, parts: Sequence[TextPart], *, purpose: Any
    ) -> DoorRedaction:
        if self._is_shut:
            raise PartUnavailable("door", "The door is shut.")
        return await super().redact(principal, conversation, parts, purpose=purpose)


def worker(
    database: Database, door: ScriptedDoor, name: str = "one", policy: Policy = POLICY, **changes: Any
) -> RunExecutor:
    pipeline = AnswerPipeline(door, ScriptedRetrieval(found(**changes)), policy, AnsweringSettings())
    return RunExecutor(database, pipeline, policy, name)


async def weighed(database: Database, run: Run, by: str = "work") -> dict[str, Any]:
    """What the record has of the weighing: once, in the transaction in which the run ended, and by whom."""
    async with database.transaction() as session:
        wanted = select(AuditRow).where(
            AuditRow.run == str(run.id), col(AuditRow.event).in_([RunAudit.WEIGHED, RunAudit.FINISHED])
        )
        scored, ended = (await session.exec(wanted.order_by(col(AuditRow.at)))).all()
    assert (scored.event, ended.event) == (RunAudit.WEIGHED, RunAudit.FINISHED)
    assert scored.txid == ended.txid
    assert (ended.actor, ended.roles) == (by, ["process"] if by == "work" else ["rep"])
    assert (await now(database, run)).weighs is None
    return scored.detail


async def is_weighed_as_shown(database: Database, run: Run, by: str = "work") -> None:
    assert (await recorded(database, run)).count("run.shown") == 2
    assert await weighed(database, run, by) == {
        "sentences": 2,
        "shown": 2,
        "rules": [],
        "shadow": ["refund_or_credit_above_limit"],
        "tier": "normal",
        "held": False,
        "would_hold": True,
        "policy": "shadow-1",
        "prompt": PROMPT_VERSION,
        "served": None,
        "broken_off": True,
    }


async def begun(database: Database, run: Run) -> asyncio.Task[None]:
    """A worker that has shown two sentences and waits for the third."""
    pause = Pause()
    door = BreakingDoor(HARMLESS, PROMISE, "She ", pause)
    working = asyncio.create_task(worker(database, door).execute(run.id))
    await pause.reached.wait()
    return working


async def drained(database: Database, run: Run) -> asyncio.Task[None]:
    working = await begun(database, run)
    await ended(working)
    return working


async def fell_asleep(database: Database, run: Run) -> asyncio.Task[None]:
    """As one that was killed: its lease runs out, and it knows nothing of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.runs.execute._LOOK_SECONDS", 600.0)
        working = await begun(database, run)
    async with database.transaction() as session:
        mine = update(Run).where(col(Run.id) == run.id)
        await session.exec(mine.values(lease_until=func.now() - timedelta(seconds=1)))
    return working


async def ended(working: asyncio.Task[None]) -> None:
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize(
    "error", [LOST, PartUnavailable("model", "away"), PartUnavailable("door", "shut"), ValueError("a fault")]
)
async def test_what_was_shown_before_a_part_failed_is_weighed_in_the_record(
    web_database: Database, work_database: Database, rep: Principal, error: Exception
) -> None:
    run = await opened(web_database, rep)
    await worker(work_database, BreakingDoor(HARMLESS, PROMISE, "She ", error)).execute(run.id)
    assert (await now(work_database, run)).state == RunState.FAILED
    await is_weighed_as_shown(work_database, run)


async def test_what_was_shown_before_the_rep_stopped_it_is_weighed_in_the_record(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    working = await begun(work_database, run)
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    await working
    assert (await now(work_database, run)).state == RunState.CANCELLED
    await is_weighed_as_shown(work_database, run, by=rep.id)


@pytest.mark.parametrize("gone", [drained, fell_asleep])
async def test_what_a_worker_showed_that_is_gone_is_weighed_in_the_record(
    web_database: Database, work_database: Database, rep: Principal, gone: Gone
) -> None:
    run = await opened(web_database, rep)
    working = await gone(work_database, run)
    assert "run.weighed" not in await recorded(work_database, run)
    await worker(work_database, BreakingDoor("Never."), "two").adopt_abandoned()
    await ended(working)
    assert (await now(work_database, run)).state == RunState.INTERRUPTED
    await is_weighed_as_shown(work_database, run)


async def test_so_is_what_the_rep_stopped_while_no_worker_was_there(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await drained(work_database, run)
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    await worker(work_database, BreakingDoor("Never."), "two").adopt_abandoned()
    assert (await now(work_database, run)).state == RunState.CANCELLED
    await is_weighed_as_shown(work_database, run, by=rep.id)


async def test_so_is_what_was_shown_to_who_may_no_longer_ask(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await drained(work_database, run)
    async with web_database.transaction() as session:
        barred = text("UPDATE gateway.account SET disabled = true WHERE id = :id")
        await (await session.connection()).execute(barred, {"id": uuid.UUID(rep.id)})
    await worker(work_database, BreakingDoor("Never."), "two").adopt_abandoned()
    assert (await now(work_database, run)).state == RunState.FAILED
    await is_weighed_as_shown(work_database, run)


async def test_so_is_what_was_shown_of_an_answer_that_could_not_be_held(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    door = BreakingDoor(HARMLESS, PROMISE, shuts=True)
    await worker(work_database, door, policy=ENFORCED).execute(run.id)
    assert (await now(work_database, run)).state == RunState.FAILED
    scored = await weighed(work_database, run)
    assert (scored["sentences"], scored["shown"], scored["rules"], scored["shadow"]) == (1, 1, [], [])


async def test_what_is_said_of_no_record_while_the_model_is_away_is_weighed_too(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await worker(work_database, ScriptedDoor(away=True), missing=MISSING).execute(run.id)
    assert (await recorded(work_database, run)).count("run.shown") == 1
    scored = await weighed(work_database, run, by=rep.id)
    assert (scored["sentences"], scored["shown"], scored["served"]) == (1, 1, None)


@pytest.mark.parametrize("says", [(HARMLESS, PROMISE), ("",)])
async def test_an_answer_to_its_end_is_weighed_once_and_as_a_whole(
    web_database: Database, work_database: Database, rep: Principal, says: tuple[str, ...]
) -> None:
    run = await opened(web_database, rep)
    await worker(work_database, BreakingDoor(*says), missing=MISSING).execute(run.id)
    told = [one for one in await recorded(work_database, run) if one in ("run.shown", "run.weighed")]
    assert told == ["run.shown"] * (1 + len(list(filter(None, says)))) + ["run.weighed"]
    assert (await now(work_database, run)).weighs is None


async def test_where_nothing_was_written_nothing_is_said_to_be_held(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep, replace(QUESTION, text=PROMISE))
    await worker(work_database, BreakingDoor(""), policy=ENFORCED).execute(run.id)
    async with work_database.transaction() as session:
        wanted = select(AuditRow.detail).where(
            AuditRow.run == str(run.id), AuditRow.event == RunAudit.WEIGHED
        )
        detail = (await session.exec(wanted)).one()
    assert (detail["rules"], detail["held"]) == (["refund_or_credit_above_limit", "date_promise"], False)


async def test_where_nothing_was_shown_there_is_nothing_to_weigh(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await opened(web_database, rep)
    await worker(work_database, BreakingDoor(LOST)).execute(run.id)
    assert "run.weighed" not in await recorded(work_database, run)
