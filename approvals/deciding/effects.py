"""What a decision does: once, after the undo window, for exactly the text that was decided.

Whether those who decided may still decide is read again here: a decision of somebody who has meanwhile left
the queue or lost the role does not take effect, and the item waits for another.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import PayloadChanged
from approvals.items.events import ApprovalEvent, record_item
from approvals.items.payload import Payload
from approvals.items.remarks import add_remark
from approvals.items.tables import (
    DECIDED,
    RELEASED,
    HeldItem,
    ItemKind,
    ItemState,
    RemarkKind,
    Vote,
)
from approvals.queues.notices import Occasion, tell

from .decisions import agreeing
from .lapsing import PENDING_AGAIN, lapse_and_tell, votes_of_who_left

ALTERED: Final = "altered"
"""The reason of an item whose text was changed after it was approved."""
_NOTHING: Final = Payload("", ())
_ENDED: Final = (ItemState.EXPIRED, ItemState.CANCELLED)


@dataclass(frozen=True)
class Effect:
    """What is to be done now, once: show `payload.text`, or say that it is not released."""

    item: uuid.UUID
    run: uuid.UUID
    conversation: uuid.UUID
    requester: str
    round: int
    kind: ItemKind
    state: ItemState
    payload: Payload
    held: Payload
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    note: str | None

    @property
    def released(self) -> bool:
        """Whether the text may be shown."""
        return self.state in RELEASED

    @property
    def edited(self) -> bool:
        """Whether an officer changed the text."""
        return self.payload.edited is not None


class NoEffect(StrEnum):
    """Why there is nothing to do (now)."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    TOO_EARLY = "too_early"
    DONE_BEFORE = "done_before"
    OTHER_TEXT = "other_text"
    DECIDER_LEFT = "decider_left"


async def take_effect(session: AsyncSession, item_id: uuid.UUID, payload_hash: str) -> Effect | NoEffect:
    """Claim the one effect of a decided, expired or cancelled item, in the caller's transaction.

    `payload_hash` is the item's `current_hash` as the caller read it. A second call gives
    `DONE_BEFORE`; a decision within its undo window `TOO_EARLY`; one that was undone `PENDING`; one of
    somebody who may no longer decide `DECIDER_LEFT`, and the item is pending again. Raises `PayloadChanged`
    when a text that would be released is not the text of that hash, or not the one that was approved; see
    `withhold_altered`. What is not released ends whatever its text has become, and then without it.
    """
    ripe = col(HeldItem.state).in_(_ENDED) | (
        col(HeldItem.state).in_(DECIDED) & (col(HeldItem.effective_after) <= func.now())
    )
    mine = (col(HeldItem.id) == item_id, col(HeldItem.current_hash) == payload_hash)
    locked = select(HeldItem).where(*mine, col(HeldItem.effect_at).is_(None), ripe).with_for_update()
    item = (await session.exec(locked, execution_options={"populate_existing": True})).one_or_none()
    if item is None:
        return await _why_none(session, item_id, payload_hash)
    sound = item.is_sound()
    if item.state in RELEASED:
        await _check_text(session, item, payload_hash)
    if item.state in DECIDED and (left := await votes_of_who_left(session, item)):
        await lapse_and_tell(session, item, left, "work")
        return NoEffect.DECIDER_LEFT
    statement = (
        update(HeldItem)
        .where(*mine, col(HeldItem.effect_at).is_(None), col(HeldItem.round) == item.round)
        .values(effect_at=func.now())
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    item = (await session.exec(statement)).scalar_one()
    record_item(session, ApprovalEvent.TOOK_EFFECT, "work", item, state=item.state)
    if item.state in DECIDED:
        await tell(session, item, Occasion.DECIDED, [item.requester], number=item.round)
    return Effect(
        item=item.id,
        run=item.run,
        conversation=item.conversation,
        requester=item.requester,
        round=item.round,
        kind=item.kind,
        state=item.state,
        payload=item.to_release() if sound else _NOTHING,
        held=item.held() if sound else _NOTHING,
        decided_by=item.decided_by,
        decided_at=item.decided_at,
        reason=item.reason,
        note=item.note,
    )


async def _check_text(session: AsyncSession, item: HeldItem, payload_hash: str) -> None:
    """Nothing is released but what was held or edited here, and what enough officers approved."""
    needed = max(item.needed, item.least, item.tier.reviewers)
    if not item.is_sound() or await agreeing(session, item, payload_hash) < needed:
        raise PayloadChanged


async def withhold_altered(session: AsyncSession, item_id: uuid.UUID) -> bool:
    """End what was to be released as overdue, because its text is not what was approved; false where it is.

    It is recorded (`item.altered`), and nobody can decide on it any more: the sweep ends it as not released.
    """
    found = (
        select(HeldItem)
        .where(HeldItem.id == item_id, col(HeldItem.state).in_(RELEASED), col(HeldItem.effect_at).is_(None))
        .with_for_update()
    )
    item = (await session.exec(found, execution_options={"populate_existing": True})).one_or_none()
    if item is None:
        return False
    decided_by = item.decided_by
    try:
        await _check_text(session, item, item.current_hash)
    except PayloadChanged:
        standing = (col(Vote.item) == item.id, col(Vote.round) == item.round, col(Vote.undone_at).is_(None))
        await session.exec(update(Vote).where(*standing).values(undone_at=func.now()))
        await add_remark(session, item, None, RemarkKind.LAPSED)
        ends = {**PENDING_AGAIN, "reason": ALTERED, "deadline": func.now()}
        await session.exec(update(HeldItem).where(col(HeldItem.id) == item.id).values(ends))
        record_item(
            session, ApprovalEvent.ALTERED, "work", item, held=item.payload_hash, decided_by=decided_by
        )
        return True
    return False


async def due_effects(session: AsyncSession, *, limit: int = 100) -> Sequence[HeldItem]:
    """Items whose effect is due and has not happened: a lost job is found by the column, not by the job.

    What is not released comes first: it needs no part that may be away.
    """
    due = (
        select(HeldItem)
        .where(
            col(HeldItem.state).in_((*DECIDED, *_ENDED)),
            col(HeldItem.effective_after) <= func.now(),
            col(HeldItem.effect_at).is_(None),
        )
        .order_by(col(HeldItem.state).in_(RELEASED), col(HeldItem.effective_after))
        .limit(limit)
    )
    return (await session.exec(due, execution_options={"populate_existing": True})).all()


async def _why_none(session: AsyncSession, item_id: uuid.UUID, payload_hash: str) -> NoEffect:
    item = await session.get(HeldItem, item_id, populate_existing=True)
    if item is None:
        return NoEffect.UNKNOWN
    if item.effect_at is not None:
        return NoEffect.DONE_BEFORE
    if item.state is ItemState.PENDING:
        return NoEffect.PENDING
    if item.current_hash != payload_hash:
        return NoEffect.OTHER_TEXT
    return NoEffect.TOO_EARLY
