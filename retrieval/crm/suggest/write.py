"""A drafted map as YAML that a person reads: what to look at stands beside it as ``# check:``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from retrieval.crm.suggest.classes import Guess

T = TypeVar("T")

_PLAIN: Final = re.compile(r"[^\W\d]\w*(?:[ -]\w+)*|\$user\.\w+")
_WORDS_OF_YAML: Final = frozenset(("true", "false", "null", "~"))
_NOT_NAMES: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    value: T
    check: str | None = None


@dataclass(frozen=True, slots=True)
class RuleDraft:
    form: str
    value: str
    check: str


@dataclass
class UsersDraft:
    table: str
    key: str
    login: str
    active: str | None = None
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    attributes: dict[str, str | dict[str, str]] = field(default_factory=dict)


@dataclass
class EntityDraft:
    """``parent`` is an entity and the column that names its row."""

    entity: str
    table: str
    key: str
    columns: dict[str, Guess | str]
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    label: Checked[str] = field(default_factory=lambda: Checked(""))
    changed: str | None = None
    consent: str | None = None
    internal: str | None = None
    parent: Checked[tuple[str, str]] | None = None
    rules: list[RuleDraft] = field(default_factory=list)


@dataclass
class MapDraft:
    """``left_out`` is table → why it is no entity."""

    schema: str
    users: UsersDraft | None
    entities: list[EntityDraft]
    left_out: dict[str, str]


def written(draft: MapDraft) -> str:
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: MapDraft) -> Iterator[str]:
    yield "# yaml-language-server: $schema=crm-map.schema.json"
    yield "# A proposal. Look at each line with “check”, take out what answers do not need, and say for every"
    yield "# kind of record who may see it; then: cloister crm check MAP --dsn DSN"
    yield "crm: crm  # check: a name of your own"
    yield "version: 1"
    if draft.schema != "public":
        yield f"schema: {_scalar(draft.schema)}"
    yield ""
    yield from _users(draft.users)
    yield ""
    yield "entities:" if draft.entities else "entities: {}  # check: no table looks like records"
    for entity in draft.entities:
        yield from _entity(entity)
        yield ""
    if draft.left_out:
        yield "# Not proposed:"
        for table, reason in draft.left_out.items():
            yield f"#   {_comment(table)}: {reason}"


def _users(users: UsersDraft | None) -> Iterator[str]:
    yield "users:"
    if users is None:
        yield "  table: users  # check: no table looks like those who sign in; name it, its key and its login"
        yield "  key: id"
        yield "  login: email"
        yield "  attributes: {}"
        return
    yield f"  table: {_scalar(users.table)}  # check: those who sign in"
    yield f"  key: {_scalar(users.key)}"
    yield f"  login: {_scalar(users.login)}  # check: what people sign in as"
    if users.active:
        yield f"  active: {_scalar(users.active)}"
    if users.where:
        yield f"  where: {_condition(users.where)}"
    yield "  attributes:"
    for name, attribute in users.attributes.items():
        yield f"    {name}: {_scalar(attribute) if isinstance(attribute, str) else _flow(attribute)}"


def _entity(entity: EntityDraft) -> Iterator[str]:
    yield f"  {entity.entity}:"
    yield f"    table: {_scalar(entity.table)}"
    yield f"    key: {_scalar(entity.key)}"
    if entity.where:
        yield f"    where: {_condition(entity.where)}  # check: others are deleted"
    yield _checked(f"    label: {json.dumps(entity.label.value, ensure_ascii=False)}", entity.label.check)
    for part in ("changed", "consent", "internal"):
        if value := getattr(entity, part):
            yield f"    {part}: {_scalar(value)}"
    if entity.parent:
        above, column = entity.parent.value
        yield _checked(f"    parent: {{entity: {above}, column: {_scalar(column)}}}", entity.parent.check)
    yield "    columns:"
    left_out = {}
    for name, known in entity.columns.items():
        if isinstance(known, str):
            left_out[name] = known
        elif name != entity.key:
            yield _checked(f"      {_scalar(name)}: {_flow(dict(known.parts))}", known.check)
    for name, reason in left_out.items():
        yield f"      # left out: {_comment(name)}, {reason}"
    if not entity.rules:
        yield "    visible: []  # check: nothing says whose these rows are; decide who may see them"
        return
    yield "    visible:"
    for rule in entity.rules:
        yield f"      - {{{rule.form}: {_scalar(rule.value)}}}  # check: {rule.check}"


def _checked(line: str, check: str | None) -> str:
    return f"{line}  # check: {check}" if check else line


def _flow(parts: Mapping[str, Any]) -> str:
    return f"{{{', '.join(f'{name}: {_value(value)}' for name, value in parts.items())}}}"


def _condition(condition: Mapping[str, tuple[Any, ...]]) -> str:
    shown = {
        _scalar(column): values[0] if len(values) == 1 else values for column, values in condition.items()
    }
    return _flow(shown)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _scalar(value) if isinstance(value, str) else str(value)


def _scalar(text: str) -> str:
    """``text`` so that YAML reads it as this text."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _comment(name: str) -> str:
    """A name of the CRM's that cannot end the comment it stands in."""
    return _NOT_NAMES.sub("?", name)
