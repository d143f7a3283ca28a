"""The CRM map: which tables are entities, what each column is, and who may see a row.

A map is data. It is read by :func:`retrieval.crm.load.load_map`, which checks what these types cannot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

Scalar = StrictBool | StrictInt | StrictStr | None
Row = Mapping[str, Any]

EntityName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*$")]
TableName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*(\.[^\W\d][\w$ -]*)?$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*(\.[\w$ -]+)*$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[\w -]+$")]
UserRef = Annotated[str, StringConstraints(pattern=r"^\$user\.[a-z][a-z0-9_]*$")]
SqlExpression = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""SQL over the row ``t``, written by the administrator in the map and never made from input."""

SHORT_RULES: Final = {"owner": "$user.id", "team": "$user.teams", "territory": "$user.territories"}
"""A short form of a rule → what its column is compared with."""

_OF_ROWS: Final = ("columns", "where", "flags", "fields", "words")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OWN_COLUMN = re.compile(r"""(?<![\w."`])t\.(?:"([^"]+)"|`([^`]+)`|([^\W\d][\w$]*))""")


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


class Split(StrEnum):
    """How a text is cut into passages; ``auto`` by its own marks."""

    AUTO = "auto"
    PROSE = "prose"
    MAIL = "mail"
    TURNS = "turns"
    HEADINGS = "headings"


