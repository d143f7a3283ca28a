"""A real door over a real PostgreSQL, with a scripted model server behind it."""

import base64
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import SQLModel

from assistant.appliance.postgres import PostgresCluster
from gateway import (
    SCHEMAS,
    Database,
    DatabaseSettings,
    DeploymentSettings,
    DoorClient,
    DoorSettings,
    Envelope,
    KeeperSettings,
    ListenSettings,
    Principal,
    PublishedIdentity,
    RevealGrant,
    Role,
    Tokens,
    TrustSettings,
    create_account,
    create_door_app,
    create_http_client,
    issue_api_token,
    make_signing_key,
    open_keeper,
    publish_identities,
)
from redaction import EntityType
from tests.migrated import Migrated, migrated

from .server import ModelServer, serving

ANNA = "Anna Weidenbach"
ANNA_MAIL = "a.weidenbach@nordlicht.example"
BORIS = "Boris Tannhauser"
COMPANY = "Nordlicht Optik GmbH"
KNOWN = (
    PublishedIdentity(ANNA, EntityType.PERSON, "contact:1", "name"),
    PublishedIdentity(ANNA_MAIL, EntityType.EMAIL, "contact:1", "email"),
    PublishedIdentity("+49 30 5550192", EntityType.PHONE, "contact:1", "phone"),
    PublishedIdentity(BORIS, EntityType.PERSON, "contact:2", "name"),
    PublishedIdentity(COMPANY, EntityType.ORGANIZATION, "account:1", "name"),
    PublishedIdentity("+49 30 5550100", EntityType.PHONE, "account:1", "phone"),
    PublishedIdentity("+49 30 5550100", EntityType.PHONE, "contact:2", "phone"),
)


def database_settings(dsn: str, folder: Path) -> DatabaseSettings:
    url = make_url(dsn)
    password = folder / "database-password"
    password.write_text(url.password or "none")
    return DatabaseSettings(
        host=url.host or "127.0.0.1",
        port=url.port or 5432,
        name=url.database or "",
        user=url.username or "",
        password_file=password,
    )


async def create_tables(database: Database) -> None:
    async with database.engine.begin() as connection:
        for schema in SCHEMAS:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        tables = [table for table in SQLModel.metadata.sorted_tables if table.schema == "gateway"]
        await connection.run_sync(SQLModel.metadata.create_all, tables=tables)


@dataclass
class Site:
    """Everything around one door."""

    address: str
    settings: DoorSettings
    database: Database
    envelope: Envelope
    model: ModelServer
    embedder: ModelServer
    tokens: dict[str, Tokens]
    http: httpx.AsyncClient

    @property
    def client(self) -> DoorClient:
        return DoorClient(self.http, self.tokens["work"])

    def grant(
        self, principal: Principal, conversation: uuid.UUID, fields: dict[str, list[str]], **more: int
    ) -> str:
        grant = RevealGrant(principal.id, str(conversation), fields, **more)  # type: ignore[arg-type]
        return self.tokens["retrieval"].reveal_grant(grant)

    def headers(self, principal: Principal) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['work'].for_principal(principal, 'door')}"}


def principal(*roles: Role) -> Principal:
    return Principal(str(uuid.uuid4()), "rep@example.test", frozenset(roles or (Role.REP,)), "Rep")


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrustSettings]:
    """A signing key for each issuer; everybody trusts everybody but `stranger`."""
    folder = tmp_path_factory.mktemp("keys")
    names = ("web", "work", "retrieval", "door", "stranger")
    for name in names:
        make_signing_key(folder / f"{name}.jwk", folder / f"{name}.pub")
    trusted = {name: folder / f"{name}.pub" for name in names if name != "stranger"}
    return {
        name: TrustSettings(issuer=name, key_file=folder / f"{name}.jwk", trusted=trusted) for name in names
    }


@pytest.fixture(scope="session")
async def site(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, trust: dict[str, TrustSettings]
) -> AsyncIterator[Site]:
    """One door for the session; a test uses its own conversation and principal."""
    folder = tmp_path_factory.mktemp("door")
    keyring = folder / "keyring"
    keyring.write_text(base64.b64encode(os.urandom(32)).decode())
    keeper = KeeperSettings(keyring_file=keyring)
    settings = database_settings(new_database(), folder)
    database = Database(settings)
    await create_tables(database)
    envelope = Envelope(open_keeper(keeper))
    async with database.transaction() as session:
        await publish_identities(session, envelope, KNOWN)
    model, embedder = ModelServer(), ModelServer()
    async with serving(model.app()) as model_url, serving(embedder.app()) as embedder_url:
        door = DoorSettings(
            listen=ListenSettings(port=1),
            database=settings,
            trust=trust["door"],
            keeper=keeper,
            models=[DeploymentSettings(name="one", url=model_url, served_name="smol", context_tokens=8192)],
            embeddings=[DeploymentSettings(name="minilm", url=embedder_url, model="embedding")],
        )
        async with (
            serving(create_door_app(door)) as address,
            create_http_client(address, read_timeout=30) as http,
        ):
            await until_ready(http)
            tokens = {name: Tokens(each) for name, each in trust.items()}
            yield Site(address, door, database, envelope, model, embedder, tokens, http)
    await database.close()


@pytest.fixture(scope="session")
def first_copy(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """A database as the migrations make it, to be copied."""
    return migrated(new_database, tmp_path_factory.mktemp("first"))


@pytest.fixture
def copied(first_copy: Migrated, postgres_cluster: PostgresCluster, tmp_path: Path) -> Iterator[Migrated]:
    """A migrated database of this test's own: copying one is much quicker than making one."""
    name = f"copy_{uuid.uuid4().hex[:12]}"
    template = str(make_url(first_copy.superuser_dsn).database)
    with psycopg.connect(postgres_cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield Migrated(postgres_cluster.dsn(name), tmp_path)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def until_ready(http: httpx.AsyncClient) -> None:
    import asyncio

    for _ in range(600):
        # what loads may stand still for longer than the server keeps an idle connection
        with contextlib.suppress(httpx.ReadError):
            if (await http.get("/readyz")).status_code == 200:
                return
        await asyncio.sleep(0.1)
    raise AssertionError((await http.get("/readyz")).text)


@pytest.fixture
def fresh(site: Site) -> Site:
    """The door with a model server that has received nothing yet."""
    for server in (site.model, site.embedder):
        server.received.clear()
        server.status = 200
        server.hung_up.clear()
    return site


@pytest.fixture
async def api_token(site: Site) -> str:
    """The API token of a rep's account."""
    async with site.database.transaction() as session:
        login = f"{uuid.uuid4().hex}@example.test"
        account = await create_account(session, login=login, name="Rep", roles=[Role.REP], password=None)
        return (await issue_api_token(session, str(account.id), label="test")).secret
