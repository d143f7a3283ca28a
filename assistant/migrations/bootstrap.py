"""Once, as a superuser: the database, its owner, and one login role a process."""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import sql

OWNER: Final = "cloister_owner"
PROCESS_ROLES: Final = ("cloister_web", "cloister_work", "cloister_door", "cloister_retrieval")


def bootstrap(superuser_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Create or update roles and create the database if it is missing; safe to run again.

    `passwords` has the owner's and every process role's. Roles can log in and nothing else.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        for role in (OWNER, *PROCESS_ROLES):
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            verb = sql.SQL("ALTER ROLE" if known is not None else "CREATE ROLE")
            connection.execute(
                sql.SQL("{} {} LOGIN PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.Literal(passwords[role])
                )
            )
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if known is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(OWNER))
            )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        for role in PROCESS_ROLES:
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(role)
                )
            )
