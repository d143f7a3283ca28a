"""Index keys and SQL agree with a naive reading of the rules, on random data in a real database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.crm import (
    CrmMap,
    acl_keys,
    grant_keys,
    load_map,
    may_see_field,
    parameters,
    rows_of,
    visible_sql,
)
from retrieval.crm.engines import engine_at

MAP = """\
crm: company
version: 1
users:
  table: users
  key: id
  login: email
  attributes:
    id: id
    role: role
    areas: {table: user_areas, user: user_id, value: area}
entities:
  account:
    table: accounts
    key: id
    label: "{id}"
    columns: {id: {class: fact}, owner: {class: fact}}
    visible:
      - {column: owner, in: $user.id}
      - {column: area, in: $user.areas, where: {restricted: false}}
      - {column: area, in: $user.areas, roles: [lead]}
      - {roles: [boss, chief]}
    fields:
      owner: {roles: [lead]}
  folder:
    table: folders
    key: id
    label: "{id}"
    consent: consent
    parent: {entity: account, column: account_id}
    columns: {id: {class: fact}}
    visible:
      - {parent: account, where: {kind: [open, plain]}}
      - {parent: account, roles: [lead, chief], where: {kind: [closed, null]}}
      - {column: keeper, in: $user.id}
  page:
    table: pages
    key: id
    label: "{id}"
    parent: {entity: folder, column: folder_id}
    columns: {id: {class: fact}}
    visible:
      - {parent: folder}
      - {everyone: true, where: {published: true}}
      - {parent: folder, roles: [boss]}
"""

small = st.integers(1, 3)
maybe = st.one_of(st.none(), small)
Row = dict[str, Any]

worlds = st.fixed_dictionaries(
    {
        "account": st.lists(
            st.fixed_dictionaries(
                {"owner": maybe, "area": maybe, "restricted": st.one_of(st.none(), st.booleans())}
            ),
            max_size=4,
        ),
        "folder": st.lists(
            st.fixed_dictionaries(
                {
                    "account_id": st.one_of(st.none(), st.integers(0, 4)),
                    "kind": st.sampled_from([None, "open", "plain", "closed", "other"]),
                    "keeper": maybe,
                    "consent": st.one_of(st.none(), st.booleans()),
                }
            ),
            max_size=5,
        ),
        "page": st.lists(
            st.fixed_dictionaries(
                {
                    "folder_id": st.one_of(st.none(), st.integers(0, 5)),
                    "published": st.one_of(st.none(), st.booleans()),
                }
            ),
            max_size=5,
        ),
    }
)
users = st.fixed_dictionaries(
    {
        "id": small.map(lambda value: (value,)),
        "role": st.lists(st.sampled_from(["rep", "lead", "boss", "chief"]), max_size=2, unique=True).map(
            tuple
        ),
        "areas": st.lists(small, unique=True, max_size=3).map(tuple),
    }
)


@pytest.fixture(scope="module")
def crm_map(tmp_path_factory: pytest.TempPathFactory) -> CrmMap:
    path: Path = tmp_path_factory.mktemp("map") / "map.yaml"
    path.write_text(MAP, encoding="utf-8")
    return load_map(path)


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, owner bigint, area bigint, restricted boolean);"
            "CREATE TABLE folders (id bigint PRIMARY KEY, account_id bigint, kind text, keeper bigint,"
            " consent boolean);"
            "CREATE TABLE pages (id bigint PRIMARY KEY, folder_id bigint, published boolean)"
        )
        yield connection


@pytest.fixture
def asked(postgres_dsn: str) -> Iterator[sa.Connection]:
    engine = engine_at(postgres_dsn)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def oracle(world: dict[str, list[Row]], entity: str, number: int, user: dict[str, tuple[Any, ...]]) -> bool:
    """The rules of the map above as somebody would read them aloud."""
    if number >= len(world[entity]):
        return False
    row, roles = world[entity][number], set(user["role"])
    if entity == "account":
        in_area = row["area"] in user["areas"]
        return (
            row["owner"] in user["id"]
            or (in_area and row["restricted"] is False)
            or (in_area and "lead" in roles)
            or bool(roles & {"boss", "chief"})
        )
    above = "account" if entity == "folder" else "folder"
    link = row[f"{above}_id"]
    sees_parent = link is not None and oracle(world, above, link, user)
    if entity == "folder":
        return row["consent"] is True and (
            (sees_parent and row["kind"] in ("open", "plain"))
            or (sees_parent and row["kind"] in ("closed", None) and bool(roles & {"lead", "chief"}))
            or row["keeper"] in user["id"]
        )
    return sees_parent or row["published"] is True


def keys_of(crm_map: CrmMap, world: dict[str, list[Row]], entity: str, number: int) -> list[str]:
    if number >= len(world[entity]):
        return []
    row = world[entity][number]
    parent = crm_map.entities[entity].parent
    link = row[parent.column] if parent else None
    above = keys_of(crm_map, world, parent.entity, link) if parent and link is not None else []
    return acl_keys(crm_map, entity, {"id": number, **row}, above)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, user=users)
def test_keys_and_sql_agree_with_the_rules(
    crm_map: CrmMap,
    database: psycopg.Connection[Any],
    asked: sa.Connection,
    world: dict[str, list[Row]],
    user: dict[str, tuple[Any, ...]],
) -> None:
    held = set(grant_keys(crm_map, user))
    for entity, mapped in crm_map.entities.items():
        expected = {number for number in range(len(world[entity])) if oracle(world, entity, number, user)}
        by_key = {
            number
            for number in range(len(world[entity]))
            if held.intersection(keys_of(crm_map, world, entity, number))
        }
        assert by_key == expected
        database.execute(f"TRUNCATE {mapped.table}".encode())
        for number, row in enumerate(world[entity]):
            columns = ", ".join(["id", *row])
            places = ", ".join(["%s"] * (len(row) + 1))
            database.execute(
                f"INSERT INTO {mapped.table} ({columns}) VALUES ({places})".encode(),
                [number, *row.values()],
            )
        source = rows_of(mapped)
        statement = sa.select(source.c.id).where(visible_sql(crm_map, entity, user, source))
        assert set(asked.scalars(statement, parameters(crm_map, user))) == expected


def test_a_user_without_any_right_holds_only_the_key_of_everyone(crm_map: CrmMap) -> None:
    assert grant_keys(crm_map, {"id": (), "role": (), "areas": ()}) == ["everyone"]


def test_values_cannot_imitate_the_key_of_another_rule(crm_map: CrmMap) -> None:
    row = {"id": 1, "owner": "1@lead=2", "area": None, "restricted": True}
    keys = acl_keys(crm_map, "account", row)
    assert not set(keys) & set(grant_keys(crm_map, {"id": (1,), "role": ("lead",), "areas": (2,)}))


def test_a_narrower_field_is_read_by_its_roles_only(crm_map: CrmMap) -> None:
    account = crm_map.entities["account"]
    assert may_see_field(account, "owner", {"role": ("lead",)})
    assert not may_see_field(account, "owner", {"role": ("rep", "chief")})


def test_a_missing_attribute_is_an_error_and_no_right(crm_map: CrmMap) -> None:
    with pytest.raises(KeyError):
        grant_keys(crm_map, {"id": (1,)})
