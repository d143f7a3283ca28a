"""After the decision: one effect, for the text that was decided, to who may still see its sources."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import create_engine, func, make_url, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    AlreadyDecided,
    HeldItem,
    HeldSentence,
    Payload,
    RejectionReason,
    RuleHit,
    Tier,
    Weighing,
    approve,
    cancel,
    edit,
    load_policy,
    notices_for,
    reject,
    send_back,
    undo,
)
from assistant.answer import EventKind, Hold, Step
from assistant.answer.support import Checked
from assistant.composition import register_all_events
from assistant.runs.execute import RunExecutor
from assistant.runs.resume import RunResumer
from assistant.runs.service import events_of, own_run, request_cancel
from assistant.runs.tables import Run, RunEvent, RunState
from gateway import Account, AuditRow, Conflict, Database, PartUnavailable, Principal, Role
from retrieval import RetrievalClient
from tests.approvals.queues import open_item
from tests.migrated import Migrated

from .running import PASSAGE, RISKY, ToldPipeline, kinds, now, opened, recorded, risky_answer, sentence

register_all_events()
POLICY = load_policy()
OFFICER = Principal(str(uuid.uuid4()), "olga@example.org", frozenset({Role.OFFICER}), "Olga")


class Rights(RetrievalClient):
    """Says which records may be seen."""

    def __init__(self, *visible: str) -> None:
        self._visible = visible

    async def visible(self, principal: Principal, entities: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in entities if one in self._visible)


SECOND = Principal(str(uuid.uuid4()), "otto@example.org", frozenset({Role.OFFICER}), "Otto")


@pytest.fixture(autouse=True, scope="module")
async def officers(web_database: Database) -> None:
    """Who decides has an account when it takes effect."""
    async with web_database.transaction() as session:
        for one in (OFFICER, SECOND):
            if not await session.get(Account, uuid.UUID(one.id)):
                account = Account(id=uuid.UUID(one.id), login=one.login, name=one.name, roles=[Role.OFFICER])
                session.add(account)


_NOT_RELEASED = "run.not_released"
ALL = Rights(str(PASSAGE["entity"]))


async def held(
    web: Database, work: Database, rep: Principal, *, shown: int = 0, weighing: Weighing = RISKY
) -> tuple[Run, HeldItem]:
    """A run whose answer waits."""
    run = await opened(web, rep)
    answer = replace(risky_answer(shown=shown), weighing=weighing)
    pipeline = ToldPipeline(*map(sentence, range(shown)), answer)
    await RunExecutor(work, pipeline, POLICY, "one").execute(run.id)
    run = await now(work, run)
    async with web.transaction() as session:
        return run, await open_item(session, OFFICER, run.held_item or uuid.uuid4())


async def after_the_undo_window(work: Database, item: HeldItem) -> None:
    async with work.transaction() as session:
        past = func.now() - timedelta(seconds=1)
        moved = update(HeldItem).where(
            col(HeldItem.id) == item.id, col(HeldItem.effective_after).is_not(None)
        )
        await session.exec(moved.values(effective_after=past))


async def overdue(work: Database, item: HeldItem) -> None:
    async with work.transaction() as session:
        ends = update(HeldItem).where(col(HeldItem.id) == item.id)
        await session.exec(ends.values(deadline=func.now() - timedelta(seconds=1)))


async def recorded_as(work: Database, run: Run, event: str) -> AuditRow:
    """The one event of this name that the record holds of a run."""
    async with work.transaction() as session:
        found = select(AuditRow).where(AuditRow.run == str(run.id), AuditRow.event == event)
        return (await session.exec(found)).one()


async def last_told(work: Database, run: Run, kind: EventKind) -> RunEvent:
    async with work.transaction() as session:
        return [event for event in await events_of(session, [run.id]) if event.kind == kind][-1]


async def test_what_an_officer_approves_is_released_once(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
    resumer = RunResumer(work_database, ALL)
    await resumer.resume(item.id)
    assert (await now(work_database, run)).state == RunState.HELD, "the undo window has not passed"
    await after_the_undo_window(work_database, item)
    await resumer.resume(item.id)
    await resumer.resume(item.id)
    await resumer.resume_due()
    assert (await kinds(work_database, run))[-2:] == ["released", "done"]
    assert (await kinds(work_database, run)).count("released") == 1
    told = await last_told(work_database, run, EventKind.RELEASED)
    assert (told.data["text"], told.data["edited"]) == ("We refund EUR 900. [1]", False)
    assert (await recorded(work_database, run)).count("run.released") == 1


async def test_an_edit_is_what_is_released(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        text = "We look into a refund. [1]"
        edited = await edit(session, POLICY, OFFICER, item.id, item.current_hash, text, confirmed=True)
        await open_item(session, SECOND, item.id)
        await approve(session, POLICY, SECOND, item.id, edited.current_hash, confirmed=True)
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    told = await last_told(work_database, run, EventKind.RELEASED)
    assert (told.data["text"], told.data["edited"]) == ("We look into a refund. [1]", True)


async def test_a_record_that_was_taken_away_meanwhile_keeps_the_answer_back(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, Rights("note:2")).resume(item.id)
    assert (await kinds(work_database, run))[-2:] == ["rejected", "done"]
    told = await last_told(work_database, run, EventKind.REJECTED)
    assert told.data["reason"] == "rights"
    assert "text" not in told.data
    assert (await recorded(work_database, run)).count("run.released") == 0


@pytest.mark.parametrize("change", ["disabled = true", "roles = '{admin}'"])
async def test_nothing_is_released_to_who_may_not_ask_any_more(
    web_database: Database, work_database: Database, rep: Principal, change: str
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
        connection = await session.connection()
        statement = text(f"UPDATE gateway.account SET {change} WHERE id = :id")
        await connection.execute(statement, {"id": uuid.UUID(rep.id)})
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    assert (await kinds(work_database, run))[-2:] == ["rejected", "done"]


@pytest.mark.parametrize("shown", [0, 1])
async def test_what_is_rejected_is_told_with_its_reason_and_what_was_shown_is_taken_back(
    web_database: Database, work_database: Database, rep: Principal, shown: int
) -> None:
    run, item = await held(web_database, work_database, rep, shown=shown)
    async with web_database.transaction() as session:
        await reject(
            session,
            POLICY,
            OFFICER,
            item.id,
            item.current_hash,
            reason=next(iter(RejectionReason)),
            note="Not like this.",
            confirmed=True,
        )
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    ended = ["retracted", "rejected", "done"] if shown else ["rejected", "done"]
    assert (await kinds(work_database, run))[-len(ended) :] == ended
    assert ("retracted" in await kinds(work_database, run)) is bool(shown)
    assert (await last_told(work_database, run, EventKind.REJECTED)).data["note"] == "Not like this."
    if shown:
        assert (await last_told(work_database, run, EventKind.RETRACTED)).data == {"sentences": [0]}
    ended_by = await recorded_as(work_database, run, _NOT_RELEASED)
    assert (ended_by.actor, ended_by.roles) == (OFFICER.id, ["officer"])


async def test_what_is_sent_back_is_answered_again_in_the_same_item(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep, shown=1)
    async with web_database.transaction() as session:
        wanted = "Name no amount."
        await send_back(
            session, POLICY, OFFICER, item.id, item.current_hash, instruction=wanted, confirmed=True
        )
    await after_the_undo_window(work_database, item)
    for _ in range(2):
        await RunResumer(work_database, ALL).resume(item.id)
    assert (await last_told(work_database, run, EventKind.SENT_BACK)).data["note"] == wanted
    assert (await now(work_database, run)).state == RunState.QUEUED
    better = Hold((Checked("We look into it. [1]", (1,), supported=True),), (PASSAGE,), (), Weighing(), 0)
    pipeline = ToldPipeline(better)
    await RunExecutor(work_database, pipeline, POLICY, "two").execute(run.id)
    assert [asked.instruction for asked in pipeline.asked] == [wanted]
    assert (await now(work_database, run)).state == RunState.HELD
    async with web_database.transaction() as session:
        again = await open_item(session, OFFICER, item.id)
    assert (again.round, again.state, again.held().draft) == (2, "pending", "We look into it. [1]")
    assert (await kinds(work_database, run))[-3:] == ["retracted", "sent_back", "held"]
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, again.current_hash, confirmed=True)
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    assert (await kinds(work_database, run))[-2:] == ["released", "done"]
    assert (await last_told(work_database, run, EventKind.RELEASED)).data["text"] == "We look into it. [1]"


async def sent_back(web_database: Database, work_database: Database, rep: Principal) -> Run:
    """A run whose draft an officer has sent back, which took effect."""
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await send_back(
            session, POLICY, OFFICER, item.id, item.current_hash, instruction="Again.", confirmed=True
        )
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    return run


async def test_another_draft_that_is_not_written_leaves_nothing_released(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await sent_back(web_database, work_database, rep)
    nothing = Step(EventKind.NOTHING_FOUND, {"sentence": "Nothing."})
    await RunExecutor(work_database, ToldPipeline(nothing), POLICY, "two").execute(run.id)
    await RunResumer(work_database, ALL).resume_due()
    assert (await kinds(work_database, run))[-3:] == ["sent_back", "nothing_found", "done"]
    assert (await now(work_database, run)).state == RunState.DONE
    assert await noticed(web_database, run) == ["not_rewritten"]


async def test_another_draft_is_tried_again_while_the_model_is_away(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await sent_back(web_database, work_database, rep)
    away = RunExecutor(work_database, ToldPipeline(PartUnavailable("model", "It is away.")), POLICY, "two")
    await away.execute(run.id)
    assert (await now(work_database, run)).state == RunState.RUNNING
    assert (await kinds(work_database, run))[-1] == "sent_back"
    assert await noticed(web_database, run) == []
    better = Hold((Checked("We look into it. [1]", (1,), supported=True),), (PASSAGE,), (), Weighing(), 0)
    back = RunExecutor(work_database, ToldPipeline(better), POLICY, "three")
    await back.adopt_abandoned()  # not yet
    assert (await now(work_database, run)).state == RunState.RUNNING
    await a_minute_later(work_database, run)
    await back.adopt_abandoned()
    assert (await now(work_database, run)).state == RunState.HELD
    assert await noticed(web_database, run) == []


async def test_another_draft_that_no_model_writes_for_long_ends_aloud(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await sent_back(web_database, work_database, rep)
    away = RunExecutor(work_database, ToldPipeline(PartUnavailable("model", "It is away.")), POLICY, "two")
    for _ in range(40):
        await away.execute(run.id)
        await a_minute_later(work_database, run)
    assert (await now(work_database, run)).state == RunState.FAILED
    assert (await kinds(work_database, run))[-3:] == ["sent_back", "failed", "done"]
    assert await noticed(web_database, run) == ["not_rewritten"]


async def test_an_answer_that_the_rep_no_longer_wants_is_not_written_anew_and_its_officer_told(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run = await sent_back(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await request_cancel(session, run, rep)
    assert (await now(work_database, run)).state == RunState.CANCELLED
    assert await noticed(web_database, run) == ["not_rewritten"]


async def noticed(web: Database, run: Run) -> list[str]:
    """What the officer who decides is told of a run's item on their page."""
    async with web.transaction() as session:
        return [one.event for one in await notices_for(session, OFFICER) if one.item == run.held_item]


