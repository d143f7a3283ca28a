"""Statements by key find their rows by an index, in every database, on tables of 50,000 rows."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from retrieval import CrmSettings
from retrieval.crm import CrmMap, CrmUser
from retrieval.records import Match, Records
from retrieval.rights import Visibility, visibility_of

from .mariadb import MariaDb
from .stand import principal

ROWS = 50_000
MAP = {
    "crm": "large",
    "version": 1,
    "users": {"table": "users", "key": "id", "login": "email", "attributes": {"id": "id", "role": "role"}},
    "entities": {
        "account": {
            "table": "accounts",
            "key": "id",
            "label": "{code}",
            "columns": {"code": {"class": "fact"}, "owner": {"class": "key"}},
            "visible": [{"owner": "owner"}, {"role": "lead"}],
        },
        "item": {
            "table": "items",
            "key": "id",
            "label": "{code}",
            "where": {"gone": False},
            "parent": {"entity": "account", "column": "account_id"},
            "columns": {
                "code": {"class": "fact"},
                "number": {"class": "fact", "kind": "number"},
                "maker": {"class": "key", "entity": "account"},
            },
            "visible": [{"parent": "account"}],
        },
    },
}
SETUP = """
CREATE TABLE users (id int PRIMARY KEY, email varchar(80), role varchar(20));
INSERT INTO users VALUES (1, 'maya@shop.example', 'rep');
CREATE TABLE accounts (id int PRIMARY KEY, code varchar(20), owner int);
CREATE TABLE items
    (id bigint PRIMARY KEY, code varchar(20), number int, account_id int, maker int, gone boolean);
