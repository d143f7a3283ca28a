"""Rows of the audit log. Every process may insert events; none may change or delete one."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, ForeignKey, LargeBinary, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class AuditRow(SQLModel, table=True):
    """One event, as it was recorded in its fact's transaction."""

    __tablename__ = "audit_event"
    __table_args__ = {"schema": "gateway"}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    at: datetime | None = Field(
        default=None,
        sa_column=Column(
            DateTime(timezone=True), server_default=func.clock_timestamp(), nullable=False, index=True
        ),
    )
    event: str
    actor: str = Field(index=True)
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    conversation: str | None = None
    run: str | None = Field(default=None, index=True)
    subject: str | None = Field(default=None, index=True)
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    correlation: str
    txid: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            server_default=text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
            index=True,
        ),
    )


class AuditSeal(SQLModel, table=True):
    """An event's place in the chain: hash = SHA-256(previous hash, leaf), leaf = SHA-256(event)."""

    __tablename__ = "audit_seal"
    __table_args__ = {"schema": "gateway"}

    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_id: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("gateway.audit_event.id"), unique=True, nullable=False)
    )
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )


class AuditCheckpoint(SQLModel, table=True):
    """A signed head of the chain; the same line stands in the anchor outside the database."""

    __tablename__ = "audit_checkpoint"
    __table_args__ = {"schema": "gateway"}

    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signed: str
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
