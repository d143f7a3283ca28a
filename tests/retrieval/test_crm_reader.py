"""The demo map on the demo database, read by the role that the map describes."""

import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy.ext.asyncio import create_async_engine

from retrieval.crm import (
    AmbiguousUser,
    CrmMap,
    CrmRefused,
    acl_keys,
    check_map_against,
    check_map_at,
    columns_of,
    create_crm_roles,
    grant_keys,
    load_map,
    parameters,
    read_user,
    read_user_now,
    read_users_now,
    rows_of,
    visible_sql,
)
from retrieval.crm.database import translated
from retrieval.crm.engines import engine_at
from retrieval.demo import EMPLOYEES, seed_demo_company

DEMO = load_map(Path(__file__).parents[2] / "retrieval" / "maps" / "demo.yaml")
READER = f"reader_{os.getpid()}"
PASSWORD = "it's a \\ password"


@pytest.fixture(scope="module")
def owner_dsn(new_database: Callable[[], str]) -> str:
    dsn = new_database()
    seed_demo_company(dsn, 7, date(2026, 3, 2))
    return dsn


@pytest.fixture(scope="module")
def reader_dsn(owner_dsn: str) -> Iterator[str]:
    create_crm_roles(owner_dsn, PASSWORD, DEMO, reader=READER)
    yield make_conninfo(owner_dsn, user=READER, password=PASSWORD)
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute(f"DROP OWNED BY {READER}; DROP ROLE {READER}".encode())


@pytest.fixture
def reader(reader_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(reader_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def asked(reader_dsn: str) -> Iterator[sa.Connection]:
    """The reader's connection as records are read on it."""
    engine = engine_at(reader_dsn)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def changed_map(tmp_path: Path, *changes: tuple[str, str]) -> CrmMap:
    text = (Path(__file__).parents[2] / "retrieval" / "maps" / "demo.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    return load_map(tmp_path / "map.yaml")


def test_the_demo_map_fits_the_demo_database(reader: psycopg.Connection[Any]) -> None:
    assert check_map_against(DEMO, reader) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("table: mails", "table: letters"), "there is no table letters"),
        (("job_title: {", "profession: {"), "has no column profession"),
        (("consent: consent", "consent: language"), "is no boolean"),
        (("changed: updated_at\n    consent", "changed: language\n    consent"), "is no point in time"),
        (("{column: owner_id, in: $user.id}", "{column: owner_id, in: $user.role}"), "can be compared"),
        (("{restricted: false}", "{restricted: 0}"), "cannot be 0"),
        (("table: mails\n    key: id", "table: mails\n    key: case_id"), "no unique index"),
    ],
)
def test_what_the_database_lacks_is_named(
    tmp_path: Path, owner_dsn: str, change: tuple[str, str], words: str
) -> None:
    with psycopg.connect(owner_dsn) as owner:
        found = [str(problem) for problem in check_map_against(changed_map(tmp_path, change), owner)]
    assert any(words in problem for problem in found), found


def test_what_the_database_lacks_has_its_line_of_the_map(tmp_path: Path, owner_dsn: str) -> None:
    changed_map(
        tmp_path,
        ("table: mails", "table: letters"),
        ("job_title: {", "profession: {"),
    )
    path = tmp_path / "map.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {problem.sentence.split(";")[0]: problem for problem in check_map_at(path, owner_dsn)}
    no_table = found["there is no table letters that this role can find"]
    assert lines[no_table.line - 1] == "  mail:"
    (no_column,) = (said for said in found if "no column profession" in said)
    assert found[no_column].where == "entities.contact.columns.profession"
    assert lines[found[no_column].line - 1].strip().startswith("profession: {")


def test_a_column_that_may_not_be_read_is_named(tmp_path: Path, reader: psycopg.Connection[Any]) -> None:
    wider = changed_map(
        tmp_path, ("portal_password_hash: {class: secret}", "portal_password_hash: {class: text}")
    )
    (problem,) = check_map_against(wider, reader)
    assert "may not read accounts.portal_password_hash" in problem.sentence


def test_all_users_together_are_what_each_of_them_is(asked: sa.Connection) -> None:
    together = read_users_now(DEMO, asked)
    assert set(together) == {person.login for person in EMPLOYEES if person.is_active}
    for login, user in together.items():
        alone = read_user_now(DEMO, asked, login)
        assert alone is not None
        assert user.key == alone.key
        for name, values in alone.attributes.items():
            assert set(user.attributes[name]) == set(values)
            assert len(user.attributes[name]) == len(values)


