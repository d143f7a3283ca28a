"""A database with the queue in it, one for all tests of this folder; each test begins with an empty queue."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import ApprovalEvent
from gateway import Database, DatabaseSettings, register_events

from .queues import create_tables, employ, opened, run_sql, settings_of

_EMPTY = """
    TRUNCATE approvals.held_item, approvals.presence, approvals.person_key, approvals.member,
        approvals.absence, approvals.notice, approvals.weighed, approvals.suggestion_reply,
        gateway.audit_event, jobs.procrastinate_jobs CASCADE
"""
# a record begins anew for nobody but a test: a trigger keeps the events, and the seals that TRUNCATE reaches
_UNGUARD = "ALTER TABLE gateway.{} DISABLE TRIGGER only_added_to"
_GUARD = "ALTER TABLE gateway.{} ENABLE ALWAYS TRIGGER only_added_to"
_RECORD = ("audit_event", "audit_seal")
_ONE_QUEUE = "DELETE FROM approvals.review_queue WHERE name <> 'general'"
_AS_SHIPPED = """
    UPDATE approvals.review_queue
    SET everyone = true, plan = '{"title": "General"}', version = '1', retired_at = NULL
"""


@pytest.fixture(scope="session")
def queue_settings(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> DatabaseSettings:
    register_events(ApprovalEvent)
    dsn = new_database()
    create_tables(dsn)
    folder: Path = tmp_path_factory.mktemp("queue")
    return settings_of(dsn, folder, pool_size=20)


@pytest_asyncio.fixture
async def database(queue_settings: DatabaseSettings) -> AsyncIterator[Database]:
    async with opened(queue_settings) as database:
        async with database.transaction() as session:
            await _empty(session)
            for statement in (_ONE_QUEUE, _AS_SHIPPED):
                await run_sql(session, statement)
            await employ(session)
        yield database


async def _empty(session: AsyncSession) -> None:
    for table in _RECORD:
        await run_sql(session, _UNGUARD.format(table))
    await run_sql(session, _EMPTY)
    for table in _RECORD:
        await run_sql(session, _GUARD.format(table))
