"""A run is a leased job with an append-only list of events; all its text is tokenised."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Integer, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

import assistant.conversations.tables  # noqa: F401 - the foreign key below names its table


class RunState(StrEnum):
    """Where a run is; `held` waits for an officer, the last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


FINAL = frozenset(
    {RunState.DONE, RunState.REFUSED, RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED}
)


class Run(SQLModel, table=True):
    """One question on its way to an answer.

    `weighs` is what the rules say of everything that was shown, until the record has it.
    """

    __tablename__ = "run"
    __table_args__ = {"schema": "assistant"}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    conversation_id: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("assistant.conversation.id"), nullable=False, index=True)
    )
    principal_id: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("gateway.account.id"), nullable=False, index=True)
    )
    state: str = Field(default=RunState.QUEUED, index=True)
    question: str
    tokens: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    flags: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    scope: str | None = None
    attempt: int = 0
    shown: int = 0
    cancel_requested: bool = False
    weighs: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    lease_owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    held_item: uuid.UUID | None = None
    feedback: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    correlation: str = ""
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class RunGeneration(SQLModel, table=True):
    """A draft of a run and what it was made of (`assistant.answer.Generation`); tokenised, never changed, and
    erased by `assistant.runs.drafts`. `weighed` is the number of the event that says it was weighed."""

    __tablename__ = "generation"
    __table_args__ = {"schema": "assistant"}

    run_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("assistant.run.id"), primary_key=True))
    attempt: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    weighed: int = Field(sa_column=Column(Integer, nullable=False))
    made_of: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )


class RunEvent(SQLModel, table=True):
    """One event of a run, numbered from 1 without gaps."""

    __tablename__ = "run_event"
    __table_args__ = {"schema": "assistant"}

    run_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("assistant.run.id"), primary_key=True))
    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), server_default=func.clock_timestamp(), nullable=False),
    )
