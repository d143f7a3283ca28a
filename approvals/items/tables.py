"""Rows of the queue: held items, the reviewers' votes and remarks, and who has opened what."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from approvals.risk.value import RuleHit, Tier

from .columns import SCHEMA, moment
from .payload import Payload, digest_of


class ItemKind(StrEnum):
    """What is held: an answer to a rep, a mail to a customer, or a message to the CRM's webhook."""

    ANSWER = "answer"
    MAIL = "mail"
    HANDOVER = "handover"


class ItemState(StrEnum):
    """Where a held item stands; every state but `pending` is an end, unless it is undone in time.

    An item that was sent back comes again as `pending`, in its next round, with another draft.
    """

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
    FALSE_ALARM = "false_alarm"


class RemarkKind(StrEnum):
    """What was said about an item without deciding it, or became of it.

    `lapsed`: votes on it no longer stand, and nobody took them back.
    """

    QUESTION = "question"
    ANSWER = "answer"
    HANDED_ON = "handed_on"
    ESCALATED = "escalated"
    LAPSED = "lapsed"


APPROVING: Final = (Verdict.APPROVE, Verdict.EDIT, Verdict.FALSE_ALARM)
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


APPLIANCE: Final = "deadline"
"""The author of a remark that nobody wrote, as the record names a timer."""
GENERAL: Final = "general"
"""The queue that is always there: what no rule sends elsewhere, for every officer."""


