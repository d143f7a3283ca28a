"""Runs: opened by web, executed by work under a lease, followed by pages.

Every write of an executing worker is fenced by its lease: one that lost it can write nothing more.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import cancel, tell_not_rewritten
from assistant.answer import hidden_in
from assistant.answer.events import REFUSED, EventKind, RunAudit
from assistant.conversations import Conversation, tell_news
from gateway import Conflict, NotFound, Principal, Role, correlation_id, defer, record

from .tables import FINAL, Run, RunEvent, RunState

MAY_ASK: Final = (Role.REP, Role.LEAD, Role.OFFICER)
CHANNEL: Final = "run_events"
BY: Final = "work"
"""Who ended a run, as the record names it, where that was neither its answer's end nor the rep."""
LEASE_SECONDS: Final = 15
WAITING_SECONDS: Final = 30
QUEUE: Final = "runs"
EXECUTE: Final = "run.execute"
_NOTIFY: Final = text("SELECT pg_notify(:channel, :run)")


class LeaseLost(Conflict):
    """Another worker has adopted the run, or it has been cancelled."""


class AlreadyEnded(Conflict):
    """There is nothing left to stop."""

    def __init__(self) -> None:
        super().__init__("This question has been answered or has ended: there is nothing to stop.")


@dataclass(frozen=True)
class Question:
    """A question as the door gave it back: tokenised, with its tokens, and weighed by the filter."""

    text: str
    tokens: Sequence[Mapping[str, Any]]
    outcome: str
    reasons: Sequence[str]
    sentence: str = ""
    hidden: int = 0
    title: str = ""


async def open_run(
    session: AsyncSession,
    principal: Principal,
    conversation_id: uuid.UUID,
    question: Question,
    *,
    scope: str | None,
) -> Run:
    """Store a run and defer its execution in the same transaction; a denied question ends here."""
    denied = question.outcome == "denied"
    run = Run(
        conversation_id=conversation_id,
        principal_id=uuid.UUID(principal.id),
        state=RunState.REFUSED if denied else RunState.QUEUED,
        question=question.text,
        tokens=[dict(token) for token in question.tokens],
        flags=list(question.reasons),
        scope=scope,
        correlation=correlation_id(),
    )
    session.add(run)
    await session.flush()
    record(
        session,
        RunAudit.ASKED,
        principal,
        conversation=conversation_id,
        run=run.id,
        outcome=question.outcome,
        reasons=list(question.reasons),
        hidden=question.hidden,
        types=hidden_in([question.text]),
    )
    if denied:
        await append_event(session, run.id, EventKind.REFUSED, {"sentence": question.sentence or REFUSED})
        await append_event(session, run.id, EventKind.DONE, {"state": RunState.REFUSED})
        run.finished_at = (await session.exec(select(func.now()))).one()
        _record_end(session, run, RunState.REFUSED, principal, ending="refused")
        return run
    await append_event(session, run.id, EventKind.STAGE, {"name": "accepted"})
    await defer(session, EXECUTE, queue=QUEUE, run=str(run.id))
    return run


async def own_run(session: AsyncSession, principal: Principal, run_id: uuid.UUID) -> Run:
    """The caller's run. Raises `NotFound` for another's, and for those of a deleted conversation."""
    found = (
        select(Run)
        .join(Conversation, col(Conversation.id) == col(Run.conversation_id))
        .where(
            Run.id == run_id,
            Run.principal_id == uuid.UUID(principal.id),
            col(Conversation.deleted_at).is_(None),
        )
    )
    run = (await session.exec(found)).one_or_none()
    if run is None:
        raise NotFound("There is no such question.")
    return run


async def runs_of(session: AsyncSession, conversation_id: uuid.UUID) -> Sequence[Run]:
    """The runs of a conversation, oldest first."""
    found = select(Run).where(Run.conversation_id == conversation_id).order_by(col(Run.created_at))
    return (await session.exec(found)).all()


