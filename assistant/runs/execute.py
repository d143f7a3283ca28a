"""Executing runs: under a lease, step by step, each step written with what the record keeps of it."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final, TypeGuard

from sqlalchemy import func, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    HeldFact,
    HeldItem,
    HeldPart,
    HeldSentence,
    HeldSource,
    ItemState,
    Part,
    Payload,
    Policy,
    hold,
    hold_again,
    officers_on_duty,
    place_of,
    remember_weighing,
)
from assistant.answer import AnswerPipeline, Asked, EventKind, Hold, RunAudit, Step, Turn, hidden_in
from assistant.answer.events import INTERRUPTED
from assistant.conversations import tell_news
from gateway import (
    CloisterError,
    Database,
    NotFound,
    Principal,
    begin_correlation,
    correlation_id,
    log,
    principal_of_account,
    record,
)

from .enumeration import entities_asked_about
from .service import (
    BY,
    MAY_ASK,
    LeaseLost,
    abandoned_runs,
    append_event,
    events_of,
    extend_lease,
    finish,
    is_stopped,
    keep_weighing,
    runs_of,
    take_lease,
)
from .tables import Run, RunEvent, RunGeneration, RunState
from .withheld import records_in

_LOOK_SECONDS: Final = 1.0
_TURNS: Final = 3
_LATER_SECONDS: Final = 60.0
_ATTEMPTS: Final = 30  # of an answer that was sent back: about half an hour
_CUSTOMERS: Final = frozenset({"account", "customer", "company", "client", "organisation", "organization"})
_NO_ACCOUNT: Final = "The account that asked may no longer sign in or ask."
_NOT_SHOWN: Final = frozenset(
    {EventKind.RETRACTED, EventKind.REJECTED, EventKind.EXPIRED, EventKind.SENT_BACK, EventKind.CANCELLED}
)
_WITHOUT_ANSWER: Final = frozenset({EventKind.FAILED, EventKind.NO_SUMMARY, EventKind.NOTHING_FOUND})
_UNFORESEEN: Final = "Something went wrong while answering. The error is in the log of the worker."


class RunExecutor:
    """Executes runs for one worker, whose name is its lease."""

    def __init__(self, database: Database, pipeline: AnswerPipeline, policy: Policy, worker: str) -> None:
        self._database = database
        self._pipeline = pipeline
        self._policy = policy
        self._worker = worker

    async def execute(self, run_id: uuid.UUID) -> None:
        """Take the run and bring it to its end; does nothing when another worker has it.

        Cancelled from outside (the process drains), it gives the run back for others to take at once.
        """
        # one lease an attempt: a worker that was asleep must not write into the run it adopts from itself
        lease = f"{self._worker}/{uuid.uuid4().hex[:8]}"
        async with self._database.transaction() as session:
            run = await take_lease(session, run_id, lease)
            if run is None:
                return
            begin_correlation(run.correlation or correlation_id())
            try:
                principal = await principal_of_account(session, account_id=str(run.principal_id))
            except NotFound:
                principal = None
            if principal is None or not principal.has(*MAY_ASK):
                await self._end(session, run, EventKind.FAILED, RunState.FAILED, _NO_ACCOUNT)
                return
            if run.cancel_requested:  # its worker died before it heard of it
                await self._cancel(session, run, principal)
                return
            if run.shown:
                await self._end(session, run, EventKind.INTERRUPTED, RunState.INTERRUPTED, INTERRUPTED)
                return
            asked = await _asked(session, run, principal, self._policy)
        answering = asyncio.create_task(self._answer(run, asked))
        try:
            cancelled = await self._keep_lease(run, answering)
        except BaseException as error:
            # nothing may go on writing under this lease: whoever adopts the run may be this worker again
            answering.cancel()
            await asyncio.wait({answering})
            if isinstance(error, asyncio.CancelledError):
                await self._give_back(run)
            raise
        if cancelled:
            await self._stop(run, asked.principal, answering)
        else:
            await self._settle(run, asked, answering)

    async def adopt_abandoned(self) -> None:
        """Execute runs whose worker or job is gone."""
        async with self._database.transaction() as session:
            found = await abandoned_runs(session)
        for run_id in found:
            log.info("run.adopted", run=str(run_id))
            try:
                await self.execute(run_id)
            except CloisterError as error:  # the others must not wait behind this one
                log.warning("run.adoption_failed", run=str(run_id), reason=error.sentence)
            except Exception as error:  # noqa: BLE001 nor behind what nobody has foreseen
                log.error("run.adoption_failed", exc_info=error, run=str(run_id))

    async def _keep_lease(self, run: Run, answering: asyncio.Task[None]) -> bool:
        """Extend the lease until the answer ends; True when the rep stopped it or the lease is lost."""
        while True:
            done, _ = await asyncio.wait({answering}, timeout=_LOOK_SECONDS)
            if done:
                return False
            async with self._database.transaction() as session:
                if not await extend_lease(session, run.id, _lease(run)):
                    return not answering.done()

    async def _answer(self, run: Run, asked: Asked) -> None:
        ending: EventKind | None = None
        async with aclosing(self._pipeline.answer(asked)) as steps:
            async for step in steps:
                if isinstance(step, Hold):
                    await self._hold(run, asked, step)
                    return
                ending = step.kind if step.kind in _WITHOUT_ANSWER else ending
                await self._write(run, asked.principal, step)
        async with self._database.transaction() as session:
            state = RunState.FAILED if ending is EventKind.FAILED else RunState.DONE
            await finish(session, run, state, asked.principal, lease=_lease(run), ending=ending or "answered")

    async def _write(self, run: Run, principal: Principal, step: Step) -> None:
        async with self._database.transaction() as session:
            seq = await append_event(session, run.id, step.kind, step.data, lease=_lease(run))
            audit, detail = step.audit, step.detail
            if step.kind == EventKind.SENTENCE:
                audit = RunAudit.SHOWN
                detail = {"sentence": step.data["index"], "citations": step.data["citations"]}
                await keep_weighing(session, run.id, step.weighs)
            if audit is RunAudit.WEIGHED:
                await keep_weighing(session, run.id, None)
                detail = {**detail, "policy": self._policy.version}
                await _count(session, run, detail)
            if step.kept:
                made_of = step.kept.as_json()
                session.add(RunGeneration(run_id=run.id, attempt=run.attempt, weighed=seq, made_of=made_of))
            if audit:
                record(session, audit, principal, conversation=run.conversation_id, run=run.id, **detail)

    async def _hold(self, run: Run, asked: Asked, held: Hold) -> None:
        async with self._database.transaction() as session:
            if await is_stopped(session, run.id):
                await self._cancel(session, run, asked.principal)
                return
            item = await self._held(session, run, asked, held)
            place = await place_of(session, item.id)
            data = {
                "item": str(item.id),
                "reasons": [{"rule": rule, "sentence": sentence} for rule, sentence in held.weighing.reasons],
                "position": place.position,
                "deadline": item.deadline.isoformat(),
                "whole": held.shown == 0,
                "reviewers": item.needed,
                "on_duty": await officers_on_duty(session, besides=asked.principal.id) > 0,
            }
            await append_event(session, run.id, EventKind.HELD, data, lease=_lease(run))
            await tell_news(session, run.conversation_id)
            record(
                session,
                RunAudit.HELD,
                asked.principal,
                conversation=run.conversation_id,
                run=run.id,
                item=str(item.id),
            )
            waiting = update(Run).where(col(Run.id) == run.id, col(Run.lease_owner) == _lease(run))
            await session.exec(
                waiting.values(state=RunState.HELD, held_item=item.id, lease_owner=None, lease_until=None)
            )

    async def _held(self, session: AsyncSession, run: Run, asked: Asked, held: Hold) -> HeldItem:
        """The item of this draft: the one that was sent back, else a new one."""
        payload = _payload(asked, held)
        if asked.instruction and run.held_item is not None:
            return await hold_again(
                session,
                self._policy,
                run.held_item,
                requester=asked.principal,
                payload=payload,
                weighing=held.weighing,
            )
        return await hold(
            session,
            self._policy,
            run=run.id,
            conversation=run.conversation_id,
            requester=asked.principal,
            payload=payload,
            weighing=held.weighing,
            customer=_customer(asked, held),
        )

    async def _settle(self, run: Run, asked: Asked, answering: asyncio.Task[None]) -> None:
        """Say aloud how an answer failed; one that ended well has said so itself.

        What an officer sent back is tried again for a while: nobody asks for it a second time.
        """
        error = answering.exception()
        if error is None or isinstance(error, LeaseLost):
            return
        if asked.instruction and _may_come_back(error) and run.attempt < _ATTEMPTS:
            log.warning("run.rewriting_later", run=str(run.id), reason=error.sentence)
            await self._give_back(run, seconds=_LATER_SECONDS)
            return
        if isinstance(error, CloisterError):
            part = str(error.extra.get("part", "assistant"))
            data = {"part": part, "sentence": error.sentence, "retry": error.retry}
        else:
            log.error("run.failed", exc_info=error, run=str(run.id))
            data = {"part": "assistant", "sentence": _UNFORESEEN, "retry": True}
        async with self._database.transaction() as session:
            await append_event(session, run.id, EventKind.FAILED, data, lease=_lease(run))
            part = "_".join(str(data["part"]).split())
            await finish(session, run, RunState.FAILED, BY, lease=_lease(run), ending="failed", part=part)

    async def _stop(self, run: Run, rep: Principal, answering: asyncio.Task[None]) -> None:
        answering.cancel()
        await asyncio.wait({answering})
        async with self._database.transaction() as session:
            current = await session.get_one(Run, run.id)
            if current.cancel_requested and current.lease_owner == _lease(run):
                await self._cancel(session, run, rep)

    async def _give_back(self, run: Run, *, seconds: float = -1) -> None:
        """Let others take the run, so many seconds from now."""
        async with self._database.transaction() as session:
            mine = update(Run).where(col(Run.id) == run.id, col(Run.lease_owner) == _lease(run))
            await session.exec(mine.values(lease_until=func.now() + timedelta(seconds=seconds)))

    async def _cancel(self, session: AsyncSession, run: Run, rep: Principal) -> None:
        await append_event(session, run.id, EventKind.CANCELLED, {"sentence": ""}, lease=_lease(run))
        await finish(session, run, RunState.CANCELLED, rep, lease=_lease(run))

    async def _end(
        self, session: AsyncSession, run: Run, kind: EventKind, state: RunState, sentence: str
    ) -> None:
        await append_event(session, run.id, kind, {"sentence": sentence}, lease=_lease(run))
        await finish(session, run, state, BY, lease=_lease(run))


def _may_come_back(error: BaseException) -> TypeGuard[CloisterError]:
    """Whether it is worth while to try again later: a part is away that is not left out on purpose."""
    return isinstance(error, CloisterError) and error.retry and not error.extra.get("absent")


async def _count(session: AsyncSession, run: Run, weighed: Mapping[str, Any]) -> None:
    """An answer was weighed: for the rates that officers see. Without a sentence there was none."""
    if weighed["sentences"]:
        await remember_weighing(
            session,
            run.id,
            policy=weighed["policy"],
            held=weighed["held"],
            would_hold=weighed["would_hold"],
            rules=weighed["rules"],
            trial=weighed["shadow"],
        )


def _lease(run: Run) -> str:
    """The lease under which this worker holds the run. Raises `LeaseLost` when it holds none."""
    if run.lease_owner is None:
        raise LeaseLost("The run is nobody's.")
    return run.lease_owner


def _payload(asked: Asked, held: Hold) -> Payload:
    sources = [
        HeldSource(
            n=passage["n"],
            id=passage["id"],
            entity=passage["entity"],
            title=passage["title"],
            text=passage["text"],
            field=passage["field"],
            url=passage["url"],
            internal=passage["internal"],
            as_of=passage["as_of"],
        )
        for passage in held.passages
    ]
    facts = [
        HeldFact(
            fact["label"],
            fact["value"],
            fact["title"],
            fact["kind"],
            fact["as_of"],
            fact["n"],
            fact["entity"],
        )
        for fact in held.facts
    ]
    sentences = [HeldSentence(one.text, one.citations, one.supported) for one in held.sentences]
    prompt = tuple(_parts(held.messages))
    return Payload(
        asked.question,
        tuple(sentences),
        held.shown,
        tuple(sources),
        tuple(facts),
        prompt=prompt or None,
        hidden=hidden_in(part.text for part in prompt) if prompt else None,
    )


def _parts(messages: Sequence[Mapping[str, Any]]) -> Iterator[HeldPart]:
    """What the model read, in its order: the last message holds the sources, and at its end the question."""
    roles = {"system": Part.INSTRUCTIONS, "user": Part.QUESTION, "assistant": Part.ANSWER}
    for message in messages:
        if isinstance(message["content"], str):
            yield HeldPart(roles[message["role"]], message["content"])
            continue
        *sources, question = (part["text"] for part in message["content"])
        yield from (HeldPart(Part.SOURCE, text) for text in sources)
        yield HeldPart(Part.QUESTION, question)


def _customer(asked: Asked, held: Hold) -> str | None:
    """The record that the question was limited to, else the one customer whom the sources are of."""
    if asked.scope:
        return asked.scope
    refs = [*(fact["entity"] for fact in held.facts), *(passage["entity"] for passage in held.passages)]
    customers = {ref for ref in refs if ref.partition(":")[0] in _CUSTOMERS}
    return customers.pop() if len(customers) == 1 else None


async def _asked(session: AsyncSession, run: Run, principal: Principal, policy: Policy) -> Asked:
    limit = policy.enumeration
    seen = await entities_asked_about(session, run.principal_id, limit.minutes)
    earlier = [other for other in await runs_of(session, run.conversation_id) if other.state == RunState.DONE]
    turns = []
    for other in earlier[-_TURNS:]:
        events = await events_of(session, [other.id])
        sources = [event for event in events if event.kind == EventKind.SOURCES]
        turns.append(Turn(other.question, _said(events), records_in(sources)))
    return Asked(
        instruction=await _instruction(session, run),
        run=run.id,
        conversation=run.conversation_id,
        principal=principal,
        question=run.question,
        tokens=run.tokens,
        scope=run.scope,
        history=turns,
        earlier_tokens=[token for other in earlier[-_TURNS:] for token in other.tokens],
        flags=run.flags,
        enumerating=seen >= limit.records,
    )


async def _instruction(session: AsyncSession, run: Run) -> str:
    """What an officer who sent the answer back wants of the next one; empty for a question's first answer."""
    item = await session.get(HeldItem, run.held_item, populate_existing=True) if run.held_item else None
    if item is None or item.state is not ItemState.SENT_BACK or item.effect_at is None:
        return ""
    return item.note or ""


def _said(events: Sequence[RunEvent]) -> str:
    """What the rep could read in the end: the released text, or what was shown and not taken back."""
    released = [str(event.data["text"]) for event in events if event.kind == EventKind.RELEASED]
    if released:
        return released[-1]
    if any(event.kind in _NOT_SHOWN for event in events):
        return ""
    return "".join(str(event.data["text"]) for event in events if event.kind == EventKind.SENTENCE)