async def a_minute_later(database: Database, run: Run) -> None:
    async with database.transaction() as session:
        passed = update(Run).where(col(Run.id) == run.id)
        await session.exec(passed.values(lease_until=func.now() - timedelta(seconds=1)))


async def test_a_decision_of_an_officer_who_left_meanwhile_is_not_carried_out(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    gone = Principal(str(uuid.uuid4()), f"{uuid.uuid4().hex}@example.org", frozenset({Role.OFFICER}), "Gone")
    async with web_database.transaction() as session:
        session.add(Account(id=uuid.UUID(gone.id), login=gone.login, name="Gone", roles=[Role.REP]))
        await open_item(session, gone, item.id)
        await approve(session, POLICY, gone, item.id, item.current_hash, confirmed=True)
    await after_the_undo_window(work_database, item)
    await RunResumer(work_database, ALL).resume(item.id)
    assert (await now(work_database, run)).state == RunState.HELD
    async with work_database.transaction() as session:
        again = await session.get_one(HeldItem, item.id, populate_existing=True)
    assert (again.state, again.decided_by) == ("pending", None)


async def test_a_deadline_that_passes_releases_nothing(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep, shown=1)
    await overdue(work_database, item)
    await RunResumer(work_database, ALL).resume_due()
    assert (await kinds(work_database, run))[-3:] == ["retracted", "expired", "done"]
    assert "released" not in await kinds(work_database, run)


async def test_a_question_that_is_taken_back_ends_as_cancelled(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await cancel(session, rep, item.id)
    await RunResumer(work_database, ALL).resume_due()
    assert (await now(work_database, run)).state == RunState.CANCELLED
    assert (await recorded_as(work_database, run, _NOT_RELEASED)).actor == rep.id


@pytest.mark.parametrize("votes", [0, 1])
async def test_an_expired_one_says_how_many_had_approved_it(
    web_database: Database, work_database: Database, rep: Principal, votes: int
) -> None:
    top = Weighing((RuleHit("legal_threat", Tier.TOP, "A threat.", 0, 2, 0),))
    run, item = await held(web_database, work_database, rep, weighing=top)
    if votes:
        async with web_database.transaction() as session:
            await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
    await overdue(work_database, item)
    await RunResumer(work_database, ALL).resume_due()
    assert (await last_told(work_database, run, EventKind.EXPIRED)).data["approvals"] == votes


async def test_stopping_a_held_run_takes_it_out_of_the_queue(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, _item = await held(web_database, work_database, rep)
    for _ in range(2):
        async with web_database.transaction() as session:
            await request_cancel(session, await own_run(session, rep, run.id), rep)
        await RunResumer(work_database, ALL).resume_due()
    assert (await now(work_database, run)).state == RunState.CANCELLED
    assert (await kinds(work_database, run))[-2:] == ["cancelled", "done"]


async def test_a_held_run_that_was_just_decided_cannot_be_stopped(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
    with pytest.raises(AlreadyDecided):
        async with web_database.transaction() as session:
            await request_cancel(session, await own_run(session, rep, run.id), rep)


OTHER = Payload("Why?", (HeldSentence("We refund EUR 90,000. [1]", (1,)),)).as_json()


def alter(appliance: Migrated, item: HeldItem, payload: object, *, hashed: bool = False) -> None:
    """What only somebody who owns the database can do; `hashed`, what another release would have held."""
    values = {"payload": payload}
    if hashed:
        canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        values |= dict.fromkeys(("payload_hash", "current_hash"), sha256(canonical.encode()).hexdigest())
    owner = create_engine(make_url(appliance.superuser_dsn).set(drivername="postgresql+psycopg"))
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(update(HeldItem).where(col(HeldItem.id) == item.id).values(values))
    owner.dispose()


@pytest.mark.parametrize("payload", [OTHER, {}, []])
async def test_a_text_that_was_changed_in_the_database_is_not_released_and_the_rep_is_told(
    web_database: Database,
    work_database: Database,
    rep: Principal,
    appliance_database: Migrated,
    payload: object,
) -> None:
    run, item = await held(web_database, work_database, rep, shown=1)
    async with web_database.transaction() as session:
        await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
    await after_the_undo_window(work_database, item)
    change = update(HeldItem).where(col(HeldItem.id) == item.id).values(payload=payload)
    with pytest.raises(IntegrityError, match="held_item_keeps_its_payload"):
        async with work_database.transaction() as session:
            await session.exec(change)
    alter(appliance_database, item, payload)
    resumer = RunResumer(work_database, ALL)
    for _ in range(3):
        await resumer.resume_due()
    assert (await kinds(work_database, run))[-3:] == ["retracted", "rejected", "done"]
    told = await last_told(work_database, run, EventKind.REJECTED)
    assert told.data["reason"] == "altered"
    events = await recorded(work_database, run)
    assert [events.count(name) for name in ("item.altered", "item.expired", "item.took_effect")] == [1, 1, 1]
    assert "run.released" not in events
    altered, ended = [await recorded_as(work_database, run, name) for name in ("item.altered", _NOT_RELEASED)]
    assert (altered.actor, altered.detail["decided_by"]) == ("work", OFFICER.id)
    assert (ended.actor, ended.roles, ended.detail["reason"]) == ("work", ["process"], "altered")
    assert (await now(work_database, run)).state == RunState.DONE


async def test_what_expires_is_told_though_its_text_was_changed(
    web_database: Database, work_database: Database, rep: Principal, appliance_database: Migrated
) -> None:
    run, item = await held(web_database, work_database, rep, shown=1)
    alter(appliance_database, item, {})
    await overdue(work_database, item)
    await RunResumer(work_database, ALL).resume_due()
    assert (await kinds(work_database, run))[-3:] == ["retracted", "expired", "done"]


async def test_an_item_that_this_release_cannot_read_keeps_no_other_from_its_end(
    web_database: Database, work_database: Database, rep: Principal, appliance_database: Migrated
) -> None:
    resumer = RunResumer(work_database, ALL)
    (later, unreadable), (run, item) = [await held(web_database, work_database, rep) for _ in range(2)]
    alter(appliance_database, unreadable, {**OTHER, "facts": [{"of_a_later_release": 1}]}, hashed=True)
    for one in (unreadable, item):
        await overdue(work_database, one)
        await resumer.keep_deadlines()
    await resumer.resume_due()
    assert (await kinds(work_database, run))[-2:] == ["expired", "done"]
    assert "expired" not in await kinds(work_database, later)
    alter(appliance_database, unreadable, OTHER, hashed=True)
    await resumer.resume_due()
    assert (await kinds(work_database, later))[-2:] == ["expired", "done"]


class Meanwhile(Database):
    """A database in which something else happens before the second transaction."""

    def __init__(self, database: Database, step: Callable[[], Awaitable[None]]) -> None:
        self._of = database
        self._step = step
        self._begun = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One of the database behind."""
        self._begun += 1
        if self._begun == 2:
            await self._step()
        async with self._of.transaction() as session:
            yield session


async def test_rights_are_asked_for_what_is_released_and_not_for_what_was_rejected_before(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    """Rejected when the effect began, approved in the end: a record that is not the rep's stays theirs."""
    run, item = await held(web_database, work_database, rep)
    no = RejectionReason.TONE
    async with web_database.transaction() as session:
        await reject(session, POLICY, OFFICER, item.id, item.current_hash, reason=no, confirmed=True)

    async def decide_anew() -> None:
        async with web_database.transaction() as session:
            await undo(session, OFFICER, item.id)
            await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
        await after_the_undo_window(work_database, item)

    nothing = Rights()
    with pytest.raises(Conflict):
        await RunResumer(Meanwhile(work_database, decide_anew), nothing).resume(item.id)
    await RunResumer(work_database, nothing).resume(item.id)
    assert (await last_told(work_database, run, EventKind.REJECTED)).data["reason"] == "rights"
    assert "released" not in await kinds(work_database, run)