async def events_of(
    session: AsyncSession, run_ids: Sequence[uuid.UUID], after: int = 0, *, kind: EventKind | None = None
) -> Sequence[RunEvent]:
    """Events with a number above `after`, perhaps of one kind, by run and number."""
    found = (
        select(RunEvent)
        .where(col(RunEvent.run_id).in_(run_ids), RunEvent.seq > after)
        .order_by(col(RunEvent.run_id), col(RunEvent.seq))
    )
    if kind is not None:
        found = found.where(RunEvent.kind == kind)
    return (await session.exec(found)).all()


async def append_event(
    session: AsyncSession,
    run_id: uuid.UUID,
    kind: EventKind,
    data: Mapping[str, Any],
    *,
    lease: str | None = None,
) -> int:
    """Append an event and wake its followers at commit; gives its number.

    With `lease`, raises `LeaseLost` unless that lease is still held.
    """
    run = await _locked(session, run_id)
    if lease is not None and (run.lease_owner != lease or run.state != RunState.RUNNING):
        raise LeaseLost("The run is no longer this worker's.")
    last = (await session.exec(select(func.max(RunEvent.seq)).where(RunEvent.run_id == run_id))).one()
    seq = (last or 0) + 1
    session.add(RunEvent(run_id=run_id, seq=seq, kind=kind, data=dict(data)))
    if kind == EventKind.SENTENCE:
        run.shown += 1
        session.add(run)
    await session.flush()
    connection = await session.connection()
    await connection.execute(_NOTIFY, {"channel": CHANNEL, "run": str(run_id)})
    return seq


async def keep_weighing(session: AsyncSession, run_id: uuid.UUID, weighs: Mapping[str, Any] | None) -> None:
    """What everything that was shown weighs, in case the run ends here; None when the record has it."""
    await session.exec(update(Run).where(col(Run.id) == run_id).values(weighs=weighs))


async def is_stopped(session: AsyncSession, run_id: uuid.UUID) -> bool:
    """Whether the rep has stopped the run; whoever stops it from now on waits for this transaction."""
    return (await _locked(session, run_id)).cancel_requested


async def take_lease(session: AsyncSession, run_id: uuid.UUID, worker: str) -> Run | None:
    """Make a queued or abandoned run this worker's; None when it is not to be had."""
    free = (col(Run.state) == RunState.QUEUED) | (
        (col(Run.state) == RunState.RUNNING) & (col(Run.lease_until) < func.now())
    )
    statement = (
        update(Run)
        .where(col(Run.id) == run_id, free)
        .values(state=RunState.RUNNING, lease_owner=worker, lease_until=_lease_end(), attempt=Run.attempt + 1)
        .returning(Run)
    )
    return (await session.exec(statement)).scalar_one_or_none()


async def extend_lease(session: AsyncSession, run_id: uuid.UUID, worker: str) -> bool:
    """Keep the lease; False when it is lost or the rep has cancelled."""
    statement = (
        update(Run)
        .where(
            col(Run.id) == run_id,
            col(Run.lease_owner) == worker,
            col(Run.state) == RunState.RUNNING,
            col(Run.cancel_requested).is_(False),
        )
        .values(lease_until=_lease_end())
        .returning(col(Run.id))
    )
    return (await session.exec(statement)).scalar_one_or_none() is not None


async def abandoned_runs(session: AsyncSession) -> Sequence[uuid.UUID]:
    """Runs nobody works on: the lease has run out (its worker is gone), or the job was lost before."""
    left = (col(Run.state) == RunState.RUNNING) & (col(Run.lease_until) < func.now())
    waiting = text(f"interval '{WAITING_SECONDS} seconds'")
    lost = (col(Run.state) == RunState.QUEUED) & (col(Run.created_at) < func.now() - waiting)
    return (await session.exec(select(Run.id).where(left | lost).order_by(col(Run.created_at)))).all()


