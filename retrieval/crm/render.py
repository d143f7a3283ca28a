"""A CRM row as text: its title, its passages, its identities and its facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from retrieval.crm.map import (
    CrmMap,
    Entity,
    FactColumn,
    FactKind,
    IdentityColumn,
    IdentityType,
    Markup,
    ReadableColumn,
    Row,
    TextColumn,
    fill,
    placeholders,
)
from retrieval.crm.markup import plain_text
from retrieval.crm.rights import UserAttributes, may_see_field

BODY = "body"
"""The field of prose that a template makes of several."""


class Identity(NamedTuple):
    """One value that says who somebody is, and the field it stands in."""

    value: str
    type: IdentityType
    field: str


@dataclass(frozen=True, slots=True)
class RenderedPart:
    """One field of a row as text.

    ``text`` is the prose of a text column, or ``"label: value"``; the value begins at ``value_start``
    (code points). ``identity`` is the value's type when all of it is one.
    """

    field: str
    text: str
    kind: Literal["text", "fact", "identity"]
    value_start: int = 0
    identity: IdentityType | None = None
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One value that can be stated. ``value`` has the kind's Python type, ``text`` is how it reads.

    In a ``free`` one anything may stand, a stranger's name too.
    """

    field: str
    label: str
    kind: FactKind
    value: Any
    text: str
    currency: str | None
    live: bool
    free: bool


def identities(crm_map: CrmMap, entity: str, row: Row) -> list[Identity]:
    """Every identity in ``row``, in the order of the map, whoever may see it and without asking for consent:
    a person who does not consent must be masked all the same."""
    mapped = crm_map.entities[entity]
    found = []
    for field, column in mapped.readable:
        if isinstance(column, IdentityColumn):
            found += [Identity(text, column.type, field) for text in _separate(mapped, field, row)]
    return found


def render(crm_map: CrmMap, entity: str, row: Row, user: UserAttributes | None = None) -> list[RenderedPart]:
    """The row as parts in the order of the map, without empty fields and without live facts.

    With ``user``, the fields that this user may read; without, those that everyone may read who sees the row
    (what an index may hold).
    """
    mapped = crm_map.entities[entity]
    row_is_internal = mapped.internal is not None and row[mapped.internal] is not False
    parts = []
    for field, column in _allowed(mapped, user):
        if isinstance(column, FactColumn) and column.live:
            continue
        text = _text(mapped, field, column, row)
        if not text:
            continue
        internal = row_is_internal or (isinstance(column, TextColumn) and column.internal)
        if isinstance(column, TextColumn):
            parts.append(RenderedPart(field, text, "text", internal=internal))
            continue
        lead = f"{label_of(field, column)}: "
        identity = column.type if isinstance(column, IdentityColumn) else None
        parts.append(
            RenderedPart(field, lead + text, column.kind_of, len(lead), identity=identity, internal=internal)
        )
    return _with_body(mapped.body, row, mapped, parts) if mapped.body else parts


def _with_body(template: str, row: Row, mapped: Entity, parts: list[RenderedPart]) -> list[RenderedPart]:
    """The parts with one prose in place of the texts that the template names; it holds what may be read."""
    named = set(placeholders(template))
    prose = [part for part in parts if part.kind == "text" and part.field in named]
    if not prose:
        return parts
    may_be_read = {part.field for part in parts}
    values = {name: text for name, text in _values(mapped, template, row).items() if name in may_be_read}
    body = RenderedPart(BODY, fill(template, values), "text", internal=any(part.internal for part in prose))
    return [body, *(part for part in parts if part not in prose)]


def facts(crm_map: CrmMap, entity: str, row: Row, user: UserAttributes | None = None) -> list[Fact]:
    """The facts of ``row``, live ones included, that ``user`` may read (see :func:`render`)."""
    mapped = crm_map.entities[entity]
    found = []
    for field, column in _allowed(mapped, user):
        text = _text(mapped, field, column, row) if isinstance(column, FactColumn) else ""
        if isinstance(column, FactColumn) and text:
            value = _typed(mapped, field, column, row)
            found.append(
                Fact(
                    field,
                    label_of(field, column),
                    column.kind,
                    value,
                    text,
                    column.currency,
                    column.live,
                    column.free,
                )
            )
    return found


def title(crm_map: CrmMap, entity: str, row: Row) -> str:
    """How the record is called on a page. It may hold identities."""
    mapped = crm_map.entities[entity]
    return fill(mapped.label, _values(mapped, mapped.label, row)) or f"{entity} {row[mapped.key]}"


