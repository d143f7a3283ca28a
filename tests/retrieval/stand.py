"""A retrieval process on real databases, for tests and for measuring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import create_engine
from sqlmodel import SQLModel
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import (
    SCHEMAS,
    DatabaseSettings,
    KeeperSettings,
    ListenSettings,
    LocalKeyring,
    PeerSettings,
    Principal,
    Role,
    Tokens,
    TrustSettings,
    make_signing_key,
)
from retrieval import (
    CrmSettings,
    Embedder,
    HashedWords,
    IndexSettings,
    RetrievalClient,
    RetrievalSettings,
    SyncSettings,
    create_crm_roles,
    create_retrieval_app,
    let_follow,
    load_map,
)
from retrieval.app import State
from retrieval.index import EdgeStore, Generations, Index, Recipe
from retrieval.pieces import CUT
from retrieval.sync import Follower

DEMO_MAP = Path(__file__).parents[2] / "retrieval" / "maps" / "demo.yaml"
READER_PASSWORD = "only for reading"


def principal(login: str, *roles: Role) -> Principal:
    """Somebody who is signed in."""
    return Principal(f"id-of-{login}", login, frozenset(roles or {Role.REP}), login)


ADMIN = principal("machines@example.org", Role.ADMIN)


def create_appliance_schemas(dsn: str) -> None:
    """Schemas and tables of the appliance's database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in SCHEMAS:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
    engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    SQLModel.metadata.create_all(engine)
    engine.dispose()


@dataclass(frozen=True)
class Stand:
    """Settings of one retrieval process and the databases behind it."""

    folder: Path
    settings: RetrievalSettings
    crm_dsn: str
    appliance_dsn: str
    web: Tokens

    @classmethod
    def make(
        cls,
        folder: Path,
        appliance_dsn: str,
        crm_dsn: str,
        *,
        crm_map: Path = DEMO_MAP,
        sync: SyncSettings | None = None,
    ) -> "Stand":
        """Prepare both databases, keys and settings; the CRM's tables must be there."""
        folder.mkdir(parents=True, exist_ok=True)
        create_appliance_schemas(appliance_dsn)
        reader = f"reader_{conninfo_to_dict(crm_dsn)['dbname']}"
        create_crm_roles(crm_dsn, READER_PASSWORD, load_map(crm_map), reader=reader)
        let_follow(crm_dsn, load_map(crm_map), reader=reader)
        LocalKeyring.create(folder / "keyring")
        for name in ("retrieval", "web"):
            make_signing_key(folder / f"{name}.key", folder / f"{name}.pub")
        (folder / "crm.password").write_text(READER_PASSWORD)
        appliance = conninfo_to_dict(appliance_dsn)
        (folder / "appliance.password").write_text(str(appliance["password"]))
        crm = conninfo_to_dict(crm_dsn)
        trusted = {name: folder / f"{name}.pub" for name in ("retrieval", "web")}
        settings = RetrievalSettings(
            listen=ListenSettings(port=1),
            database=DatabaseSettings(
                host=str(appliance["host"]),
                port=int(str(appliance["port"])),
                name=str(appliance["dbname"]),
                user=str(appliance["user"]),
                password_file=folder / "appliance.password",
            ),
            trust=TrustSettings(issuer="retrieval", key_file=folder / "retrieval.key", trusted=trusted),
            keeper=KeeperSettings(keyring_file=folder / "keyring"),
            door=PeerSettings(url="http://127.0.0.1:9"),
            crm=CrmSettings(
                map_file=crm_map,
                host=str(crm["host"]),
                port=int(str(crm["port"])),
                name=str(crm["dbname"]),
                user=reader,
                password_file=folder / "crm.password",
                timeout_s=5,
            ),
            index=IndexSettings(folder=folder / "index"),
            sync=sync or SyncSettings(poll_s=0.05, sweep_s=0.2),
        )
        web = Tokens(TrustSettings(issuer="web", key_file=folder / "web.key", trusted=trusted))
        return cls(folder, settings, crm_dsn, appliance_dsn, web)

    @asynccontextmanager
    async def running(self, embedder: Embedder | None = None) -> AsyncIterator["Running"]:
        """The process, started in this one; ended at the end of the block."""
        app = create_retrieval_app(self.settings, embedder or HashedWords())
        async with app.router.lifespan_context(app) as state:
            assert state is not None
            transport = httpx.ASGITransport(_WithState(app, dict(state)), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://retrieval") as http:
                yield Running(self, cast(State, state), http, RetrievalClient(http, self.web))

    @asynccontextmanager
    async def index(self) -> AsyncIterator[Index]:
        """What a stopped process left in its index."""
        kept = self.settings.index
        generations = Generations(EdgeStore(kept.folder), Recipe.of(kept.model, kept.dimensions, CUT))
        await generations.open()
        try:
            yield generations.serving.index
        finally:
            await generations.close()

    def crm(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run a statement in the CRM as its owner."""
        with psycopg.connect(self.crm_dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def appliance(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run a statement in the appliance's database."""
        with psycopg.connect(self.appliance_dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Running:
    """A started process."""

    stand: Stand
    state: State
    http: httpx.AsyncClient
    client: RetrievalClient

    @property
    def follower(self) -> Follower:
        return self.state["follower"]

    async def caught_up(self) -> None:
        """Wait for the first whole comparison."""
        await self.follower.caught_up.wait()

    async def vectors_filled(self) -> None:
        """Wait until nothing waits for a vector."""
        await self.state["filler"].idle.wait()


class _WithState:
    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": dict(self._state)}, receive, send)


def dsn_of(dsn: str, database: str) -> str:
    """The same server, another database."""
    return make_conninfo(dsn, dbname=database)
