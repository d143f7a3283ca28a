"""Bring a database to the newest revision, and read which one it has."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, make_url

from .grants import apply_grants

_VERSION_SCHEMA = "assistant"


def upgrade(dsn: str) -> str:
    """Upgrade with the owner's `dsn` (`postgresql://…`), apply rights, give the revision; one transaction."""
    config = _config()
    engine = create_engine(_url(dsn))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            apply_grants(connection)
    finally:
        engine.dispose()
    head = ScriptDirectory.from_config(config).get_current_head()
    return str(head)


def current_revision(dsn: str) -> tuple[str | None, str | None]:
    """The database's revision and the newest there is."""
    engine = create_engine(_url(dsn))
    try:
        with engine.connect() as connection:
            options = {"version_table_schema": _VERSION_SCHEMA}
            current = MigrationContext.configure(connection, opts=options).get_current_revision()
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("version_locations", str(Path(__file__).parent / "versions"))
    config.set_main_option("path_separator", "os")
    return config


def _url(dsn: str) -> URL:
    return make_url(dsn).set(drivername="postgresql+psycopg")