def link(crm_map: CrmMap, entity: str, row: Row) -> str | None:
    """The address of the record in the CRM, where the map gives one."""
    mapped = crm_map.entities[entity]
    if mapped.url is None:
        return None
    values = {name: quote(value, safe="") for name, value in _values(mapped, mapped.url, row).items()}
    return fill(mapped.url, values)


def lead(crm_map: CrmMap, entity: str, row: Row) -> str:
    """What heads every passage of the record in the index: the facts that the map names, but live ones."""
    mapped = crm_map.entities[entity]
    columns = {
        name: column
        for name, column in mapped.readable
        if not (isinstance(column, FactColumn) and column.live)
    }
    found = (
        (label_of(name, columns[name]), _text(mapped, name, columns[name], row))
        for name in mapped.lead
        if name in columns
    )
    return " · ".join(f"{label}: {text}" for label, text in found if text)


def changed_at(crm_map: CrmMap, entity: str, row: Row) -> datetime | None:
    """The time that the record speaks of, else the time of its last change; without a zone it is UTC."""
    mapped = crm_map.entities[entity]
    value = row[name] if (name := mapped.as_of or mapped.changed) else None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def fact_labels(crm_map: CrmMap) -> frozenset[str]:
    """What the facts of all kinds of records are called."""
    return frozenset(
        label_of(field, column)
        for entity in crm_map.entities.values()
        for field, column in entity.readable
        if isinstance(column, FactColumn)
    )


def label_of(field: str, column: ReadableColumn) -> str:
    return column.label or field.replace("_", " ").replace(".", " ")


def _allowed(entity: Entity, user: UserAttributes | None) -> Iterator[tuple[str, ReadableColumn]]:
    for field, column in entity.readable:
        if field not in entity.fields or (user is not None and may_see_field(entity, field, user)):
            yield field, column


def _values(entity: Entity, template: str, row: Row) -> dict[str, str]:
    columns = dict(entity.readable)
    return {
        name: _text(entity, name, columns[name], row) if name in columns else _plain(row[name])
        for name in placeholders(template)
    }


def _text(entity: Entity, field: str, column: ReadableColumn, row: Row) -> str:
    if isinstance(column, FactColumn) and column.kind is FactKind.MONEY:
        amount = _typed(entity, field, column, row)
        return "" if amount is None else f"{column.currency} {amount:,.2f}"
    if isinstance(column, TextColumn) and column.markup is Markup.HTML:
        return " ".join(text for text in map(_from_html, _found(entity, field, row)) if text)
    joiner = ", " if isinstance(column, IdentityColumn) and column.type is IdentityType.ADDRESS else " "
    return joiner.join(text for text in map(_plain, _found(entity, field, row)) if text)


def _separate(entity: Entity, field: str, row: Row) -> list[str]:
    """The values of an identity field: a list in a JSON column is several, everything else is one."""
    found = _found(entity, field, row)
    if len(found) == 1 and isinstance(found[0], list):
        return [text for text in map(_plain, found[0]) if text]
    text = _text(entity, field, dict(entity.readable)[field], row)
    return [text] if text else []


def _typed(entity: Entity, field: str, column: FactColumn, row: Row) -> Any:
    found = _found(entity, field, row)
    if column.kind is not FactKind.MONEY:
        return found[0] if len(found) == 1 else " ".join(map(_plain, found))
    try:
        return None if found[0] is None else Decimal(str(found[0]))
    except InvalidOperation:
        return None


def _found(entity: Entity, field: str, row: Row) -> list[Any]:
    return [_follow(row, source) for source in entity.sources(field)]


def _follow(row: Row, source: str) -> Any:
    column, *path = source.split(".")
    value = row[column]
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _plain(value: Any) -> str:
    """``value`` as a person would read it; nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return "; ".join(
            f"{key.replace('_', ' ')}: {_plain(part)}" for key, part in value.items() if part is not None
        )
    if isinstance(value, list):
        return (
            ", ".join(_plain(part) for part in value) if not _nested(value) else "\n".join(map(_plain, value))
        )
    if isinstance(value, str | int | float | Decimal):
        return str(value).strip()
    return json.dumps(value, default=str)


def _from_html(value: Any) -> str:
    return plain_text(value) if isinstance(value, str) else _plain(value)


def _nested(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)
