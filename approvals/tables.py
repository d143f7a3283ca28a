"""Rows of the queue: held items, the reviewers' votes, and who has opened what."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, DateTime, Enum, ForeignKey, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from .payload import Payload
from .risk import RuleHit, Tier

_SCHEMA: Final = "approvals"


class ItemState(StrEnum):
    """Where a held item stands; every state but `pending` is an end, unless it is undone in time."""

    PENDING = "pending"
    APPROVED = "approved"
    EDITED = "edited"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """What one reviewer says."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    SEND_BACK = "send_back"


DECIDED: Final = (ItemState.APPROVED, ItemState.EDITED, ItemState.REJECTED, ItemState.SENT_BACK)
RELEASED: Final = (ItemState.APPROVED, ItemState.EDITED)


def _enum(kind: type[StrEnum], name: str) -> Enum:
    return Enum(
        kind,
        native_enum=False,
        length=16,
        create_constraint=True,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


def _moment(*, now: bool = False) -> Column[datetime]:
    default = func.now() if now else None
    return Column(DateTime(timezone=True), server_default=default, nullable=not now)


class HeldItem(SQLModel, table=True):
    """An answer that waits for a person. `payload` never changes; an edit is `final_payload`.

    `current_hash` is the hash of what would be released now, and what a decision must name.
    """

    __tablename__ = "held_item"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> requester", name="held_item_not_by_requester"),
        CheckConstraint(
            "(state IN ('approved', 'edited', 'rejected', 'sent_back')) = (decided_by IS NOT NULL)",
            name="held_item_decided_by_somebody",
        ),
        CheckConstraint("effect_at IS NULL OR state <> 'pending'", name="held_item_no_effect_while_pending"),
        Index("held_item_queue", "state", "tier", "deadline"),
        Index("held_item_one_pending", "run", unique=True, postgresql_where=text("state = 'pending'")),
        {"schema": _SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    run: uuid.UUID = Field(index=True)
    conversation: uuid.UUID = Field(index=True)
    requester: str = Field(index=True)
    customer: str | None = None
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    payload_hash: str
    final_payload: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    current_hash: str
    policy_version: str
    hits: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    marks: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    tier: Tier = Field(sa_column=Column(_enum(Tier, "held_item_tier"), nullable=False))
    state: ItemState = Field(
        default=ItemState.PENDING, sa_column=Column(_enum(ItemState, "held_item_state"), nullable=False)
    )
    created_at: datetime | None = Field(default=None, sa_column=_moment(now=True))
    deadline: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    claimed_by: str | None = None
    claimed_until: datetime | None = Field(default=None, sa_column=_moment())
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=_moment())
    reason: str | None = None
    note: str | None = None
    effective_after: datetime | None = Field(default=None, sa_column=_moment())
    effect_at: datetime | None = Field(default=None, sa_column=_moment())

    def held(self) -> Payload:
        """What the model wrote, as it was held."""
        return Payload.from_json(self.payload)

    def to_release(self) -> Payload:
        """What would be shown now: with an officer's edit, when there is one."""
        return Payload.from_json(self.final_payload or self.payload)

    def rule_hits(self) -> tuple[RuleHit, ...]:
        """Why it is held."""
        return tuple(RuleHit.from_json(hit) for hit in self.hits)

    def reasons(self) -> tuple[tuple[str, str], ...]:
        """(rule, sentence in plain words), each once."""
        return tuple(dict.fromkeys((hit.rule, hit.sentence) for hit in self.rule_hits()))

    def rule_marks(self) -> tuple[RuleHit, ...]:
        """What is marked in it without being a reason to hold."""
        return tuple(RuleHit.from_json(mark) for mark in self.marks)


class Vote(SQLModel, table=True):
    """What one reviewer said about one text; one standing vote a reviewer and item."""

    __tablename__ = "vote"
    __table_args__ = (
        Index(
            "vote_one_a_reviewer", "item", "reviewer", unique=True, postgresql_where=text("undone_at IS NULL")
        ),
        {"schema": _SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    item: uuid.UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey(f"{_SCHEMA}.held_item.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )
    reviewer: str
    verdict: Verdict = Field(sa_column=Column(_enum(Verdict, "vote_verdict"), nullable=False))
    payload_hash: str
    reason: str | None = None
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    at: datetime | None = Field(default=None, sa_column=_moment(now=True))
    undone_at: datetime | None = Field(default=None, sa_column=_moment())


class Opening(SQLModel, table=True):
    """When a reviewer first opened a text; reading time is counted from here."""

    __tablename__ = "opening"
    __table_args__ = {"schema": _SCHEMA}

    item: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey(f"{_SCHEMA}.held_item.id", ondelete="CASCADE"), primary_key=True)
    )
    reviewer: str = Field(primary_key=True)
    payload_hash: str
    opened_at: datetime | None = Field(default=None, sa_column=_moment(now=True))


class Presence(SQLModel, table=True):
    """When an officer last looked at the queue: who is on duty."""

    __tablename__ = "presence"
    __table_args__ = {"schema": _SCHEMA}

    reviewer: str = Field(primary_key=True)
    seen_at: datetime | None = Field(default=None, sa_column=_moment(now=True))
