"""What a decision does: once, after the undo window, for exactly the text that was decided."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import record

from .errors import PayloadChanged
from .events import ApprovalEvent
from .payload import Payload
from .tables import DECIDED, RELEASED, HeldItem, ItemState

_ENDED: Final = (ItemState.EXPIRED, ItemState.CANCELLED)


@dataclass(frozen=True)
class Effect:
    """What is to be done now, once: show `payload.text`, or say that it is not released."""

    item: uuid.UUID
    run: uuid.UUID
    conversation: uuid.UUID
    requester: str
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


async def take_effect(session: AsyncSession, item_id: uuid.UUID, payload_hash: str) -> Effect | NoEffect:
    """Claim the one effect of a decided, expired or cancelled item, in the caller's transaction.

    `payload_hash` is the item's `current_hash` as the caller read it. A second call gives
    `DONE_BEFORE`; a decision within its undo window `TOO_EARLY`; one that was undone `PENDING`.
    Raises `PayloadChanged` when the stored text is not the text of that hash.
    """
    ripe = col(HeldItem.state).in_(_ENDED) | (
        col(HeldItem.state).in_(DECIDED) & (col(HeldItem.effective_after) <= func.now())
    )
    statement = (
        update(HeldItem)
        .where(
            col(HeldItem.id) == item_id,
            col(HeldItem.current_hash) == payload_hash,
            col(HeldItem.effect_at).is_(None),
            ripe,
        )
        .values(effect_at=func.now())
        .returning(HeldItem)
        .execution_options(populate_existing=True)
    )
    item = (await session.exec(statement)).scalar_one_or_none()
    if item is None:
        return await _why_none(session, item_id, payload_hash)
    payload = item.to_release()
    if payload.digest() != payload_hash or item.held().digest() != item.payload_hash:
        raise PayloadChanged
    record(
        session,
        ApprovalEvent.TOOK_EFFECT,
        "work",
        conversation=item.conversation,
        run=item.run,
        subject=str(item.id),
        state=item.state,
        hash=payload_hash,
    )
    return Effect(
        item=item.id,
        run=item.run,
        conversation=item.conversation,
        requester=item.requester,
        state=item.state,
        payload=payload,
        held=item.held(),
        decided_by=item.decided_by,
        decided_at=item.decided_at,
        reason=item.reason,
        note=item.note,
    )


async def due_effects(session: AsyncSession, *, limit: int = 100) -> Sequence[HeldItem]:
    """Items whose effect is due and has not happened: a lost job is found by the column, not by the job."""
    due = (
        select(HeldItem)
        .where(
            col(HeldItem.state).in_((*DECIDED, *_ENDED)),
            col(HeldItem.effective_after) <= func.now(),
            col(HeldItem.effect_at).is_(None),
        )
        .order_by(col(HeldItem.effective_after))
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
