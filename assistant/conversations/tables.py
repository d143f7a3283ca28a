"""A person's conversations; titles are tokenised text like everything that is stored."""

import uuid
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, Uuid, func
from sqlmodel import Field, SQLModel


class Conversation(SQLModel, table=True):
    """A thread of runs, owned by one account; a deleted one keeps its runs for the record.

    `updated_at` is when something came that its owner may want to read: `tell_news` sets it.
    """

    __tablename__ = "conversation"
    __table_args__ = {"schema": "assistant"}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    owner: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("gateway.account.id"), nullable=False, index=True)
    )
    title: str
    scope: str | None = None
    pinned: bool = False
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    updated_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False),
    )
    seen_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
