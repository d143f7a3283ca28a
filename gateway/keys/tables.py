"""One wrapped data key a subject: a CRM entity, or a conversation for unknown persons."""

from datetime import datetime

from sqlalchemy import Column, DateTime, func
from sqlmodel import Field, SQLModel


class SubjectKey(SQLModel, table=True):
    """A subject's data key, wrapped by the keeper; `wrapped` is NULL once it has been destroyed."""

    __tablename__ = "subject_key"
    __table_args__ = {"schema": "gateway"}

    subject: str = Field(primary_key=True)
    wrapped: str | None = None
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    destroyed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