INSERT INTO accounts SELECT n, {code}, n % 50 FROM {numbers};
INSERT INTO items SELECT n, {code}, n, n % 9973, n % 4999, n % 7 = 0 FROM {numbers};
CREATE INDEX items_code ON items (code);
CREATE INDEX items_number ON items (number);
CREATE INDEX items_account ON items (account_id);
CREATE INDEX items_maker ON items (maker)
"""


@pytest.fixture(params=["postgresql", "sqlite", "mysql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> CrmSettings:
    (tmp_path / "map").write_text("unused")
    made: Callable[[], CrmSettings] = {
        "postgresql": lambda: _postgresql(request.getfixturevalue("postgres_dsn"), tmp_path),
        "sqlite": lambda: _sqlite(tmp_path),
        "mysql": lambda: _mysql(request.getfixturevalue("mariadb"), tmp_path),
    }[request.param]
    return made()


def _postgresql(dsn: str, folder: Path) -> CrmSettings:
    numbers = f"generate_series(1, {ROWS}) AS of(n)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SETUP.format(code="'C' || n", numbers=numbers).encode())
        connection.execute("ANALYZE")
        info = connection.info
        (folder / "password").write_text(info.password)
        url = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    return CrmSettings(map_file=folder / "map", url=url, password_file=folder / "password")


def _sqlite(folder: Path) -> CrmSettings:
    counted = f"SELECT 1 UNION ALL SELECT n + 1 FROM of WHERE n < {ROWS}"
    numbers = f"(WITH RECURSIVE of(n) AS ({counted}) SELECT n FROM of)"
    _run(sa.create_engine(f"sqlite:///{folder}/crm.db"), SETUP.format(code="'C' || n", numbers=numbers))
    return CrmSettings(map_file=folder / "map", url=f"sqlite:///{folder}/crm.db")


def _mysql(server: MariaDb, folder: Path) -> CrmSettings:
    drop = "DROP TABLE IF EXISTS users; DROP TABLE IF EXISTS accounts; DROP TABLE IF EXISTS items;"
    numbers = f"(SELECT seq AS n FROM seq_1_to_{ROWS}) AS of"
    setup = SETUP.format(code="concat('C', n)", numbers=numbers)
    _run(sa.create_engine(server.url()), f"{drop}{setup}; ANALYZE TABLE users, accounts, items")
    (folder / "password").write_text(server.password("reader"))
    url = server.url("reader", password=False).render_as_string()
    return CrmSettings(map_file=folder / "map", url=url, password_file=folder / "password")


def _run(engine: sa.Engine, statements: str) -> None:
    with engine.begin() as connection:
        for statement in filter(None, map(str.strip, statements.split(";"))):
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
async def records(settings: CrmSettings) -> AsyncIterator[Records]:
    made = Records(CrmMap.model_validate(MAP), settings, 10.0)
    yield made
    await made.close()


class Watched:
    """What a `Records` sends, and how the database says that it runs it."""

    def __init__(self, records: Records) -> None:
        self._engine = records._reader._engine
        self._sent: list[tuple[str, Any]] = []
        sa.event.listen(self._engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if " AS t" in sql and "EXPLAIN" not in sql:
            self._sent.append((sql, parameters))

    async def plan(self) -> str:
        """The plan of the statement that was sent last."""
        sql, parameters = self._sent[-1]
        explain = "EXPLAIN QUERY PLAN " if self._engine.dialect.name == "sqlite" else "EXPLAIN "
        async with self._engine.connect() as connection:
            rows = (await connection.exec_driver_sql(explain + sql, parameters)).all()
        return "\n".join(" | ".join(map(str, row)) for row in rows)

    async def finds_by_index(self, table: str) -> None:
        """Assert that no statement since the last time read the whole of `table`."""
        plan = await self.plan()
        whole = {
            "postgresql": f"Seq Scan on {table}",
            "sqlite": "SCAN t\n",
            "mysql": "| t | ALL |",
        }[self._engine.dialect.name.replace("mariadb", "mysql")]
        assert whole not in plan + "\n", (self._sent[-1], plan)
        assert any(word in plan.lower() for word in ("index", "search", "range", "ref", "const")), plan


async def test_what_is_asked_for_by_key_is_found_by_an_index(records: Records) -> None:
    visibility = await visibility_of(records, principal("maya@shop.example"))
    assert visibility is not None
    watched = Watched(records)
    some = [str(number) for number in range(1, 40)]

    assert len(await records.rows("item", some)) == 34
    await watched.finds_by_index("items")
    assert set(await records.rows("item", ["1", "51", "7"], visibility)) == {"1", "51"}
    await watched.finds_by_index("items")
    await watched.finds_by_index("accounts")
    assert len(await records.children_keys("item", "account_id", ["5", "6"])) == 12
    await watched.finds_by_index("items")
    assert len(await records.linked("item", "maker", ["1", "2"], visibility, 5)) <= 5
    await watched.finds_by_index("items")
    for match in (
        Match("code", ("C51", "c51", "C2")),  # text
        Match("number", ("51", "2", "x")),  # a whole number that is no key
        Match("maker", ("51",), key=True),
        Match("id", ("51", "2"), key=True),
    ):
        found = await records.matching("item", [match], visibility, 9)
        assert 51 in {row["id"] for row in found}
        await watched.finds_by_index("items")
        assert sum((await records.count("item", [match], visibility)).values()) == len(found)
        await watched.finds_by_index("items")
        assert await records.named_by("item", "account_id", [match], visibility, 9)
        await watched.finds_by_index("items")
    assert (
        sum((await records.tally("item", "account_id", ["1", "51"], "number", visibility))["51"].values()) > 3
    )
    await watched.finds_by_index("items")


async def test_the_newest_rows_are_looked_for_among_few_whoever_asks(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.records.statements.NEWEST", 10)
    maya, other = (
        Visibility(records.crm_map, CrmUser(user, {"id": (user,), "role": ("rep",)}), ()) for user in (1, 30)
    )
    assert await records.count("item", [], maya) != {}
    assert await records.newest("item", maya, 5) == []
    assert [row["id"] for row in await records.newest("item", other, 5)] == [49_995]


async def test_whoever_has_the_same_roles_is_answered_by_the_same_statement(records: Records) -> None:
    visibility = await visibility_of(records, principal("maya@shop.example"))
    assert visibility is not None
    other = Visibility(records.crm_map, type(visibility.user)(2, {"id": (2,), "role": ("rep",)}), ())
    lead = Visibility(records.crm_map, type(visibility.user)(3, {"id": (3,), "role": ("lead",)}), ())
    statements = records._statements
    same = statements.rows("item", visibility)
    assert statements.rows("item", other) is same
    assert statements.rows("item", lead) is not same
    assert set(await records.rows("item", ["1", "2", "52"], visibility)) == {"1"}
    assert set(await records.rows("item", ["1", "2", "52"], other)) == {"2", "52"}
    assert set(await records.rows("item", ["1", "2", "52"], lead)) == {"1", "2", "52"}
