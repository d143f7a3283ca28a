"""Retrieval, door and web on real sockets over a small demo company; the model servers are scripted."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse

from approvals import load_policy
from assistant.answer import AnsweringSettings, AnswerPipeline, Asked, EventKind, Hold, Step
from assistant.composition import register_all_events
from assistant.runs.api import redact_question
from assistant.settings import WebSettings
from assistant.web import create_web_app
from gateway import (
    Database,
    DeploymentSettings,
    DoorClient,
    DoorSettings,
    ListenSettings,
    PeerSettings,
    Principal,
    Role,
    Tokens,
    TrustSettings,
    create_account,
    create_door_app,
    create_http_client,
    issue_api_token,
    load_settings,
    make_signing_key,
)
from gateway.door.settings import NamesSettings
from retrieval import HashedWords, RetrievalClient, RetrievalSettings, SyncSettings, seed_demo_company
from retrieval.app import create_retrieval_app
from retrieval.index.embedding import Purpose
from tests.gateway.conftest import until_ready
from tests.gateway.server import ModelServer, serving
from tests.migrated import Migrated, migrated
from tests.retrieval.conftest import FEW
from tests.retrieval.stand import Stand

_ISSUERS = ("web", "work", "retrieval", "door", "cli")


class WordVectors(ModelServer):
    """Vectors of hashed words, as long as the index wants them."""

    async def _embeddings(self, request: Request) -> JSONResponse:
        self.received.append(await request.body())
        vectors = await HashedWords().embed(NOBODY, self.bodies[-1]["input"], "query")
        rows = [{"index": number, "embedding": vector} for number, vector in enumerate(vectors)]
        return JSONResponse({"object": "list", "data": rows, "model": "m"})


_WINDOW = 16_000
NOBODY = Principal("nobody", "nobody", frozenset())


class QuestionsByDoor(HashedWords):
    """Questions are embedded by way of the door, as in production, the texts of the index here."""

    def __init__(self, door: DoorClient) -> None:
        super().__init__()
        self._door = door

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        if purpose == "query":
            return await self._door.embed(principal, texts, purpose)
        return await super().embed(principal, texts, purpose)


@dataclass
class House:
    """A running appliance without its language model, and what that would have read."""

    folder: Path
    stand: Stand
    appliance: Migrated
    model: ModelServer
    embedder: ModelServer
    url: str
    door: DoorClient
    retrieval: RetrievalClient
    database: Database
    pipeline: AnswerPipeline = field(init=False)

    def __post_init__(self) -> None:
        settings = AnsweringSettings(window=_WINDOW, quoting=False)
        self.pipeline = AnswerPipeline(self.door, self.retrieval, load_policy().by_words, settings)

    async def account(self, login: str, *roles: Role) -> tuple[Principal, str]:
        """An account, and an API token of its own."""
        async with self.database.transaction() as session:
            made = await create_account(
                session, login=login, name=login, roles=roles or (Role.REP,), password=None
            )
            token = await issue_api_token(session, str(made.id), label="test", days=1)
        roles_held = frozenset(roles or (Role.REP,))
        return Principal(str(made.id), made.login, roles_held, made.name), token.secret

    def client(self, token: str, **headers: str) -> httpx.AsyncClient:
        """An HTTP client of the web process."""
        headers = {"Authorization": f"Bearer {token}", **headers}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    async def ask(self, person: Principal, text: str, scope: str | None = None) -> list[Step | Hold]:
        """A question through filter, search, redaction, prompt and checks; what comes of it."""
        conversation = uuid.uuid4()
        question = await redact_question(self.door, person, conversation, text)
        if question.outcome == "denied":
            return [Step(EventKind.REFUSED, {"sentence": question.sentence})]
        asked = Asked(uuid.uuid4(), conversation, person, question.text, question.tokens, scope)
        return [step async for step in self.pipeline.answer(asked)]

    async def recorded(self, event: str) -> list[Any]:
        """What the record holds of an event: (actor, detail), in order."""
        return self.stand.appliance(
            "SELECT actor, detail FROM gateway.audit_event WHERE event = %s ORDER BY at", event
        )


@asynccontextmanager
async def house(
    new_database: Callable[[], str],
    folder: Path,
    *,
    few: str = FEW,
    sync: SyncSettings | None = None,
    calls_per_minute: int = 120,
) -> AsyncIterator[House]:
    """Start it; ended at the end of the block."""
    appliance = migrated(new_database, folder)
    crm = new_database()
    seed_demo_company(crm)
    with psycopg.connect(crm, autocommit=True) as connection:
        connection.execute(few)
    state = folder / "state"
    for name in ("etc", "secrets"):
        (state / name).mkdir(parents=True)
    made = Stand.make(folder, appliance.superuser_dsn, crm, sync=sync)
    for name in _ISSUERS:
        if not (folder / f"{name}.pub").exists():
            make_signing_key(folder / f"{name}.key", folder / f"{name}.pub")
    (state / "secrets" / "sign-cli.jwk").write_text((folder / "cli.key").read_text())
    trusted = {name: folder / f"{name}.pub" for name in _ISSUERS}

    def trust(name: str) -> TrustSettings:
        return TrustSettings(issuer=name, key_file=folder / f"{name}.key", trusted=trusted)

    register_all_events()
    async with AsyncExitStack() as stack:
        model, embedder = ModelServer(), WordVectors()
        models = [await stack.enter_async_context(serving(one.app())) for one in (model, embedder)]
        door_settings = DoorSettings(
            listen=ListenSettings(port=1),
            database=appliance.settings("cloister_door"),
            trust=trust("door"),
            keeper=made.settings.keeper,
            names=NamesSettings(workers=1),
            models=[DeploymentSettings(name="model", url=models[0], revision="r1", context_tokens=_WINDOW)],
            embeddings=[DeploymentSettings(name="words", url=models[1], model="embedding")],
        )
        door = await stack.enter_async_context(serving(create_door_app(door_settings)))
        update = {
            "trust": trust("retrieval"),
            "database": appliance.settings("cloister_retrieval"),
            "door": PeerSettings(url=door),
        }
        settings = RetrievalSettings.model_validate({**dict(made.settings), **update})
        stand = Stand(made.folder, settings, made.crm_dsn, made.appliance_dsn, made.web)
        asks = await stack.enter_async_context(create_http_client(door, timeout=60))
        embeds = QuestionsByDoor(DoorClient(asks, Tokens(settings.trust)))
        retrieval = await stack.enter_async_context(serving(create_retrieval_app(settings, embeds)))
        web_settings = {
            "listen": {"port": 1},
            "database": appliance.settings("cloister_web").model_dump(mode="json"),
            "trust": trust("web").model_dump(mode="json"),
            "door": {"url": door},
            "retrieval": {"url": retrieval},
            "anchors": {"folder": str(folder), "public_key_file": str(folder / "web.pub")},
            "state_folder": str(state),
            "programs": {"calls_per_minute": calls_per_minute},
        }
        (state / "etc" / "web.yaml").write_text(yaml.safe_dump(web_settings))
        web = load_settings(state / "etc" / "web.yaml", WebSettings)
        url = await stack.enter_async_context(serving(create_web_app(web)))
        cli = {"url": url, "demo_secret_file": None, "admin": None, "auditor": None}
        (state / "etc" / "cli.yaml").write_text(yaml.safe_dump(cli))
        tokens = Tokens(trust("work"))
        http = [
            await stack.enter_async_context(create_http_client(address, timeout=60))
            for address in (door, retrieval)
        ]
        for client in http:
            await until_ready(client)
        database = appliance.database("cloister_web")
        stack.push_async_callback(database.close)
        yield House(
            state,
            stand,
            appliance,
            model,
            embedder,
            url,
            DoorClient(http[0], tokens),
            RetrievalClient(http[1], tokens),
            database,
        )


async def in_thread(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A command beside the processes that it talks to."""
    return await asyncio.to_thread(call, *arguments, **options)
