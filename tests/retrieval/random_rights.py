"""Random maps with every kind of rule, random rows, and a plain reading of what they say.

The reading shares nothing with the code under test but the map's types.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from retrieval.crm import CrmMap
from retrieval.crm.map import Entity, Rule

Row = dict[str, Any]
World = dict[str, list[Row]]
User = dict[str, tuple[Any, ...]]

KINDS: Final = ("account", "folder", "page")
TABLES: Final = {"account": "accounts", "folder": "folders", "page": "pages"}
ABOVE: Final = {"folder": "account", "page": "folder"}
RETENTION_DAYS: Final = 30


# SQL of a map → what it means; those with an array are PostgreSQL's alone
WHERE_SQL: Final[Mapping[str, Callable[[World, str, Row], bool | None]]] = {
    "t.one > t.two": lambda _w, _k, row: (
        None if None in (row["one"], row["two"]) else row["one"] > row["two"]
    ),
    "t.one IN (1, 3)": lambda _w, _k, row: None if row["one"] is None else row["one"] in (1, 3),
    "NOT t.flag": lambda _w, _k, row: None if row["flag"] is None else not row["flag"],
    "EXISTS (SELECT 1 FROM members m WHERE m.record = t.id AND m.who = 1)": lambda world, _k, row: any(
        one["record"] == row["id"] and one["who"] == 1 for one in world["members"]
    ),
}
VALUE_SQL: Final[Mapping[str, Callable[[World, Row], list[Any]]]] = {
    "coalesce(t.one, t.two)": lambda _w, row: [row["one"] if row["one"] is not None else row["two"]],
    "t.one + 1": lambda _w, row: [None if row["one"] is None else row["one"] + 1],
    "(SELECT min(m.who) FROM members m WHERE m.record = t.id)": lambda world, row: [
        min((one["who"] for one in world["members"] if one["record"] == row["id"]), default=None)
    ],
}
ARRAY_SQL: Final[Mapping[str, Callable[[World, Row], list[Any]]]] = {
    "ARRAY(SELECT m.who FROM members m WHERE m.record = t.id)": lambda world, row: [
        one["who"] for one in world["members"] if one["record"] == row["id"]
    ],
}

_small = st.one_of(st.none(), st.integers(1, 3))
_words = st.sampled_from([None, "open", "Open", "open ", "öpen", "o'neil\\", "shut"])
_flags = st.one_of(st.none(), st.booleans())
_days = st.sampled_from([None, -60, -RETENTION_DAYS - 1, -RETENTION_DAYS, 1 - RETENTION_DAYS, 0])


def _condition() -> st.SearchStrategy[dict[str, Any]]:
    listed = st.lists(_words, min_size=1, max_size=3, unique=True)
    flags = st.lists(_flags, min_size=1, max_size=2, unique=True)
    return st.one_of(
        st.just({}),
        st.builds(lambda values: {"word": values}, listed),
        st.builds(lambda values: {"flag": values}, flags),
        st.builds(lambda values, one: {"flag": values, "one": one}, flags, st.integers(1, 3)),
    )


def _rule(kind: str, *, arrays: bool) -> st.SearchStrategy[dict[str, Any]]:
    values = [*VALUE_SQL, *(ARRAY_SQL if arrays else ())]
    among = st.sampled_from(["$user.id", "$user.areas"])
    ways = [
        st.just({"everyone": True}),
        st.just({}),
        st.builds(lambda column, of: {"column": column, "in": of}, st.sampled_from(["one", "two"]), among),
        st.builds(lambda value, of: {"value_sql": value, "in": of}, st.sampled_from(values), among),
        *([st.just({"parent": ABOVE[kind]})] * 2 if kind in ABOVE else []),
    ]
    roles = st.lists(st.sampled_from(["rep", "lead", "boss"]), min_size=1, max_size=2, unique=True)
    return st.builds(
        lambda way, condition, sql, named: {
            **way,
            **({"where": condition} if condition else {}),
            **({"where_sql": sql} if sql else {}),
            **({"roles": named} if named or not way else {}),
        },
        st.one_of(ways),
        _condition(),
        st.one_of(st.none(), st.sampled_from(list(WHERE_SQL))),
        st.one_of(st.just([]), roles),
    ).filter(lambda rule: bool(rule.get("roles")) or len(rule.keys() & {"everyone", "in", "parent"}) > 0)


def maps(*, arrays: bool) -> st.SearchStrategy[CrmMap]:
    def entity(kind: str) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {
                "table": st.just(TABLES[kind]),
                "key": st.just("id"),
                "label": st.just("{id}"),
                "columns": st.just({"id": {"class": "fact"}}),
                "where": _condition(),
                "visible": st.lists(_rule(kind, arrays=arrays), min_size=1, max_size=3),
            },
            optional={
                "consent": st.just("consent"),
                "retention": st.just({"column": "day", "days": RETENTION_DAYS}),
            },
        ).map(
            lambda made: made | ({"parent": {"entity": ABOVE[kind], "column": "up"}} if kind in ABOVE else {})
        )

    attributes = {"id": "id", "role": "role", "areas": {"table": "areas", "user": "user_id", "value": "area"}}
    users = {"table": "users", "key": "id", "login": "email", "attributes": attributes}
    return st.fixed_dictionaries({kind: entity(kind) for kind in KINDS}).map(
        lambda entities: CrmMap.model_validate(
            {"crm": "random", "version": 1, "users": users, "entities": entities}
        )
    )


def worlds() -> st.SearchStrategy[World]:
    def rows(kind: str) -> st.SearchStrategy[list[Row]]:
        row = st.fixed_dictionaries(
            {
                "one": _small, "two": _small, "word": _words, "flag": _flags, "day": _days,
                "consent": st.sampled_from([None, False, True, True]),
                "up": st.one_of(st.none(), st.integers(0, 4)) if kind in ABOVE else st.none(),
            }
        )  # fmt: skip
        return st.lists(row, max_size=5).map(
            lambda found: [{"id": at, **one} for at, one in enumerate(found)]
        )

    member = st.fixed_dictionaries({"record": st.integers(0, 4), "who": _small})
    return st.fixed_dictionaries(
        {**{kind: rows(kind) for kind in KINDS}, "members": st.lists(member, max_size=4)}
    )


def users() -> st.SearchStrategy[User]:
    roles = st.lists(st.sampled_from(["rep", "lead", "boss"]), max_size=2, unique=True)
    return st.fixed_dictionaries(
        {
            "id": st.integers(1, 3).map(lambda value: (value,)),
            "role": roles.map(tuple),
            "areas": st.lists(st.integers(1, 4), unique=True, max_size=3).map(tuple),
        }
    )


def day_of(offset: int | None, today: date) -> date | None:
    return None if offset is None else today + timedelta(days=offset)


def may_see(crm_map: CrmMap, world: World, kind: str, key: int | None, user: User) -> bool:
    """Whether the user sees the row, as somebody would read the map aloud."""
    if key is None or not 0 <= key < len(world[kind]):
        return False
    entity, row = crm_map.entities[kind], world[kind][key]
    if not _meets(entity.where, row):
        return False
    if entity.retention and row["day"] is not None and row["day"] < -RETENTION_DAYS:
        return False
    if entity.consent and row["consent"] is not True:
        return False
    return any(_holds(crm_map, world, kind, entity, rule, row, user) for rule in entity.visible)


def _holds(
    crm_map: CrmMap, world: World, kind: str, entity: Entity, rule: Rule, row: Row, user: User
) -> bool:
    if rule.roles and not set(rule.roles) & set(user["role"]):
        return False
    if not _meets(rule.where, row):
        return False
    if rule.where_sql and WHERE_SQL[rule.where_sql](world, kind, row) is not True:
        return False
    if rule.parent and not (entity.parent and may_see(crm_map, world, entity.parent.entity, row["up"], user)):
        return False
    if rule.among is None:
        return True
    theirs = user[rule.among.removeprefix("$user.")]
    if rule.column:
        return row[rule.column] in theirs
    found = {**VALUE_SQL, **ARRAY_SQL}[str(rule.value_sql)](world, row)
    return any(value in theirs for value in found if value is not None)


def _meets(condition: Mapping[str, Any], row: Row) -> bool:
    return all(
        any(row[column] is value or row[column] == value for value in values)
        for column, values in condition.items()
    )
