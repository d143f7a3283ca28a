"""How far the index is, kind by kind, for whoever asks after a restart."""

from datetime import datetime

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel


class SyncRow(SQLModel, table=True):
    """One kind of record. `complete` says that a whole comparison with the CRM has ended well."""

    __tablename__ = "sync"
    __table_args__ = {"schema": "retrieval"}

    entity: str = Field(primary_key=True)
    rows: int = 0
    points: int = 0
    vectors: int = 0
    complete: bool = False
    cursor: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_sync: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    error: str | None = None
