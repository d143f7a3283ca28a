"""The read-only role of the CRM database: it may SELECT mapped columns, and nothing else."""

from __future__ import annotations

from typing import Any

from retrieval.crm.database import Connection, connect, sql, table_name
from retrieval.crm.map import CrmMap
from retrieval.crm.users import columns_read

READER = "cloister_reader"


def create_crm_roles(
    dsn_owner: str, reader_password: str, crm_map: CrmMap, *, reader: str = READER
) -> dict[str, tuple[str, ...]]:
    """Create or renew the role ``reader`` with SELECT on exactly what ``crm_map`` reads.

    Returns table → columns. ``dsn_owner`` must own the tables and may create roles. Rights on tables of the
    same schemas that the role had before and the map no longer needs are taken away.
    """
    granted = columns_of(crm_map)
    with connect(dsn_owner) as connection:
        _renew_role(connection, reader, reader_password)
        role = sql.Identifier(reader)
        for schema in {table.split(".")[0] if "." in table else "public" for table in granted}:
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))
            connection.execute(
                sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(sql.Identifier(schema), role)
            )
        for table, columns in granted.items():
            connection.execute(
                sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(
                    sql.SQL(", ").join(map(sql.Identifier, columns)), table_name(table), role
                )
            )
    return granted


def columns_of(crm_map: CrmMap) -> dict[str, tuple[str, ...]]:
    """Table → every column that the map reads, sorted."""
    found: dict[str, set[str]] = {}
    for entity in crm_map.entities.values():
        found.setdefault(entity.table, set()).update(entity.read_columns)
        for followed in entity.follows:
            found.setdefault(followed.table, set()).update(followed.read_columns)
    for table, column in columns_read(crm_map):
        found.setdefault(table, set()).add(column)
    return {table: tuple(sorted(columns)) for table, columns in sorted(found.items())}


def _renew_role(connection: Connection[Any], reader: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [reader]).fetchone()
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    verifier = connection.pgconn.encrypt_password(
        password.encode(), reader.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL(
            "{} {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS PASSWORD {}"
        ).format(verb, sql.Identifier(reader), sql.Literal(verifier))
    )
    connection.execute(
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(sql.Identifier(reader))
    )
