"""Rows of the audit log. Every process may insert events; none may change or delete one."""

import os
import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

IS_NOTE: Final = "strpos({}.signed, chr(10)) > 0"
"""Which rows of `gateway.audit_checkpoint` are notes; those of version 0.1 are one line."""


def _salt() -> bytes:
    return os.urandom(16)


class AuditRow(SQLModel, table=True):
    """One event, as it was recorded in its fact's transaction; after its time only that it was there."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index(
            "ix_gateway_audit_event_due",
            text("split_part(event, '.', 1)"),
            "at",
            postgresql_where=text("erased_at IS NULL"),
        ),
        Index("ix_gateway_audit_event_erasures", "at", postgresql_where=text("event = 'audit.erased'")),
        Index(
            "ix_gateway_audit_event_conversation",
            "conversation",
            postgresql_where=text("conversation IS NOT NULL"),
        ),
        {"schema": "gateway"},
    )

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
    correlation: str = Field(index=True)
    txid: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            server_default=text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
            index=True,
        ),
    )
    salt: bytes | None = Field(default_factory=_salt, sa_column=Column(LargeBinary))
    origin: str | None = None
    erased_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class AuditSeal(SQLModel, table=True):
    """An event's place in the record: its leaf in the tree, and the chain's hash after it."""

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


class AuditNode(SQLModel, table=True):
    """The hash of a full subtree of 2^level leaves, for every eighth level; level 0 is in the seals."""

    __tablename__ = "audit_node"
    __table_args__ = {"schema": "gateway"}

    level: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditCheckpoint(SQLModel, table=True):
    """A signed head of the tree; the same note is anchored outside the database.

    `hash` is the root. Checkpoints of version 0.1 are JSON Web Signatures, whose hash is the chain's.
    """

    __tablename__ = "audit_checkpoint"
    __table_args__ = {"schema": "gateway"}

    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signed: str
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )


class AuditCosignature(SQLModel, table=True):
    """That a witness has seen a checkpoint, and that it grew out of those it had seen before."""

    __tablename__ = "audit_cosignature"
    __table_args__ = {"schema": "gateway"}

    sequence: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("gateway.audit_checkpoint.sequence"), primary_key=True, autoincrement=False
        )
    )
    witness: str = Field(primary_key=True)
    line: str
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )


class AuditAnchor(SQLModel, table=True):
    """How far an anchor has come; the only table of the record that changes."""

    __tablename__ = "audit_anchor"
    __table_args__ = {"schema": "gateway"}

    name: str = Field(primary_key=True)
    reached: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    tries: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    reason: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    failing_since: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    next_try: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class AuditHold(SQLModel, table=True):
    """A legal hold: what is under one is not made void."""

    __tablename__ = "audit_hold"
    __table_args__ = {"schema": "gateway"}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    scope: str
    value: str | None = None
    reason: str
    placed_by: str
    placed_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )
    lifted_by: str | None = None
    lifted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
