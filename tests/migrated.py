"""A database as the migrations make it, with one role a process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from assistant.migrations import PROCESS_ROLES, bootstrap, upgrade
from assistant.migrations.bootstrap import OWNER
from gateway import Database, DatabaseSettings

PASSWORD = "test-password"


@dataclass(frozen=True)
class Migrated:
    """An upgraded database."""

    superuser_dsn: str
    folder: Path

    def settings(self, role: str) -> DatabaseSettings:
        """What a process with one of the process roles is told."""
        url = make_url(self.superuser_dsn)
        file = self.folder / "password"
        file.write_text(PASSWORD)
        return DatabaseSettings(
            host=url.host or "",
            port=url.port or 0,
            name=url.database or "",
            user=role,
            password_file=file,
            pool_size=4,
        )

    def database(self, role: str) -> Database:
        """Sessions as one of the process roles."""
        return Database(self.settings(role))


def migrated(new_database: Callable[[], str], folder: Path) -> Migrated:
    """Make the roles, upgrade a fresh database and give it."""
    dsn = new_database()
    url = make_url(dsn)
    bootstrap(dsn, str(url.database), dict.fromkeys((OWNER, *PROCESS_ROLES), PASSWORD))
    owner = url.set(username=OWNER, password=PASSWORD).render_as_string(hide_password=False)
    superuser_gives_schema_rights(dsn)
    upgrade(owner)
    return Migrated(dsn, folder)


def superuser_gives_schema_rights(dsn: str) -> None:
    """The test's database belongs to the superuser; the owner of a real one may create schemas."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(dsn, autocommit=True) as connection:
        name = sql.Identifier(str(make_url(dsn).database))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(OWNER)))
