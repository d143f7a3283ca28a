"""An appliance's web process and its state folder, for commands of the machine's owner and for browsers."""

import asyncio
import functools
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from sqlalchemy import make_url
from sqlmodel import col, select

from assistant.appliance import free_port
from assistant.composition import register_all_events
from assistant.settings import WebSettings
from assistant.web import create_web_app
from gateway import (
    Account,
    AuditRow,
    Database,
    Role,
    create_account,
    hash_password,
    load_settings,
    make_signing_key,
)
from tests.assistant.commands import cloister
from tests.gateway.server import serving
from tests.migrated import PASSWORD as ROLE_PASSWORD
from tests.migrated import Migrated

PASSWORD = "correct horse battery"


@dataclass
class Stand:
    """The web process on a real socket, and the state folder that commands find it by."""

    folder: Path
    url: str
    database: Database

    async def cloister(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command, in a thread beside the web process that it may talk to."""
        return await asyncio.to_thread(cloister, *arguments, "--data", str(self.folder), stdin=stdin)

    async def account(self, *roles: Role, login: str = "") -> str:
        """Somebody new."""
        login = login or f"{uuid.uuid4().hex[:12]}@example.org"
        async with self.database.transaction() as session:
            account = await create_account(
                session, login=login, name="Alice", roles=roles or (Role.REP,), password=None
            )
            account.password_hash = _hashed()  # hashing is slow on purpose, and the password is the same
        return login

    async def events(self, login: str) -> list[AuditRow]:
        """What the record holds of an account, as its subject or its actor."""
        async with self.database.transaction() as session:
            account = (await session.exec(select(Account).where(Account.login == login))).one()
            ours = (AuditRow.subject == str(account.id)) | (AuditRow.actor == str(account.id))
            found = await session.exec(select(AuditRow).where(ours).order_by(col(AuditRow.at)))
            return list(found.all())


@functools.cache
def _hashed() -> str:
    return hash_password(PASSWORD)


@asynccontextmanager
async def standing(migrated: Migrated, database: Database, folder: Path) -> AsyncIterator[Stand]:
    """The web process on a migrated database, found by a state folder; `database` has the rights of web."""
    register_all_events()
    (folder / "etc").mkdir()
    (folder / "password").write_text(ROLE_PASSWORD)
    make_signing_key(folder / "web.jwk", folder / "web.pub")
    url = make_url(migrated.superuser_dsn)
    settings = {
        "listen": {"port": free_port()},
        "database": {
            "host": url.host,
            "port": url.port,
            "name": url.database,
            "user": "cloister_web",
            "password_file": str(folder / "password"),
        },
        "trust": {"issuer": "web", "key_file": str(folder / "web.jwk"), "trusted": {}},
        "door": {"url": "http://127.0.0.1:9"},
        "retrieval": {"url": "http://127.0.0.1:9"},
        "anchors": {"folder": str(folder), "public_key_file": str(folder / "web.pub")},
        "state_folder": str(folder),
    }
    (folder / "etc" / "web.yaml").write_text(yaml.safe_dump(settings))
    app = create_web_app(load_settings(folder / "etc" / "web.yaml", WebSettings))
    async with serving(app) as address:
        cli = {"url": address, "demo_secret_file": None, "admin": None, "auditor": None}
        (folder / "etc" / "cli.yaml").write_text(yaml.safe_dump(cli))
        yield Stand(folder, address, database)


@asynccontextmanager
async def browser(stand: Stand, login: str, password: str = PASSWORD) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has signed in, or tried to."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        await client.post("/sign-in", data={"login": login, "password": password})
        yield client