def test_the_reader_reads_mapped_columns_and_nothing_else(reader: psycopg.Connection[Any]) -> None:
    granted = columns_of(DEMO)
    everything = reader.execute(
        "SELECT c.relname, a.attname, has_column_privilege(c.oid, a.attnum, 'SELECT')"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    allowed = {(table, column) for table, column, may in everything if may}
    assert allowed == {(table, column) for table, columns in granted.items() for column in columns}
    assert ("accounts", "portal_password_hash") not in allowed
    assert not {table for table, _ in allowed} & {"order_lines"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT portal_password_hash FROM accounts",
        "SELECT * FROM order_lines",
        "UPDATE accounts SET name = 'x'",
        "SET default_transaction_read_only = off; DELETE FROM mails",
        "SET default_transaction_read_only = off; CREATE TABLE x (id int)",
    ],
)
def test_the_reader_is_refused_everything_else(reader: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(CrmRefused), translated():
        reader.execute(statement.encode())


def test_a_narrower_map_takes_rights_away(owner_dsn: str, tmp_path: Path) -> None:
    name = f"{READER}_narrow"
    create_crm_roles(owner_dsn, PASSWORD, DEMO, reader=name)
    narrower = changed_map(tmp_path, ("      remarks: {class: text, internal: true}\n", ""))
    create_crm_roles(owner_dsn, PASSWORD, narrower, reader=name)
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        found = owner.execute(
            "SELECT has_column_privilege(%s, 'contacts', 'remarks', 'SELECT')", [name]
        ).fetchone()
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())
    assert found == (False,)


@pytest.mark.parametrize("login", ["maya@halden.example", "MAYA@Halden.Example"])
async def test_a_user_is_found_by_login_without_case(reader_dsn: str, login: str) -> None:
    engine = create_async_engine(
        "postgresql+psycopg://", async_creator=lambda: psycopg.AsyncConnection.connect(reader_dsn)
    )
    async with engine.connect() as connection:
        user = await read_user(DEMO, connection, login)
    await engine.dispose()
    assert user is not None
    assert user.attributes == {"id": (1,), "role": ("rep",), "teams": (1,), "territories": (1,)}


def test_a_user_who_left_or_is_unknown_is_nobody(asked: sa.Connection) -> None:
    for login in ("peter@halden.example", "nobody@halden.example", "", "%@halden.example"):
        assert read_user_now(DEMO, asked, login) is None


def test_a_login_of_two_users_lets_nobody_in(tmp_path: Path, asked: sa.Connection) -> None:
    twins = changed_map(tmp_path, ("login: email", "login: role"))
    with pytest.raises(AmbiguousUser):
        read_user_now(twins, asked, "rep")


def test_index_keys_and_sql_agree_for_every_user_and_record(
    reader: psycopg.Connection[Any], asked: sa.Connection
) -> None:
    keys: dict[str, dict[Any, list[str]]] = {}
    for entity in DEMO.parents_first:
        mapped = DEMO.entities[entity]
        keys[entity] = {}
        columns = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, mapped.read_columns))
        statement = psycopg.sql.SQL("SELECT {} FROM {}").format(columns, psycopg.sql.Identifier(mapped.table))
        for row in reader.cursor(row_factory=psycopg.rows.dict_row).execute(statement):
            above = keys[mapped.parent.entity][row[mapped.parent.column]] if mapped.parent else []
            keys[entity][row[mapped.key]] = acl_keys(DEMO, entity, row, above)
    for person in EMPLOYEES:
        user = read_user_now(DEMO, asked, person.login)
        if user is None:
            assert not person.is_active
            continue
        held = set(grant_keys(DEMO, user.attributes))
        for entity, mapped in DEMO.entities.items():
            source = rows_of(mapped)
            seen = visible_sql(DEMO, entity, user.attributes, source)
            asking = sa.select(source.c[mapped.key]).where(seen)
            by_sql = set(asked.scalars(asking, parameters(DEMO, user.attributes)))
            assert by_sql == {key for key, row_keys in keys[entity].items() if held.intersection(row_keys)}
