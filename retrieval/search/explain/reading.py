"""The rules of the map, read for one user and one live row and told with their reasons.

It reads the rules a third time, apart from the index's keys and the CRM's SQL, so that the three can be
compared.
"""

from collections.abc import Callable, Sequence
from typing import Any

from retrieval.crm import UserAttributes
from retrieval.crm.coherence import ROLE
from retrieval.crm.map import Condition, Entity, Row, Rule, Scalar
from retrieval.records import Records

from .values import ConditionSaid, FieldSaid, RecordSaid, RuleSaid
from .words import conditions_of, listed, phrase_of, plain, scalar, shown

Lines = Callable[[tuple[str | int, ...]], int]
"""Path in the map → its line."""


class Reader:
    """Reads rules for one user; parents are fetched once."""

    def __init__(self, records: Records, user: UserAttributes, lines: Lines) -> None:
        self._records = records
        self._map = records.crm_map
        self._user = user
        self._lines = lines
        self._read: dict[str, RecordSaid] = {}

    async def record(self, kind: str, key: str) -> RecordSaid:
        """How the rules read for this record. Raises `CrmUnavailable`."""
        ref = f"{kind}:{key}"
        if ref not in self._read:
            found = await self._records.rows(kind, [key])
            self._read[ref] = await self._row(kind, ref, found.get(key))
        return self._read[ref]

    def fields(self, kind: str) -> tuple[FieldSaid, ...]:
        """The fields of a kind that only some roles read."""
        return tuple(
            FieldSaid(
                field=field,
                line=self._lines(("entities", kind, "fields", field)),
                roles=right.roles,
                may_read=not set(right.roles).isdisjoint(self._user[ROLE]),
            )
            for field, right in self._map.entities[kind].fields.items()
        )

    async def _row(self, kind: str, ref: str, row: Row | None) -> RecordSaid:
        if row is None:
            return RecordSaid(record=ref, exists=False, sees=False)
        entity = self._map.entities[kind]
        barred = self._barred(kind, entity, row)
        rules = [await self._rule(kind, number, rule, row) for number, rule in enumerate(entity.visible)]
        sees = not barred and any(rule.holds for rule in rules)
        return RecordSaid(record=ref, exists=True, sees=sees, barred=tuple(barred), rules=tuple(rules))

    def _barred(self, kind: str, entity: Entity, row: Row) -> list[str]:
        if entity.consent is None or row[entity.consent] is True:
            return []
        line = self._lines(("entities", kind, "consent"))
        return [f"No consent ({entity.consent}, line {line}): nobody sees it, and it is not processed."]

    async def _rule(self, kind: str, number: int, rule: Rule, row: Row) -> RuleSaid:
        entity = self._map.entities[kind]
        told = [self._roles(rule)] if rule.roles else []
        told += [_condition(entity, column, values, row) for column, values in rule.where.items()]
        if rule.where_sql:
            told.append(_by_sql(row[f"_rule_{number}_where"]))
        if rule.attribute:
            told.append(
                self._among(entity, rule.column, rule.attribute, row)
                if rule.column
                else self._among_members(rule.attribute, row[f"_rule_{number}_value"])
            )
        above = None
        if rule.parent and entity.parent:
            key = row[entity.parent.column]
            if key is None:
                told.append((False, f"It belongs to no {rule.parent} ({entity.parent.column} is empty)."))
            else:
                above = await self.record(rule.parent, str(key))
                told.append(_parent(above, rule.parent))
        return RuleSaid(
            number=number + 1,
            line=self._lines(("entities", kind, "visible", number)),
            rule=phrase_of(rule, rule.parent or ""),
            holds=all(holds for holds, _ in told),
            why=tuple(
                ConditionSaid(holds=holds, sentence=sentence)
                for holds, sentence in told or [(True, "It asks for nothing.")]
            ),
            above=above,
        )

    def _roles(self, rule: Rule) -> tuple[bool, str]:
        has = [str(role) for role in self._user[ROLE]]
        holds = not set(rule.roles).isdisjoint(has)
        return holds, f"The user has the role {listed(has)}; it is for {listed(rule.roles)}."

    def _among(self, entity: Entity, column: str, attribute: str, row: Row) -> tuple[bool, str]:
        values = [value for value in self._user[attribute] if value is not None]
        holds = row[column] is not None and row[column] in values
        theirs = listed([shown(entity, column, value) for value in values])
        return holds, f"{column} is {shown(entity, column, row[column])}; the user's {attribute}: {theirs}."

    def _among_members(self, attribute: str, found: Any) -> tuple[bool, str]:
        members = [value for value in (found if isinstance(found, list | tuple) else [found])]
        values = [value for value in self._user[attribute] if value is not None]
        holds = any(value is not None and value in values for value in members)
        here, theirs = (listed([plain(one) for one in some if one is not None]) for some in (members, values))
        return holds, f"The map's SQL gives {here}; the user's {attribute}: {theirs}."


def _by_sql(found: Any) -> tuple[bool, str]:
    said = "holds" if found is True else "does not hold"
    return found is True, f"The condition that the map gives in SQL {said} for this row."


def attributes_shown(user: UserAttributes) -> dict[str, tuple[str, ...]]:
    """What the CRM knows of a user, as far as it is codes and keys."""
    return {
        name: tuple(str(value) if name == ROLE else plain(value) for value in values)
        for name, values in user.items()
    }


def _condition(entity: Entity, column: str, values: Sequence[Scalar], row: Row) -> tuple[bool, str]:
    wanted: Condition = {column: tuple(values)}
    holds = any(_same(row[column], value) for value in values)
    # a value that the map itself names is no secret of the row's
    found = scalar(row[column]) if holds else shown(entity, column, row[column])
    return holds, f"It wants {conditions_of(wanted)[0]}; here it is {found}."


def _parent(above: RecordSaid, kind: str) -> tuple[bool, str]:
    if not above.exists:
        return False, f"The {kind} that it belongs to ({above.record}) is not there."
    return (
        above.sees,
        f"The user {'sees' if above.sees else 'does not see'} {above.record}, to which it belongs.",
    )


def _same(found: Any, wanted: Scalar) -> bool:
    """As SQL does: `true` and 1 are not the same, and nothing equals NULL but NULL."""
    if found is None or wanted is None:
        return found is wanted
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)
