"""Alembic's environment: the schemas, every package's tables, and the connection that `upgrade` opened."""

from alembic import context
from sqlalchemy import text
from sqlmodel import SQLModel

import approvals
import assistant.conversations
import assistant.reviews.tables
import assistant.runs.tables
import gateway
import retrieval

TABLES = (
    approvals,
    assistant.conversations,
    assistant.reviews.tables,
    assistant.runs.tables,
    gateway,
    retrieval,
)

connection = context.config.attributes["connection"]
for schema in gateway.SCHEMAS:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    include_schemas=True,
    include_name=lambda name, kind, _parents: (
        kind != "schema" or (name in gateway.SCHEMAS and name != "jobs")
    ),
    version_table_schema="assistant",
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