class HeldItem(SQLModel, table=True):
    """Something that waits for a person. `payload` changes with the round alone; an edit is `final_payload`.

    `current_hash` is the hash of what would be released now, and what a decision must name. `fence` grows
    with each claim: a decision that names an older one was made on a lost lease. `needed` officers must
    approve one text, and never fewer than `least`: by its tier, or because it was drawn. Beyond what stands
    here, triggers keep the payload, the votes and the one effect.
    """

    __tablename__ = "held_item"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> requester", name="held_item_not_by_requester"),
        CheckConstraint(
            "(state IN ('approved', 'edited', 'rejected', 'sent_back')) = (decided_by IS NOT NULL)",
            name="held_item_decided_by_somebody",
        ),
        CheckConstraint("effect_at IS NULL OR state <> 'pending'", name="held_item_no_effect_while_pending"),
        CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="held_item_claim_has_an_end"),
        CheckConstraint("claimed_by IS NULL OR state = 'pending'", name="held_item_claim_while_pending"),
        CheckConstraint("claimed_by IS NULL OR claimed_by <> requester", name="held_item_no_own_claim"),
        CheckConstraint("needed BETWEEN least AND 2 AND least >= 1", name="held_item_needed"),
        CheckConstraint("round >= 1", name="held_item_round"),
        Index("held_item_queue", "state", "tier", "deadline"),
        Index("held_item_by_queue", "queue", "state"),
        Index("held_item_created", "created_at"),
        Index("held_item_remind", "remind_at", postgresql_where=text("remind_at IS NOT NULL")),
        Index("held_item_escalate", "escalate_at", postgresql_where=text("escalate_at IS NOT NULL")),
        Index("held_item_one_pending", "run", unique=True, postgresql_where=text("state = 'pending'")),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    run: uuid.UUID = Field(index=True)
    conversation: uuid.UUID = Field(index=True)
    requester: str = Field(index=True)
    customer: str | None = None
    kind: ItemKind = Field(
        default=ItemKind.ANSWER,
        sa_column=Column(_enum(ItemKind, "held_item_kind"), nullable=False, server_default="answer"),
    )
    queue: str = Field(
        default=GENERAL,
        sa_column=Column(
            String,
            ForeignKey(f"{SCHEMA}.review_queue.name"),
            nullable=False,
            server_default=GENERAL,
        ),
    )
    round: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    needed: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    least: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
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
    created_at: datetime | None = Field(default=None, sa_column=moment(now=True))
    deadline: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    remind_at: datetime | None = Field(default=None, sa_column=moment())
    escalate_at: datetime | None = Field(default=None, sa_column=moment())
    assigned_to: str | None = None
    awaiting_rep: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    customer_waits_since: datetime | None = Field(default=None, sa_column=moment())
    claimed_by: str | None = None
    claimed_until: datetime | None = Field(default=None, sa_column=moment())
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=moment())
    reason: str | None = None
    note: str | None = None
    effective_after: datetime | None = Field(default=None, sa_column=moment())
    effect_at: datetime | None = Field(default=None, sa_column=moment())

    def held(self) -> Payload:
        """What the model wrote, as it was held."""
        return Payload.from_json(self.payload)

    def to_release(self) -> Payload:
        """What would be shown now: with an officer's edit, when there is one."""
        return Payload.from_json(self.final_payload or self.payload)

    def is_sound(self) -> bool:
        """Whether what is stored is what was held, and what a decision names."""
        held = digest_of(self.payload) == self.payload_hash
        return held and digest_of(self.final_payload or self.payload) == self.current_hash

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
    """What one reviewer said about one text; one standing vote a reviewer and round.

    `diff` of an edit: what was kept, taken out and put in, word by word, as [kind, text]; tokenised.
    """

    __tablename__ = "vote"
    __table_args__ = (
        Index(
            "vote_one_a_reviewer",
            "item",
            "round",
            "reviewer",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    item: uuid.UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey(f"{SCHEMA}.held_item.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )
    round: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    reviewer: str
    verdict: Verdict = Field(sa_column=Column(_enum(Verdict, "vote_verdict"), nullable=False))
    payload_hash: str
    reason: str | None = None
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    text_before: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    text_after: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    diff: list[list[str]] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    entry: str = Field(default="api", sa_column=Column(String, nullable=False, server_default="api"))
    at: datetime | None = Field(default=None, sa_column=moment(now=True))
    undone_at: datetime | None = Field(default=None, sa_column=moment())


class Remark(SQLModel, table=True):
    """What was asked, answered, handed on (`given_to`) or escalated (to `queue`); never changed.

    `text` is tokenised, and may be empty. The author of what the appliance did is `APPLIANCE`.
    """

    __tablename__ = "remark"
    __table_args__ = {"schema": SCHEMA}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    item: uuid.UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey(f"{SCHEMA}.held_item.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )
    round: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    author: str = Field(sa_column=Column(String, nullable=False, server_default=APPLIANCE))
    kind: RemarkKind = Field(sa_column=Column(_enum(RemarkKind, "remark_kind"), nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    queue: str | None = None
    given_to: str | None = None
    at: datetime | None = Field(default=None, sa_column=moment(now=True))


class Draft(SQLModel, table=True):
    """A draft that was sent back, as it was held; the one that is held now is in the item."""

    __tablename__ = "draft"
    __table_args__ = {"schema": SCHEMA}

    item: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey(f"{SCHEMA}.held_item.id", ondelete="CASCADE"), primary_key=True)
    )
    round: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    payload_hash: str
    policy_version: str
    hits: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    instruction: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime | None = Field(default=None, sa_column=moment(now=True))


class PersonKey(SQLModel, table=True):
    """What was said of who is behind an account: a hash of the subject that an identity provider gives, or a
    pair of accounts. Whoever have one in common are one person."""

    __tablename__ = "person_key"
    __table_args__ = (Index("person_key_key", "key"), {"schema": SCHEMA})

    account: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    undone_at: datetime | None = Field(default=None, sa_column=moment())


class Opening(SQLModel, table=True):
    """When a reviewer first opened a text; reading time is counted from here."""

    __tablename__ = "opening"
    __table_args__ = {"schema": SCHEMA}

    item: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey(f"{SCHEMA}.held_item.id", ondelete="CASCADE"), primary_key=True)
    )
    reviewer: str = Field(primary_key=True)
    payload_hash: str
    opened_at: datetime | None = Field(default=None, sa_column=moment(now=True))


class Presence(SQLModel, table=True):
    """When an officer last looked at the queue: who is on duty."""

    __tablename__ = "presence"
    __table_args__ = {"schema": SCHEMA}

    reviewer: str = Field(primary_key=True)
    seen_at: datetime | None = Field(default=None, sa_column=moment(now=True))
