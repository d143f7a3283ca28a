"""Index keys and SQL agree with a plain reading of random maps, in PostgreSQL, SQLite and MariaDB."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.crm import CrmMap, acl_keys, ages, computed, grant_keys, parameters, rows_of, visible_sql
from retrieval.crm.clauses import written
from retrieval.crm.engines import bound, engine_at
from retrieval.crm.shapes import columns_question, conversions, families

from .random_rights import ABOVE, KINDS, TABLES, User, World, day_of, maps, may_see, users, worlds

_metadata = sa.MetaData()
_TABLES = {
    kind: sa.Table(
        name,
        _metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("one", sa.BigInteger),
        sa.Column("two", sa.BigInteger),
        sa.Column("word", sa.String(20)),
        sa.Column("flag", sa.Boolean),
        sa.Column("day", sa.Date),
        sa.Column("consent", sa.Boolean),
        sa.Column("up", sa.BigInteger),
    )
    for kind, name in TABLES.items()
}
_MEMBERS = sa.Table("members", _metadata, sa.Column("record", sa.BigInteger), sa.Column("who", sa.BigInteger))


@pytest.fixture
def postgres(postgres_dsn: str) -> Iterator[sa.Connection]:
    yield from _prepared(engine_at(postgres_dsn))


@pytest.fixture
def sqlite() -> Iterator[sa.Connection]:
    yield from _prepared(sa.create_engine("sqlite://", poolclass=sa.StaticPool))


@pytest.fixture
def maria(mariadb: Any) -> Iterator[sa.Connection]:
    yield from _prepared(sa.create_engine(mariadb.url(), poolclass=sa.NullPool))


def _prepared(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        _metadata.drop_all(connection)
        _metadata.create_all(connection)
        yield connection
        connection.rollback()
        _metadata.drop_all(connection)
        connection.commit()
    engine.dispose()


def _write(connection: sa.Connection, world: World) -> None:
    today = datetime.now(UTC).date()
    for kind, table in _TABLES.items():
        connection.execute(sa.delete(table))
        if rows := [{**row, "day": day_of(row["day"], today)} for row in world[kind]]:
            connection.execute(sa.insert(table), rows)
    connection.execute(sa.delete(_MEMBERS))
    if world["members"]:
        connection.execute(sa.insert(_MEMBERS), world["members"])


def _by_sql(connection: sa.Connection, crm_map: CrmMap, kind: str, user: User) -> set[int]:
    source = rows_of(crm_map.entities[kind])
    statement = sa.select(source.c.id).where(visible_sql(crm_map, kind, user, source))
    return set(connection.scalars(statement, bound(connection.dialect, parameters(crm_map, user))))


def _keys(connection: sa.Connection, crm_map: CrmMap) -> dict[str, dict[int, list[str]]]:
    """The index keys of every row, of rows as a sync reads them; what does not exist has none."""
    found: dict[str, dict[int, list[str]]] = {}
    for kind in KINDS:
        entity = crm_map.entities[kind]
        source = rows_of(entity)
        made = [written(sql).label(name) for name, sql in computed(entity).items()]
        question, values = columns_question(connection.dialect.name, entity.table)
        shape = families(connection.dialect.name, list(connection.execute(question, values)))
        convert = {} if connection.dialect.name == "postgresql" else conversions(entity, shape)
        found[kind] = {}
        for row in connection.execute(sa.select(*source.c, *made)).mappings():
            one = {name: convert[name](value) if name in convert else value for name, value in row.items()}
            above = found[ABOVE[kind]].get(one["up"], []) if entity.parent else []
            found[kind][one["id"]] = acl_keys(crm_map, kind, one, above)
    return found


def _agree(connection: sa.Connection, crm_map: CrmMap, world: World, some: list[User]) -> None:
    _write(connection, world)
    keys = _keys(connection, crm_map)
    for user in some:
        held = set(grant_keys(crm_map, user))
        for kind in KINDS:
            expected = {at for at in range(len(world[kind])) if may_see(crm_map, world, kind, at, user)}
            assert {at for at, those in keys[kind].items() if held.intersection(those)} == expected
            assert _by_sql(connection, crm_map, kind, user) == expected


def _differential(arrays: bool, examples: int) -> Callable[..., Any]:
    several = st.lists(users(), min_size=1, max_size=4)
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        asked = given(crm_map=maps(arrays=arrays), world=worlds(), some=several)(test)
        made: Callable[..., None] = settings(
            max_examples=examples, deadline=None, suppress_health_check=quiet
        )(asked)
        return made

    return decorated


@_differential(arrays=True, examples=100)
def test_keys_and_sql_agree_in_postgresql(
    postgres: sa.Connection, crm_map: CrmMap, world: World, some: list[User]
) -> None:
    _agree(postgres, crm_map, world, some)


@_differential(arrays=False, examples=100)
def test_keys_and_sql_agree_in_sqlite(
    sqlite: sa.Connection, crm_map: CrmMap, world: World, some: list[User]
) -> None:
    _agree(sqlite, crm_map, world, some)


@_differential(arrays=False, examples=50)
def test_keys_and_sql_agree_in_mariadb(
    maria: sa.Connection, crm_map: CrmMap, world: World, some: list[User]
) -> None:
    _agree(maria, crm_map, world, some)


def test_ages_of_a_map_without_retention_are_none() -> None:
    crm_map = CrmMap.model_validate(
        {
            "crm": "x",
            "version": 1,
            "users": {"table": "u", "key": "id", "login": "id", "attributes": {}},
            "entities": {
                "a": {"table": "a", "key": "id", "label": "{id}", "columns": {}, "visible": ["everyone"]}
            },
        }
    )
    assert ages(crm_map) == {}


@settings(max_examples=200, deadline=None)
@given(crm_map=maps(arrays=True), user=users())
def test_rights_never_ask_for_columns_that_the_role_may_not_read(crm_map: CrmMap, user: User) -> None:
    for kind, entity in crm_map.entities.items():
        source = rows_of(entity)
        statement = sa.select(source.c[entity.key]).where(visible_sql(crm_map, kind, user, source))
        assert "*" not in str(statement)
