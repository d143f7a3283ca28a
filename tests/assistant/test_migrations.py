"""The history makes what the code believes there is, and gives each process its rights and no more."""

import uuid

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

import approvals
import assistant.conversations
import assistant.reviews.tables
import assistant.runs.tables
import gateway
import retrieval
from assistant.migrations import PROCESS_ROLES, current_revision
from gateway import (
    SCHEMAS,
    AccountSettings,
    Database,
    Role,
    create_account,
    issue_api_token,
    principal_of_account,
    principal_of_api_token,
    sign_in,
)
from tests.migrated import Migrated

TABLES = (
    approvals,
    assistant.conversations,
    assistant.reviews.tables,
    assistant.runs.tables,
    gateway,
    retrieval,
)


def test_the_tables_are_those_of_the_code(appliance_database: Migrated) -> None:
    url = make_url(appliance_database.superuser_dsn).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    ours = set(SCHEMAS) - {"jobs"}
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name in ours,
        "version_table_schema": "assistant",
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    assert differences == []


def test_a_fresh_database_is_at_the_newest_revision(appliance_database: Migrated) -> None:
    current, newest = current_revision(appliance_database.superuser_dsn)
    assert current == newest is not None


@pytest.mark.parametrize("role", PROCESS_ROLES)
@pytest.mark.parametrize(
    "verb", ["UPDATE gateway.audit_event SET actor = 'x'", "DELETE FROM gateway.audit_event"]
)
async def test_no_process_may_change_the_record(appliance_database: Migrated, role: str, verb: str) -> None:
    database = appliance_database.database(role)
    try:
        await _is_denied(database, verb)
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["cloister_web", "cloister_work"])
async def test_what_was_shown_and_decided_is_not_written_anew(
    appliance_database: Migrated, role: str
) -> None:
    database = appliance_database.database(role)
    try:
        for statement in (
            "UPDATE assistant.run_event SET data = '{}'",
            "DELETE FROM assistant.run_event",
            "UPDATE approvals.vote SET verdict = 'approve'",
            "DELETE FROM approvals.vote",
            "UPDATE approvals.remark SET text = ''",
            "UPDATE approvals.draft SET instruction = ''",
            "UPDATE approvals.person_key SET key = ''",
            "DELETE FROM approvals.person_key",
            "DELETE FROM approvals.held_item",
        ):
            await _is_denied(database, statement)
    finally:
        await database.close()


async def test_a_worker_votes_on_nothing_knows_nobody_and_describes_no_queue(
    appliance_database: Migrated,
) -> None:
    database = appliance_database.database("cloister_work")
    try:
        for statement in (
            "INSERT INTO approvals.vote (id) VALUES (gen_random_uuid())",
            "INSERT INTO approvals.remark (id, author) VALUES (gen_random_uuid(), 'olga')",
            "INSERT INTO approvals.remark (id, text) VALUES (gen_random_uuid(), 'Yes.')",
            "INSERT INTO approvals.person_key (account, key) VALUES ('olga', 'pair:olga:otto')",
            "UPDATE approvals.person_key SET undone_at = now()",
            "INSERT INTO approvals.member (id) VALUES (gen_random_uuid())",
            "UPDATE approvals.member SET until = now()",
            "UPDATE approvals.review_queue SET everyone = true",
            "INSERT INTO approvals.absence (id) VALUES (gen_random_uuid())",
            "UPDATE approvals.opening SET opened_at = now()",
        ):
            await _is_denied(database, statement)
    finally:
        await database.close()


FOREIGN = {
    "cloister_web": ("SELECT * FROM gateway.token", "SELECT * FROM gateway.subject_key"),
    "cloister_work": ("SELECT * FROM gateway.token", "UPDATE gateway.account SET disabled = true"),
    "cloister_door": ("SELECT * FROM assistant.run", "SELECT * FROM approvals.held_item"),
    "cloister_retrieval": ("SELECT * FROM assistant.run", "SELECT * FROM gateway.token"),
}


@pytest.mark.parametrize("role", PROCESS_ROLES)
async def test_a_process_reads_no_tables_that_it_does_not_need(
    appliance_database: Migrated, role: str
) -> None:
    database = appliance_database.database(role)
    try:
        for statement in FOREIGN[role]:
            await _is_denied(database, statement)
    finally:
        await database.close()


@pytest.mark.parametrize("role", sorted(set(PROCESS_ROLES) - {"cloister_web"}))
async def test_only_the_process_where_people_sign_in_reads_hashes_of_passwords(
    appliance_database: Migrated, role: str
) -> None:
    database = appliance_database.database(role)
    try:
        for statement in (
            "SELECT password_hash FROM gateway.account",
            "SELECT * FROM gateway.account",
            "SELECT id FROM gateway.account WHERE password_hash LIKE '$argon2id$%'",
        ):
            await _is_denied(database, statement)
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["cloister_web", "cloister_work", "cloister_door"])
async def test_a_process_finds_out_who_somebody_is_without_the_hash(
    appliance_database: Migrated, role: str
) -> None:
    web, database = appliance_database.database("cloister_web"), appliance_database.database(role)
    login = f"{uuid.uuid4().hex}@example.org"
    try:
        async with web.transaction() as session:
            account = await create_account(
                session, login=login, name="Rep", roles=[Role.REP], password="correct horse battery"
            )
            token = await issue_api_token(session, str(account.id), label="test")
        async with database.transaction() as session:
            assert (await principal_of_account(session, login=login)).login == login
            if role != "cloister_work":
                found = await principal_of_api_token(session, token.secret)
                assert found is not None
                assert found.login == login
        assert await sign_in(web, login, "correct horse battery", AccountSettings())
    finally:
        await web.close()
        await database.close()


async def _is_denied(database: Database, statement: str) -> None:
    async with database.engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(statement))