async def finish(
    session: AsyncSession,
    run: Run,
    state: RunState,
    actor: Principal | str,
    *,
    lease: str | None = None,
    ending: str | None = None,
    part: str | None = None,
) -> None:
    """Put a run into a final state and say so to its followers, once: one that has ended stays as it is.

    The record keeps its `ending`, which `part` failed, and what was shown weighs where the run broke off
    before that was recorded. Whoever sent its answer back is told where no other one came. With `lease`,
    raises `LeaseLost` unless that lease is still held.
    """
    standing = await _locked(session, run.id)
    if lease is None and standing.state in FINAL:
        return
    if standing.weighs is not None:
        told = {"conversation": run.conversation_id, "run": run.id, **standing.weighs}
        record(session, RunAudit.WEIGHED, actor, **told)
    await append_event(session, run.id, EventKind.DONE, {"state": state}, lease=lease)
    statement = update(Run).where(col(Run.id) == run.id, col(Run.state).not_in(FINAL))
    await session.exec(
        statement.values(state=state, finished_at=func.now(), lease_owner=None, lease_until=None, weighs=None)
    )
    if standing.held_item is not None:
        await tell_not_rewritten(session, standing.held_item)
    await tell_news(session, run.conversation_id)
    _record_end(session, run, state, actor, ending=ending, part=part)


def _record_end(
    session: AsyncSession, run: Run, state: RunState, actor: Principal | str, **how: str | None
) -> None:
    conversation, told = run.conversation_id, {name: value for name, value in how.items() if value}
    record(session, RunAudit.FINISHED, actor, conversation=conversation, run=run.id, state=state, **told)


async def queue_again(session: AsyncSession, run: Run) -> None:
    """Let a held run be executed once more, for the next draft of its item; nothing of it shows any more."""
    again = update(Run).where(col(Run.id) == run.id, col(Run.state) == RunState.HELD)
    await session.exec(
        again.values(
            state=RunState.QUEUED, shown=0, lease_owner=None, lease_until=None, cancel_requested=False
        )
    )
    await defer(session, EXECUTE, queue=QUEUE, run=str(run.id))


async def request_cancel(session: AsyncSession, run: Run, principal: Principal) -> None:
    """The rep stops the run: a queued one ends at once, a running one at its worker's next step.

    A held one is taken out of the review queue, and ends when the worker hears of it. Stopping twice
    changes nothing. Raises `AlreadyEnded`, and `AlreadyDecided` where an officer was quicker.
    """
    run = await session.get_one(Run, run.id, populate_existing=True)
    if run.state != RunState.HELD:  # whoever decides on a held one locks its item before its run
        run = await _locked(session, run.id)
    if run.state == RunState.CANCELLED:
        return
    if run.state in FINAL:
        raise AlreadyEnded
    if run.state == RunState.HELD and run.held_item is not None:
        await cancel(session, principal, run.held_item)
        return
    run.cancel_requested = True
    session.add(run)
    if run.state == RunState.QUEUED:
        await append_event(session, run.id, EventKind.CANCELLED, {})
        await finish(session, run, RunState.CANCELLED, principal)


async def rate(
    session: AsyncSession, run: Run, principal: Principal, *, thumb: str, reason: str | None, note: str
) -> None:
    """Keep the rep's thumb; a second one replaces the first."""
    run.feedback = {"thumb": thumb, "reason": reason, "note": note}
    session.add(run)
    record(
        session,
        RunAudit.RATED,
        principal,
        conversation=run.conversation_id,
        run=run.id,
        thumb=thumb,
        reason=reason,
    )


async def _locked(session: AsyncSession, run_id: uuid.UUID) -> Run:
    """The run as it stands now, locked until the transaction ends."""
    found = select(Run).where(Run.id == run_id).with_for_update()
    return (await session.exec(found, execution_options={"populate_existing": True})).one()


def _lease_end() -> Any:
    return func.now() + text(f"interval '{LEASE_SECONDS} seconds'")
