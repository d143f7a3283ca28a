"""The CRM map: which tables are entities, what each column is, and who may see a row.

A map is data. It is read by :func:`retrieval.crm.load.load_map`, which checks what these types cannot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
)

Scalar = StrictBool | StrictInt | StrictStr | None
Row = Mapping[str, Any]

EntityName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*$")]
TableName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*(\.[^\W\d][\w$ -]*)?$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*(\.[\w$ -]+)*$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[\w -]+$")]
UserRef = Annotated[str, StringConstraints(pattern=r"^\$user\.[a-z][a-z0-9_]*$")]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class IdentityType(StrEnum):
    """What an identity column holds; the names are those of the redaction library."""

    PERSON = "PERSON"
    ORGANIZATION = "ORGANIZATION"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    ACCOUNT = "ACCOUNT"
    CARD = "CARD"
    IBAN = "IBAN"
    TAX_ID = "TAX_ID"
    IP = "IP"
    URL = "URL"
    LOCATION = "LOCATION"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    ID = "ID"
    USERNAME = "USERNAME"
    SECRET = "SECRET"  # noqa: S105  a kind, not a secret


class FactKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    BOOLEAN = "boolean"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Condition = dict[ColumnName, Annotated[tuple[Scalar, ...], BeforeValidator(_as_tuple), Field(min_length=1)]]
"""Column → the values it may have. ``null`` is a value."""


# ── Users ────────────────────────────────────────────────────────────────────────────────────────


class Attribute(_Part):
    """Something known about a user: a column of the users table, or the values of a relation.

    Three forms: ``column`` alone; ``table``, ``user``, ``value`` (rows of the table whose ``user`` column is
    the user's key); ``table``, ``column``, ``in``, ``value`` (rows whose column is in another attribute).
    """

    column: ColumnName | None = None
    table: TableName | None = None
    user: ColumnName | None = None
    among: UserRef | None = Field(None, alias="in")
    value: ColumnName | None = None
    where: Condition = {}

    @property
    def depends_on(self) -> str | None:
        return attribute_of(self.among) if self.among else None


class Active(_Part):
    """Only rows of the users table with one of these values are users."""

    column: ColumnName
    equals: Annotated[tuple[Scalar, ...], BeforeValidator(_as_tuple)] = (True,)


def _short_attribute(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Users(_Part):
    """How a signed-in person is found in the CRM: the lower-case ``login`` equals the principal's."""

    table: TableName
    key: ColumnName
    login: ColumnName
    active: Annotated[Active | None, BeforeValidator(_short_attribute)] = None
    attributes: dict[AttributeName, Annotated[Attribute, BeforeValidator(_short_attribute)]]


# ── Columns ──────────────────────────────────────────────────────────────────────────────────────


class _Column(_Part):
    label: str | None = None


class _Readable(_Column):
    """``of`` names the sources of the value: columns, or paths into a JSON column; joined by a space."""

    of: Annotated[tuple[SourceName, ...], BeforeValidator(_as_tuple)] | None = Field(None, min_length=1)


class TextColumn(_Readable):
    """Prose. Searched in passages; ``internal`` text must not reach a customer."""

    kind_of: Literal["text"] = Field(alias="class")
    internal: bool = False


class FactColumn(_Readable):
    """A value that can be stated. A ``live`` fact is read when it is asked for and never indexed.

    A ``choice`` has one of few values, such as a status; lists can be asked for by it. It names its values
    where an absent one must be known too: nobody's case is escalated.
    """

    kind_of: Literal["fact"] = Field(alias="class")
    kind: FactKind = FactKind.TEXT
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    live: bool = False
    choice: StrictBool | tuple[StrictStr, ...] = False

    @property
    def free(self) -> bool:
        """Whether anything may stand in it, a stranger's name too: a text that is no choice."""
        return self.kind is FactKind.TEXT and not self.choice


class IdentityColumn(_Readable):
    """Says who somebody is; masked by class, never by guessing."""

    kind_of: Literal["identity"] = Field(alias="class")
    type: IdentityType


class KeyColumn(_Column):
    """Names another record; ``entity`` says of which kind."""

    kind_of: Literal["key"] = Field(alias="class")
    entity: EntityName | None = None


class SecretColumn(_Column):
    """Never read, and named so that nobody maps it by mistake."""

    kind_of: Literal["secret"] = Field(alias="class")


class IgnoredColumn(_Column):
    kind_of: Literal["ignore"] = Field(alias="class")


ReadableColumn = TextColumn | FactColumn | IdentityColumn
Column = Annotated[
    TextColumn | FactColumn | IdentityColumn | KeyColumn | SecretColumn | IgnoredColumn,
    Field(discriminator="kind_of"),
]


# ── Entities ─────────────────────────────────────────────────────────────────────────────────────


class Parent(_Part):
    """The record that this one belongs to: ``column`` holds the key of an ``entity`` row."""

    entity: EntityName
    column: ColumnName


class Rule(_Part):
    """One way to see a row. Everything that a rule names must hold."""

    everyone: bool = False
    column: ColumnName | None = None
    among: UserRef | None = Field(None, alias="in")
    parent: EntityName | None = None
    roles: tuple[RoleName, ...] = ()
    where: Condition = {}

    @property
    def attribute(self) -> str | None:
        return attribute_of(self.among) if self.among else None


class FieldRight(_Part):
    """A narrower right than the row's: only these roles read the field."""

    roles: tuple[RoleName, ...] = Field(min_length=1)


def _short_rule(value: Any) -> Any:
    return {"everyone": True} if value == "everyone" else value


class Entity(_Part):
    """A table of the CRM. Columns that are not named here are never read.

    ``also`` are words for its records besides the entity's name and the table's: customer, customers.
    A ``reference`` holds texts that were written to answer questions, such as articles.
    """

    table: TableName
    key: ColumnName
    label: str
    also: tuple[StrictStr, ...] = ()
    reference: StrictBool = False
    url: str | None = None
    changed: ColumnName | None = None
    consent: ColumnName | None = None
    internal: ColumnName | None = None
    parent: Parent | None = None
    columns: dict[ColumnName, Column]
    visible: tuple[Annotated[Rule, BeforeValidator(_short_rule)], ...] = Field(min_length=1)
    fields: dict[ColumnName, FieldRight] = {}

    @property
    def open_to_everyone(self) -> bool:
        """Whether there are rows that anyone who is signed in may see."""
        return any(rule.everyone and not rule.roles for rule in self.visible)

    def sources(self, field: str) -> tuple[str, ...]:
        """Where the value of ``field`` comes from: columns, or paths into JSON columns."""
        column = self.columns[field]
        return (
            column.of
            if isinstance(column, TextColumn | FactColumn | IdentityColumn) and column.of
            else (field,)
        )

    @cached_property
    def readable(self) -> tuple[tuple[str, TextColumn | FactColumn | IdentityColumn], ...]:
        """Every column with a value that can be read, in the order of the map."""
        return tuple(
            (field, column)
            for field, column in self.columns.items()
            if isinstance(column, TextColumn | FactColumn | IdentityColumn)
        )

    @property
    def links(self) -> dict[str, str]:
        """Column → entity, for every column that names another record, the parent's included."""
        found = {
            name: column.entity
            for name, column in self.columns.items()
            if isinstance(column, KeyColumn) and column.entity
        }
        if self.parent:
            found.setdefault(self.parent.column, self.parent.entity)
        return found

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Every column that Cloister reads from the table, sorted; nothing else is selected or granted."""
        names = {self.key, *(name for name in (self.changed, self.consent, self.internal) if name)}
        for field, _ in self.readable:
            names.update(source.split(".", 1)[0] for source in self.sources(field))
        names.update(name for name, column in self.columns.items() if isinstance(column, KeyColumn))
        if self.parent:
            names.add(self.parent.column)
        for rule in self.visible:
            names.update(rule.where)
            if rule.column:
                names.add(rule.column)
        return tuple(sorted(names))


class CrmMap(_Part):
    """One CRM. ``crm`` names it, ``version`` is raised when the map changes.

    ``words`` are what people say for what the records say, in whatever language: warranty → Garantie.
    """

    crm: EntityName
    version: int = Field(ge=1)
    users: Users
    words: dict[StrictStr, tuple[StrictStr, ...]] = {}
    entities: dict[EntityName, Entity] = Field(min_length=1)

    def ancestors(self, entity: str) -> tuple[str, ...]:
        """The entity's parent, its parent's parent, and so on."""
        found: list[str] = []
        parent = self.entities[entity].parent
        while parent:
            found.append(parent.entity)
            parent = self.entities[parent.entity].parent
        return tuple(found)

    @property
    def parents_first(self) -> tuple[str, ...]:
        """Every entity, each after the one it belongs to: the order in which to read."""
        return tuple(sorted(self.entities, key=lambda name: (len(self.ancestors(name)), name)))


def attribute_of(reference: str) -> str:
    """``$user.teams`` → ``teams``."""
    return reference.removeprefix("$user.")


def placeholders(template: str) -> tuple[str, ...]:
    """The names in braces: ``"{name} ({city})"`` → ``("name", "city")``."""
    return tuple(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put ``values`` in place of the names in braces; a name without a value becomes nothing."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), ""), template).strip()
