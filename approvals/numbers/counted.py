"""Rows behind the reports: what weighing said of an answer, and what people said to a suggestion."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_SCHEMA: Final = "approvals"


class Weighed(SQLModel, table=True):
    """What the rules said of an answer: no text, and of each answer the last word before it was held.

    `would_hold` is whether it would have been held were no rule on trial.
    """

    __tablename__ = "weighed"
    __table_args__ = (Index("weighed_at", "at"), {"schema": _SCHEMA})

    run: uuid.UUID = Field(primary_key=True)
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    policy_version: str
    held: bool = Field(sa_column=Column(Boolean, nullable=False))
    would_hold: bool = Field(sa_column=Column(Boolean, nullable=False))
    rules: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    trial: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class Reply(StrEnum):
    """What a person says to a suggestion."""

    ACCEPTED = "accepted"
    PUT_ASIDE = "put_aside"


class SuggestionReply(SQLModel, table=True):
    """Somebody accepted a change of a rule, or put it aside; `withdrawn_at` when that was taken back.

    `count` of `decided` items are the numbers that it rested on.
    """

    __tablename__ = "suggestion_reply"
    __table_args__ = (
        CheckConstraint("reply IN ('accepted', 'put_aside')", name="suggestion_reply_kind"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="suggestion_reply_withdrawn"),
        Index(
            "suggestion_reply_once",
            "rule",
            "change",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        {"schema": _SCHEMA},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    rule: str
    change: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    reply: str
    policy_version: str
    count: int
    decided: int
    by: str
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