class Markup(StrEnum):
    """How a text is written down."""

    PLAIN = "plain"
    HTML = "html"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _column_alone(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Scalars = Annotated[
    tuple[Scalar, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=Scalar | tuple[Scalar, ...]),
    Field(min_length=1),
]
Condition = dict[ColumnName, Scalars]
"""Column → the values it may have. ``null`` is a value."""

Sources = Annotated[
    tuple[SourceName, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=SourceName | tuple[SourceName, ...]),
]


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
    equals: Scalars = (True,)


AnyAttribute = Annotated[
    Attribute, BeforeValidator(_column_alone, json_schema_input_type=ColumnName | Attribute)
]
AnyActive = Annotated[Active, BeforeValidator(_column_alone, json_schema_input_type=ColumnName | Active)]


class Users(_Part):
    """How a signed-in person is found in the CRM: the lower-case ``login`` equals the principal's.

    Rows that do not meet ``where`` are no users, and rows that are not ``active`` are none now.
    """

    table: TableName
    key: ColumnName
    login: ColumnName
    active: AnyActive | None = None
    where: Condition = {}
    attributes: dict[AttributeName, AnyAttribute]


# ── Columns ──────────────────────────────────────────────────────────────────────────────────────


class _Column(_Part):
    label: str | None = None


class _Readable(_Column):
    """``of`` names the sources of the value: columns, or paths into a JSON column; joined by a space."""

    of: Sources | None = Field(None, min_length=1)


class TextColumn(_Readable):
    """Prose. Searched in passages; ``internal`` text must not reach a customer."""

    kind_of: Literal["text"] = Field(alias="class")
    internal: bool = False
    split: Split = Split.AUTO
    markup: Markup = Markup.PLAIN


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
    """One way to see a row. Everything that a rule names must hold.

    ``value_sql`` stands in place of ``column``: a scalar, or in PostgreSQL an array of values, one of which
    is enough. ``where_sql`` is a condition that ``where`` cannot say. Both are SQL over the row ``t``.
    """

    everyone: bool = False
    column: ColumnName | None = None
    value_sql: SqlExpression | None = None
    among: UserRef | None = Field(None, alias="in")
    parent: EntityName | None = None
    roles: tuple[RoleName, ...] = ()
    where: Condition = {}
    where_sql: SqlExpression | None = None

    @property
    def attribute(self) -> str | None:
        return attribute_of(self.among) if self.among else None

    @property
    def sql_parts(self) -> dict[str, str]:
        """Which part of the rule → its SQL."""
        parts = {"value_sql": self.value_sql, "where_sql": self.where_sql}
        return {name: expression for name, expression in parts.items() if expression}

    @property
    def read_columns(self) -> frozenset[str]:
        """The columns of the row that decide."""
        named = {*self.where, *((self.column,) if self.column else ())}
        return frozenset(named.union(*map(own_columns, self.sql_parts.values())))


class FieldRight(_Part):
    """A narrower right than the row's: only these roles read the field."""

    roles: tuple[RoleName, ...] = Field(min_length=1)


class Follow(_Part):
    """Another table whose changes move this record's rights or text; its ``column`` holds the record's key.

    Only rows that meet ``where`` count. ``reads`` are the columns that SQL in the rules reads besides.
    """

    table: TableName
    column: ColumnName
    where: Condition = {}
    reads: tuple[ColumnName, ...] = ()

    @property
    def read_columns(self) -> tuple[str, ...]:
        return tuple(sorted({self.column, *self.where, *self.reads}))


class Retention(_Part):
    """Rows whose ``column`` is more than ``days`` days ago do not exist for Cloister; one without is kept."""

    column: ColumnName
    days: StrictInt = Field(ge=1)


class Flag(_Part):
    """A mark that the record carries when its ``column`` has one of these values."""

    column: ColumnName
    equals: Scalars = (True,)


AnyFlag = Annotated[Flag, BeforeValidator(_column_alone, json_schema_input_type=ColumnName | Flag)]


def _short_rule(value: Any) -> Any:
    """``everyone``, ``{owner: owner_id}``, ``{team: team_id}``, ``{territory: …}`` and ``{role: lead}``."""
    if value == "everyone":
        return {"everyone": True}
    if not isinstance(value, dict):
        return value
    rule = dict(value)
    if "role" in rule:
        if "roles" in rule:
            raise PydanticCustomError("rule", "role and roles say the same; write one of them")
        rule["roles"] = _as_tuple(rule.pop("role"))
    short = [name for name in SHORT_RULES if name in rule]
    if short and (len(short) > 1 or not rule.keys().isdisjoint({"column", "value_sql", "in", "among"})):
        raise PydanticCustomError(
            "rule", "owner, team, territory and column are ways of their own; write one rule for each"
        )
    for name in short:
        rule |= {"column": rule.pop(name), "in": SHORT_RULES[name]}
    return rule


AnyRule = Annotated[Rule, BeforeValidator(_short_rule, json_schema_input_type=Literal["everyone"] | Rule)]


class Entity(_Part):
    """A table of the CRM. Columns that are not named here are never read.

    Rows that do not meet ``where``, or are older than the ``retention``, do not exist for Cloister.
    ``also`` are words for its records besides the entity's name and the table's: customer, customers.
    A ``reference`` holds texts that were written to answer questions, such as articles.
    ``body`` is a template of the record's prose in place of its text columns one by one, ``lead`` names the
    fields that head each of its passages, ``as_of`` the time that it speaks of.
    """

    table: TableName
    key: ColumnName
    where: Condition = {}
    label: str
    body: str | None = None
    lead: tuple[ColumnName, ...] = ()
    also: tuple[StrictStr, ...] = ()
    reference: StrictBool = False
    url: str | None = None
    changed: ColumnName | None = None
    as_of: ColumnName | None = None
    consent: ColumnName | None = None
    internal: ColumnName | None = None
    retention: Retention | None = None
    parent: Parent | None = None
    follows: tuple[Follow, ...] = ()
    columns: dict[ColumnName, Column]
    flags: dict[AttributeName, AnyFlag] = {}
    visible: tuple[AnyRule, ...] = Field(min_length=1)
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
        names = {self.key, *self.where, *(flag.column for flag in self.flags.values())}
        names.update(name for name in (self.changed, self.as_of, self.consent, self.internal) if name)
        for field, _ in self.readable:
            names.update(source.split(".", 1)[0] for source in self.sources(field))
        names.update(name for name, column in self.columns.items() if isinstance(column, KeyColumn))
        if self.parent:
            names.add(self.parent.column)
        if self.retention:
            names.add(self.retention.column)
        return tuple(sorted(names.union(*(rule.read_columns for rule in self.visible))))


class CrmMap(_Part):
    """One CRM. ``crm`` names it, ``version`` is raised when the map changes.

    ``schema`` is where tables are whose names have none; after reading, every name has it.
    ``words`` are what people say for what the records say, in whatever language: warranty → Garantie.
    """

    crm: EntityName
    version: int = Field(ge=1)
    schema_name: ColumnName | None = Field(None, alias="schema")
    users: Users
    words: dict[StrictStr, tuple[StrictStr, ...]] = {}
    entities: dict[EntityName, Entity] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _in_schema(cls, content: Any) -> Any:
        schema = content.get("schema") if isinstance(content, dict) else None
        return _within(content, schema) if isinstance(schema, str) else content

    def ancestors(self, entity: str) -> tuple[str, ...]:
        """The entity's parent, its parent's parent, and so on."""
        found: list[str] = []
        parent = self.entities[entity].parent
        while parent:
            found.append(parent.entity)
            parent = self.entities[parent.entity].parent
        return tuple(found)

    @cached_property
    def identity(self) -> str:
        """Which map this is, whatever number it was given: `demo-3-1f2e3d4c5b6a`."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.crm}-{self.version}-{sha256(content.encode()).hexdigest()[:12]}"

    @property
    def parents_first(self) -> tuple[str, ...]:
        """Every entity, each after the one it belongs to: the order in which to read."""
        return tuple(sorted(self.entities, key=lambda name: (len(self.ancestors(name)), name)))


def attribute_of(reference: str) -> str:
    """``$user.teams`` → ``teams``."""
    return reference.removeprefix("$user.")


def own_columns(expression: str) -> frozenset[str]:
    """The columns of the row ``t`` that SQL names: ``t.owner_id`` or ``t."ownerId"``."""
    return frozenset(next(filter(None, found)) for found in _OWN_COLUMN.findall(expression))


def placeholders(template: str) -> tuple[str, ...]:
    """The names in braces: ``"{name} ({city})"`` → ``("name", "city")``."""
    return tuple(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put ``values`` in place of the names in braces; a name without a value becomes nothing."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), ""), template).strip()


def _within(content: Any, schema: str) -> Any:
    """The map's content with ``schema`` before each name of a table that has none."""
    if isinstance(content, list):
        return [_within(part, schema) for part in content]
    if not isinstance(content, dict):
        return content
    found = {name: part if name in _OF_ROWS else _within(part, schema) for name, part in content.items()}
    table = found.get("table")
    if isinstance(table, str) and "." not in table:
        found["table"] = f"{schema}.{table}"
    return found
