"""The appliance's database for tests of this package."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway import Database, Principal, Role, create_account
from tests.migrated import Migrated, migrated

from .browsing import base_url, browser, script, signed_in
from .stand import Stand, standing

__all__ = ["base_url", "browser", "script", "signed_in"]


@pytest.fixture(scope="session")
def appliance_database(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """An upgraded database for the session; tests use accounts of their own."""
    return migrated(new_database, tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="session")
async def web_database(appliance_database: Migrated) -> AsyncIterator[Database]:
    """Sessions with the rights of the web process."""
    database = appliance_database.database("cloister_web")
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def work_database(appliance_database: Migrated) -> AsyncIterator[Database]:
    """Sessions with the rights of the work process."""
    database = appliance_database.database("cloister_work")
    yield database
    await database.close()


@pytest.fixture
async def rep(web_database: Database, tmp_path: Path) -> Principal:
    """A rep with an account of this test's own."""
    async with web_database.transaction() as session:
        login = f"{tmp_path.name}@example.org"
        account = await create_account(session, login=login, name="Alice", roles=[Role.REP], password=None)
        return Principal(str(account.id), account.login, frozenset({Role.REP}), "Alice")


@pytest.fixture(scope="module")
async def stand(
    appliance_database: Migrated, web_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stand]:
    """A web process of the module's own, and its state folder."""
    async with standing(appliance_database, web_database, tmp_path_factory.mktemp("state")) as stand:
        yield stand
