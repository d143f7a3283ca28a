"""A small real CRM, an appliance database, and a retrieval process over them."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from assistant.appliance.postgres import PostgresCluster
from retrieval import SyncSettings, seed_demo_company
from tests.conftest import require_or_skip

from .mariadb import MariaDb, is_installed, running_mariadb
from .stand import DEMO_MAP, Running, Stand, create_appliance_schemas

FEW = """
DELETE FROM accounts WHERE id NOT IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY territory_id, restricted ORDER BY id) AS n FROM accounts
    ) AS numbered WHERE n <= 2
);
DELETE FROM cases WHERE id % 2 = 0;
DELETE FROM articles WHERE id > 12 AND audience <> 'lead';
"""


def copy_database(cluster: PostgresCluster, name: str, template: str) -> str:
    """A database like another one; nobody may be connected to that."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return cluster.dsn(name)


def drop_database(cluster: PostgresCluster, name: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            " WHERE database = %s AND active_pid IS NOT NULL",
            (name,),
        )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def small_company(new_database: Callable[[], str]) -> str:
    """The name of a database with some of the demo company's customers."""
    dsn = new_database()
    seed_demo_company(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FEW)
        return str(connection.info.dbname)


@pytest.fixture(scope="session")
def empty_appliance(new_database: Callable[[], str]) -> str:
    """The name of a database with the appliance's tables."""
    dsn = new_database()
    create_appliance_schemas(dsn)
    with psycopg.connect(dsn) as connection:
        return str(connection.info.dbname)


_numbers = itertools.count(1)


@pytest.fixture
def new_stand(
    postgres_cluster: PostgresCluster, small_company: str, empty_appliance: str, tmp_path: Path
) -> Iterator[Callable[..., Stand]]:
    """Make stands of one test: each with a CRM and an appliance database of its own."""
    made: list[str] = []

    def make(sync: SyncSettings | None = None, crm_map: Path = DEMO_MAP) -> Stand:
        number = next(_numbers)
        names = (f"crm_{number}", f"appliance_{number}")
        made.extend(names)
        crm = copy_database(postgres_cluster, names[0], small_company)
        appliance = copy_database(postgres_cluster, names[1], empty_appliance)
        return Stand.make(tmp_path / str(number), appliance, crm, sync=sync, crm_map=crm_map)

    yield make
    for name in made:
        drop_database(postgres_cluster, name)


@pytest.fixture
def stand(new_stand: Callable[..., Stand]) -> Stand:
    return new_stand()


@pytest.fixture
async def running(stand: Stand) -> AsyncIterator[Running]:
    """A process that has compared everything once."""
    async with stand.running() as process:
        await process.caught_up()
        yield process


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """One running MariaDB for the whole session."""
    require_or_skip("MariaDB is not installed (apt install mariadb-server)", available=is_installed())
    with running_mariadb() as server:
        yield server
