"""After the decision: rights are checked again, then the one effect is taken and the rep is told.

What was sent back is answered once more: its run is queued again, and the next draft comes into the item.
"""

import re
import uuid
from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    ALTERED,
    Effect,
    HeldItem,
    ItemKind,
    ItemState,
    NoEffect,
    Payload,
    PayloadChanged,
    due_effects,
    hand_out,
    standing_approvals,
    sweep,
    take_effect,
    withhold_altered,
)
from assistant.answer import EventKind, RunAudit, hidden_in
from assistant.conversations import tell_news
from gateway import (
    CloisterError,
    Conflict,
    Database,
    NotFound,
    Principal,
    log,
    principal_of_account,
    record,
)
from retrieval import RetrievalClient

from .service import BY, MAY_ASK, append_event, finish, queue_again
from .tables import Run, RunState

_RELEASED: Final = frozenset({ItemState.APPROVED, ItemState.EDITED})
_CITATION: Final = re.compile(r"\[(\d{1,3})\]")
_NO_LONGER_YOURS: Final = (
    "The answer was approved, but you may no longer see a record that it rests on, so it is not released."
)
_ALTERED: Final = (
    "The stored text is not the one that an officer approved, so it is not released. "
    "Ask again, and tell an auditor."
)


class RunResumer:
    """Ends held runs: released, or not released and why."""

    def __init__(self, database: Database, retrieval: RetrievalClient) -> None:
        self._database = database
        self._retrieval = retrieval

    async def resume(self, item_id: uuid.UUID) -> None:
        """Take an item's effect if it is due; doing it twice changes nothing.

        A text that is not the one that was approved is not released: the item ends as such, and is recorded.
        """
        try:
            await self._resume(item_id)
        except PayloadChanged:
            async with self._database.transaction() as session:
                if await withhold_altered(session, item_id):
                    log.error("run.text_altered", item=str(item_id))

    async def _resume(self, item_id: uuid.UUID) -> None:
        async with self._database.transaction() as session:
            item = await session.get(HeldItem, item_id)
            if item is None or item.effect_at is not None:
                return
            if item.state in _RELEASED and not item.is_sound():
                raise PayloadChanged
            requester = await _account(session, item.requester)
        may_see = item.state not in _RELEASED or (
            requester is not None and await self._may_see_sources(requester, item)
        )
        async with self._database.transaction() as session:
            effect = await take_effect(session, item.id, item.current_hash)
            if isinstance(effect, NoEffect):
                log.info("run.resume_without_effect", item=str(item_id), reason=effect.value)
                return
            if (effect.state, effect.round) != (item.state, item.round):
                raise Conflict("It was decided anew while the rights were asked; they are asked again.")
            await self._tell(session, effect, may_see=may_see)

    async def keep_deadlines(self) -> None:
        """Remind, escalate and expire what is due, however long the effects of others take."""
        async with self._database.transaction() as session:
            await sweep(session)

    async def resume_due(self) -> None:
        """Remind, escalate and expire what is due, and take every effect whose job was lost."""
        await self.keep_deadlines()
        async with self._database.transaction() as session:
            due = [item.id for item in await due_effects(session)]
        for item_id in due:
            try:
                await self.resume(item_id)
            except CloisterError as error:
                log.warning("run.resume_failed", item=str(item_id), reason=error.sentence)
            except Exception as error:  # noqa: BLE001 the others must not wait behind this one
                log.error("run.resume_failed", exc_info=error, item=str(item_id))

    async def _may_see_sources(self, requester: Principal, item: HeldItem) -> bool:
        payload = item.to_release()
        refs = _rests_on(payload)
        visible = await self._retrieval.visible(requester, tuple(sorted(refs)))
        return refs <= set(visible)

    async def _tell(self, session: AsyncSession, effect: Effect, *, may_see: bool) -> None:
        run = await session.get(Run, effect.run)
        if run is None:
            await _hand_out(session, effect, may_see=may_see)
            return
        released = effect.released and may_see
        if run.shown and not released:
            await append_event(session, run.id, EventKind.RETRACTED, {"sentences": list(range(run.shown))})
        kind, data = _outcome(effect, may_see=may_see)
        if kind == EventKind.EXPIRED:
            data["approvals"] = await standing_approvals(session, effect.item)
        await append_event(session, run.id, kind, data)
        if effect.state == ItemState.SENT_BACK:
            await queue_again(session, run)
        event = RunAudit.RELEASED if released else RunAudit.NOT_RELEASED
        decider = await _decider(session, effect)
        record(
            session,
            event,
            decider,
            conversation=effect.conversation,
            run=run.id,
            item=str(effect.item),
            state=effect.state,
            reason=effect.reason,
            shown=hidden_in([effect.payload.text]) if released else {},
            hash=effect.payload.digest() if released else None,
            edited=effect.edited,
            retracted=0 if released else effect.payload.shown_count,
            still_theirs=may_see,
        )
        if effect.state != ItemState.SENT_BACK:
            is_cancelled = effect.state == ItemState.CANCELLED
            state = RunState.CANCELLED if is_cancelled else RunState.DONE
            await finish(session, run, state, decider if is_cancelled else BY)
        await tell_news(session, run.conversation_id)


