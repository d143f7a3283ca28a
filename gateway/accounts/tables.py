"""Accounts, their sessions and their API tokens; secrets are stored as hashes only."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, LargeBinary, Text, Uuid, func
from sqlmodel import Field, SQLModel


def _now() -> Column[datetime]:
    return Column(DateTime(timezone=True), server_default=func.now(), nullable=False)


def _owner() -> Column[uuid.UUID]:
    return Column(Uuid, ForeignKey("gateway.account.id", ondelete="CASCADE"), nullable=False, index=True)


class Account(SQLModel, table=True):
    """A person or service that may sign in; `login` is what the CRM knows them by."""

    __tablename__ = "account"
    __table_args__ = {"schema": "gateway"}

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    login: str = Field(unique=True)
    name: str
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    password_hash: str | None = None
    disabled: bool = False
    failures: int = 0
    locked_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime | None = Field(default=None, sa_column=_now())


class Session(SQLModel, table=True):
    """A browser's session; the cookie holds the secret, the row its SHA-256."""

    __tablename__ = "session"
    __table_args__ = {"schema": "gateway"}

    secret_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    account_id: uuid.UUID = Field(sa_column=_owner())
    created_at: datetime | None = Field(default=None, sa_column=_now())
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ApiToken(SQLModel, table=True):
    """A token for programs, with the rights of its account; `id` names it without telling its secret."""

    __tablename__ = "api_token"
    __table_args__ = {"schema": "gateway"}

    secret_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    id: uuid.UUID = Field(
        default_factory=uuid.uuid4,
        sa_column=Column(Uuid, server_default=func.gen_random_uuid(), nullable=False, unique=True),
    )
    account_id: uuid.UUID = Field(sa_column=_owner())
    label: str
    created_at: datetime | None = Field(default=None, sa_column=_now())
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
