"""Rows of the queues: what each is for, who belongs to it and is away, and who is told what."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from approvals.items.columns import SCHEMA, moment


class ReviewQueue(SQLModel, table=True):
    """A queue: what goes into it, who looks at it, and when it is staffed.

    `place` orders the rules of routing: the first queue that takes an item gets it. `plan` is the rest of
    its description (`plans.QueuePlan`), validated when it is written. `version` is that of the description of
    all queues: the same in every one that stands.
    """

    __tablename__ = "review_queue"
    __table_args__ = {"schema": SCHEMA}

    name: str = Field(primary_key=True)
    place: int = Field(sa_column=Column(Integer, nullable=False))
    everyone: bool = Field(sa_column=Column(Boolean, nullable=False))
    plan: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    version: str = Field(default="1", sa_column=Column(String, nullable=False, server_default="1"))
    retired_at: datetime | None = Field(default=None, sa_column=moment())


class Member(SQLModel, table=True):
    """Who belonged to a queue, and when; `duty` are their hours (`calendars.Calendar`), None for always."""

    __tablename__ = "member"
    __table_args__ = (
        Index("member_once", "queue", "account", unique=True, postgresql_where=text("until IS NULL")),
        Index("member_account", "account"),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    queue: str = Field(sa_column=Column(String, ForeignKey(f"{SCHEMA}.review_queue.name"), nullable=False))
    account: str
    duty: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    since: datetime | None = Field(default=None, sa_column=moment(now=True))
    until: datetime | None = Field(default=None, sa_column=moment())


class Absence(SQLModel, table=True):
    """When somebody is away, and who stands in for them in their queues."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("starts < ends", name="absence_has_length"),
        CheckConstraint("cover <> account", name="absence_covered_by_another"),
        Index("absence_account", "account", "ends"),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    account: str
    cover: str | None = None
    starts: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Notice(SQLModel, table=True):
    """One message to one recipient by one channel, to be sent once; no content, only what to look at.

    `occasion` names what it is about within its item (`held:1`, `reminded:1`), so that none is written twice.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_once", "item", "occasion", "channel", "recipient", unique=True),
        Index(
            "notice_due",
            "next_try",
            postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"),
        ),
        Index("notice_recipient", "recipient", "channel", "at"),
        {"schema": SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    item: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey(f"{SCHEMA}.held_item.id", ondelete="CASCADE"), nullable=False)
    )
    occasion: str
    event: str
    channel: str
    recipient: str
    at: datetime | None = Field(default=None, sa_column=moment(now=True))
    next_try: datetime | None = Field(default=None, sa_column=moment(now=True))
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    sent_at: datetime | None = Field(default=None, sa_column=moment())
    seen_at: datetime | None = Field(default=None, sa_column=moment())
    given_up_at: datetime | None = Field(default=None, sa_column=moment())
    fault: str | None = None