async def _hand_out(session: AsyncSession, effect: Effect, *, may_see: bool) -> None:
    """What is of no run goes out of the house when it is released; its requester is told by a notice."""
    released = effect.released and may_see and effect.kind is not ItemKind.ANSWER  # which is shown, not sent
    if released:
        await hand_out(session, await session.get_one(HeldItem, effect.item))
    record(
        session,
        RunAudit.RELEASED if released else RunAudit.NOT_RELEASED,
        await _decider(session, effect),
        conversation=effect.conversation,
        item=str(effect.item),
        run=effect.run,
        hash=effect.payload.digest() if released else None,
        state=effect.state,
        kind=effect.kind,
    )


async def _decider(session: AsyncSession, effect: Effect) -> Principal | str:
    """Who ended it: an officer, its requester, the deadline; of a text that was altered, the appliance."""
    if effect.reason == ALTERED:
        return BY
    by = effect.requester if effect.state == ItemState.CANCELLED else effect.decided_by
    if by is None:
        return "deadline"
    try:
        return await principal_of_account(session, account_id=by)
    except NotFound:
        return Principal(by, "", frozenset())


async def _account(session: AsyncSession, requester: str) -> Principal | None:
    """Who asked, None when that account may no longer sign in or ask."""
    try:
        asked = await principal_of_account(session, account_id=requester)
    except NotFound:
        return None
    return asked if asked.has(*MAY_ASK) else None


def _rests_on(payload: Payload) -> set[str]:
    """The records that an answer cites, as passages or as facts, and the one that a handover is about.

    All of them where a sentence cites none, and where an officer wrote: nobody says what that rests on.
    """
    if payload.handover is not None:
        return {payload.handover.record}
    every = [(source.n, source.entity) for source in payload.sources]
    every += [(fact.n, fact.entity) for fact in payload.facts if fact.entity]
    if payload.edited is not None or not all(sentence.citations for sentence in payload.sentences):
        return {entity for _, entity in every}
    return {entity for n, entity in every if n in _cited(payload)}


def _cited(payload: Payload) -> set[int]:
    """The numbers of sources in the text that would be shown."""
    numbers = {source.n for source in payload.sources} | {fact.n for fact in payload.facts}
    return numbers & {int(number) for number in _CITATION.findall(payload.text)}


def _outcome(effect: Effect, *, may_see: bool) -> tuple[EventKind, dict[str, Any]]:
    at = effect.decided_at.isoformat() if effect.decided_at else None
    if effect.released and not may_see:
        return EventKind.REJECTED, {"reason": "rights", "note": _NO_LONGER_YOURS, "at": at}
    if effect.released:
        data = {
            "role": "officer",
            "at": at,
            "edited": effect.edited,
            "text": effect.payload.text,
            "citations": sorted(_cited(effect.payload)),
        }
        return EventKind.RELEASED, data
    if effect.reason == ALTERED:
        return EventKind.REJECTED, {"reason": ALTERED, "note": _ALTERED, "at": at}
    match effect.state:
        case ItemState.EXPIRED:
            return EventKind.EXPIRED, {"at": at}
        case ItemState.CANCELLED:
            return EventKind.CANCELLED, {"at": at}
        case ItemState.SENT_BACK:
            return EventKind.SENT_BACK, {"note": effect.note, "at": at, "again": True}
        case _:
            return EventKind.REJECTED, {"reason": effect.reason, "note": effect.note, "at": at}
