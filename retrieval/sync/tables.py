"""How far the index is, kind by kind, and which rows it could not take, for whoever asks after a restart."""

from datetime import datetime

from sqlalchemy import Column, DateTime, text
from sqlmodel import Field, SQLModel


class SyncRow(SQLModel, table=True):
    """One kind of record. `complete` says that a whole comparison with the CRM has ended well.

    `mode` is how it is followed, `slot` the replication slot where there is one. `gone` rows wait for a
    person's word because the CRM lost so many at once; `kept` says how many of them stay by that word.
    """

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
    mode: str | None = None
    slot: str | None = None
    gone: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    kept: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class ParkedRow(SQLModel, table=True):
    """A row that could not be indexed at a `stage`; `reason` says why without a word of its content."""

    __tablename__ = "parked"
    __table_args__ = {"schema": "retrieval"}

    entity: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    stage: str
    reason: str
    since: datetime = Field(
        sa_column=Column(DateTime(timezone=True), server_default=text("now()"), nullable=False)
    )
    tries: int
    next_try: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
