"""Sessions on a database that comes and goes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from gateway import Database

from .conftest import database_settings

HANG_UP = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def dsn(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest_asyncio.fixture
async def database(dsn: str, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(database_settings(dsn, tmp_path), overflow=0)
    yield database
    await database.close()


async def backend(database: Database) -> int:
    async with database.transaction() as session:
        return int((await (await session.connection()).execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_a_connection_that_the_server_ended_is_replaced_before_anybody_fails(
    database: Database, dsn: str
) -> None:
    before = await backend(database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute(HANG_UP).fetchone() == (1,)
    assert await backend(database) != before


async def test_a_connection_in_use_costs_no_question_and_an_idle_one_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    engine = database.engine.sync_engine
    do_ping = engine.dialect.do_ping

    def note(connection: DBAPIConnection) -> bool:
        asked.append(connection)
        return do_ping(connection)

    monkeypatch.setattr(engine.dialect, "do_ping", note)
    before = await backend(database)
    assert await backend(database) == before
    assert not asked

    @event.listens_for(engine, "checkin")
    def long_ago(_connection: object, entry: object) -> None:
        entry.info["used"] -= 60  # type: ignore[attr-defined]

    await backend(database)
    assert await backend(database) == before
    assert len(asked) == 1
