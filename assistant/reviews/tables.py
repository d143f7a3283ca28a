"""Rows of the officers' own: filters that they have named."""

import uuid
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Uuid, func
from sqlmodel import Field, SQLModel


class SavedQueueFilter(SQLModel, table=True):
    """A filter of the review queue that an officer has named; `query` is the page's, validated when saved."""

    __tablename__ = "saved_filter"
    __table_args__ = (
        Index("saved_filter_name", "account", "name", unique=True),
        {"schema": "assistant"},
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    account: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("gateway.account.id", ondelete="CASCADE"), nullable=False)
    )
    name: str = Field(sa_column=Column(String(60), nullable=False))
    query: str = Field(sa_column=Column(String(600), nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
