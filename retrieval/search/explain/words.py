"""A rule of the map and a value of a row in words that hold nothing but rights."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, Final

from retrieval.crm import Entity
from retrieval.crm.map import Condition, FactColumn, KeyColumn, Rule, Scalar

HIDDEN: Final = "(a value that is not shown)"
_LONGEST: Final = 40


def phrase_of(rule: Rule, parent: str) -> str:
    """A rule as the map says it: `territory_id in $user.territories, where restricted is false`."""
    parts = ["everyone"] if rule.everyone else []
    if rule.parent:
        parts.append(f"whoever sees its {parent}")
    if rule.among:
        parts.append(f"{rule.column or f'the value of its SQL ({rule.value_sql})'} in {rule.among}")
    if rule.roles:
        parts.append(f"role {_or(rule.roles)}")
    parts += [f"where {condition}" for condition in conditions_of(rule.where)]
    parts += [f"where its SQL holds ({rule.where_sql})"] if rule.where_sql else []
    return ", ".join(parts)


def conditions_of(condition: Condition) -> list[str]:
    """`restricted is false`, each."""
    return [f"{column} is {_or(map(scalar, values))}" for column, values in condition.items()]


def scalar(value: Scalar) -> str:
    """A value that the map itself names."""
    if value is None:
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(entity: Entity, column: str, value: Any) -> str:
    """A row's value in a column that a rule goes by; one that may say who somebody is, is not shown."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if not may_be_shown(entity, column):
        return HIDDEN
    return plain(value)


def may_be_shown(entity: Entity, column: str) -> bool:
    """Whether the values of a column say nothing but who may see what.

    A column that the map does not class, a key and a fact that is no free text are such; so an identity is
    never shown, nor a text, nor what a person may have typed.
    """
    sources = {
        source.split(".", 1)[0]: kind for field, kind in entity.readable for source in entity.sources(field)
    }
    for classed in (entity.columns.get(column), sources.get(column)):
        if classed is None or isinstance(classed, KeyColumn):
            continue
        if not isinstance(classed, FactColumn) or classed.free:
            return False
    return True


def plain(value: Any) -> str:
    """A key, a number or a short word as it stands; anything else is not shown."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    is_code = len(text) <= _LONGEST and "@" not in text and " " not in text
    return text if is_code else HIDDEN


def listed(values: Collection[str]) -> str:
    """`3, 4 and 7`; `nothing` for none."""
    words = list(values)
    if not words:
        return "nothing"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _or(values: Iterable[str]) -> str:
    words = list(values)
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
