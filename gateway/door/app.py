"""The door's application: its parts, their order of starting and stopping, and its health."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from fastapi import FastAPI, Request

from gateway.database import Database
from gateway.errors import PartUnavailable
from gateway.filter import load_rules
from gateway.identities import GazetteerFeed
from gateway.keys import Envelope, open_keeper
from gateway.principal import Tokens
from gateway.settings import SettingsError
from gateway.telemetry import CorrelationMiddleware, log, metrics
from redaction import Level, Policy, PresidioDetector, RecognizerMissing, load_recognizers, load_redactor

from . import chat, deployments, embeddings, reranking, texts, typed
from .limits import BodyLimit
from .names import NamePool
from .problems import install_door_errors
from .proving import Proving
from .redactor import PartRedactor
from .remembered import RememberedNames
from .routing import ModelRouter
from .settings import DoorSettings
from .state import Door, DoorState
from .upstream import ModelServers

AUDIENCE: Final = "door"


def create_door_app(settings: DoorSettings) -> FastAPI:
    """The process `cloister door`. Raises `SettingsError` when it starts with a missing secret."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[DoorState]:
        door = await asyncio.to_thread(_build, settings)
        following = (door.feed.follow(), door.remembered.follow(), door.proving.follow())
        background = [asyncio.create_task(each) for each in following]
        try:
            yield {"database": door.database, "tokens": door.tokens, "audience": AUDIENCE, "door": door}
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, *door.last_words, return_exceptions=True)
            await _close(door)
            gc.unfreeze()

    app = FastAPI(title="Cloister door", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    install_door_errors(app)
    app.add_middleware(BodyLimit, limit=settings.limits.body_bytes)
    app.add_middleware(CorrelationMiddleware, process="door")
    app.include_router(texts.router)
    app.include_router(typed.router)
    app.include_router(chat.router)
    app.include_router(embeddings.router)
    app.include_router(reranking.router)
    app.include_router(deployments.router)
    app.add_api_route("/healthz", _alive, methods=["GET"])
    app.add_api_route("/readyz", _ready, methods=["GET"])
    app.add_route("/metrics", metrics)
    return app


def _build(settings: DoorSettings) -> Door:
    """Load everything that takes a while: rules, patterns, LiteLLM."""
    load_rules()
    database, keeper = Database(settings.database, overflow=0), open_keeper(settings.keeper)
    envelope, feed = Envelope(keeper), GazetteerFeed(database, keeper)
    policy = Policy(settings.masking.level, guessed=settings.names.types, allowed=settings.masking.allowed)
    names = NamePool(settings.names, policy.models)
    if not names.enabled:
        log.warning(
            "names.off", meaning="people whom the CRM does not know are neither hidden nor looked for"
        )
    own = _own_detectors(settings.masking.recognizers)
    redactor = load_redactor(ner=names.enabled, ner_elsewhere=True, policy=policy, more=own)
    remembered, proving = RememberedNames(database, envelope, settings.names), Proving(feed, names, redactor)
    router = ModelRouter(settings.models, settings.breaker)
    return Door(
        settings=settings,
        database=database,
        tokens=Tokens(settings.trust),
        keeper=keeper,
        envelope=envelope,
        feed=feed,
        names=names,
        remembered=remembered,
        redactor=PartRedactor(redactor, feed, names, remembered, envelope, proving),
        proving=proving,
        router=router,
        servers=ModelServers(settings.models, router),
        embedders=ModelServers(settings.embeddings, ModelRouter(settings.embeddings, settings.breaker)),
        rerankers=ModelServers(settings.rerankers, ModelRouter(settings.rerankers, settings.breaker)),
        scanner=load_redactor(ner=False, policy=replace(policy, level=Level.DIRECT), more=own),
    )


def _own_detectors(places: Iterable[str]) -> list[PresidioDetector]:
    try:
        return [detector for place in places for detector in load_recognizers(place)]
    except RecognizerMissing as error:
        raise SettingsError(f"masking.recognizers: {error}") from error


async def _close(door: Door) -> None:
    door.names.close()
    door.redactor.close()
    await door.servers.close()
    await door.embedders.close()
    await door.rerankers.close()
    await door.database.close()


async def _alive() -> dict[str, bool]:
    """Say that the process runs."""
    return {"alive": True}


async def _ready(request: Request) -> dict[str, bool]:
    """Say whether requests can be answered, or which part is missing."""
    door: Door = request.state.door
    await door.database.ping()
    if not door.names.ready:
        raise PartUnavailable("ner", "The name detector is still loading.")
    _ = door.feed.current
    await door.keeper.hash_key("readiness")
    door.proving.require_now()
    return {"ready": True}
