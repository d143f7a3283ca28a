"""Rows that hold identities: always sealed with their subject's key, found again by keyed hash."""

import uuid
from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
)
from sqlmodel import Field, SQLModel


class IdentityRow(SQLModel, table=True):
    """One value that the CRM knows an entity by; a removed one keeps its place and loses its value."""

    __tablename__ = "identity"
    __table_args__ = (Index("identity_by_version", "version"), {"schema": "gateway"})

    entity: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    value_mac: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    type: str
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    removed: bool = False


class IdentityVersionRow(SQLModel, table=True):
    """The one row that orders publications: its lock is held to the commit, so versions commit in order."""

    __tablename__ = "identity_version"
    __table_args__ = {"schema": "gateway"}

    id: int = Field(default=1, primary_key=True)
    version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class TokenRow(SQLModel, table=True):
    """One value of one conversation and the token that stands for it.

    `entity` is whose value it is, where the CRM knows it. `read_in` is the record that the value was first
    read in: who may read that field may read the value, but several strangers may stand in one record.
    `subject` is whose key seals it: the entity, the record or `conversation:<id>`. `typed_by` names the
    principals who typed the value themselves.
    """

    __tablename__ = "token"
    __table_args__ = (
        UniqueConstraint("conversation", "value_mac", name="token_one_per_value"),
        {"schema": "gateway"},
    )

    conversation: uuid.UUID = Field(primary_key=True)
    token: str = Field(primary_key=True)
    value_mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    type: str
    entity: str | None = None
    field: str | None = None
    read_in: str | None = None
    read_field: str | None = None
    subject: str
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    typed_by: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    )


class NameSpansRow(SQLModel, table=True):
    """Where names stand in some text: a keyed hash of it and of the detectors, and sealed positions.

    Nobody can find out from it what the text was, or try one out, without the key.
    """

    __tablename__ = "name_spans"
    __table_args__ = (Index("name_spans_by_use", "used_on"), {"schema": "gateway"})

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    spans: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    used_on: date | None = Field(
        default=None, sa_column=Column(Date, server_default=func.current_date(), nullable=False)
    )
