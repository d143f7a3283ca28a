"""The process `cloister retrieval`: owns the index, follows the CRM, answers questions."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, TypedDict

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from gateway import (
    CallingPrincipal,
    CloisterError,
    Conflict,
    CorrelationMiddleware,
    Database,
    DoorClient,
    Envelope,
    NotAllowed,
    PartUnavailable,
    SettingsError,
    Tokens,
    UpstreamFailed,
    create_http_client,
    install_error_handlers,
    metrics,
    open_keeper,
    problem,
)
from retrieval.crm import AmbiguousUser, CrmError, CrmMap, CrmUnavailable, MapInvalid, load_map
from retrieval.index import (
    EdgeStore,
    Embedder,
    Generations,
    Recipe,
    ServerStore,
    Terms,
    tend,
)
from retrieval.index.api import router as index_router
from retrieval.index.keeping import Keeping
from retrieval.pieces import CUT
from retrieval.records import Records
from retrieval.search.api import router
from retrieval.search.events import register_retrieval_events
from retrieval.search.explain import Explainer, lines_of
from retrieval.search.grants import Granter
from retrieval.search.service import Searcher
from retrieval.search.without_crm import WithoutCrm
from retrieval.searching import SearchingState, searcher_ready, start_searching
from retrieval.searching import router as searching_router
from retrieval.settings import IndexSettings, RetrievalSettings
from retrieval.starting import open_records, reranks_of, run_beside
from retrieval.sync import (
    Builder,
    DecodingFeed,
    Filler,
    Follower,
    Mirror,
    OpenTexts,
    Passes,
    Pulse,
    QuestionsFirst,
    Rebuilder,
    Roster,
    Verifier,
    Writer,
    keep_collections_short,
)
from retrieval.sync.api import router as sync_router

AUDIENCE: Final = "retrieval"
_HASH_PURPOSE: Final = "record index"
_PATIENCE_S: Final = 15.0  # the process before this one may still be ending
_SWITCH_S: Final = 0.0005  # after so long a thread of the sync lets a question go on; 5 ms add up


class State(TypedDict):
    """What a request finds in `request.state`."""

    database: Database
    tokens: Tokens
    audience: str
    records: Records
    index: Generations
    searcher: Searcher
    granter: Granter
    explainer: Explainer
    writer: Writer
    follower: Follower
    filler: Filler
    first: QuestionsFirst
    passes: Passes
    verifier: Verifier
    rebuilder: Rebuilder
    keeping: Keeping


def create_retrieval_app(settings: RetrievalSettings, embedder: Embedder | None = None) -> FastAPI:
    """The process. Raises `SettingsError` when the CRM map cannot be used; the rest is found at start.

    Without an `embedder` vectors are made by way of the door.
    It starts while the CRM, the door or the database do not answer, and recovers when they do.
    """
    crm_map = _map(settings.crm.map_file)
    register_retrieval_events()
    searches = settings.role == "searcher"

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State | SearchingState]:
        async with AsyncExitStack() as stack:
            if searches:
                yield await start_searching(settings, crm_map, embedder, AUDIENCE, stack)
            else:
                yield await _start(settings, crm_map, embedder, stack)

    app = FastAPI(
        title="Cloister retrieval", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_middleware(CorrelationMiddleware, process="retrieval")
    install_error_handlers(app)
    app.add_exception_handler(CrmError, _render_crm_error)
    app.include_router(router)
    if searches:
        app.include_router(searching_router)
    else:
        for face in (sync_router, index_router):
            app.include_router(face, dependencies=[Depends(_writing)])
    app.add_api_route("/healthz", _alive, methods=["GET"])
    app.add_api_route("/readyz", searcher_ready if searches else _ready, methods=["GET"])
    app.add_route("/metrics", metrics, methods=["GET"])
    return app


async def _start(
    settings: RetrievalSettings, crm_map: CrmMap, embedder: Embedder | None, stack: AsyncExitStack
) -> State:
    stack.callback(sys.setswitchinterval, sys.getswitchinterval())
    sys.setswitchinterval(_SWITCH_S)
    tokens = Tokens(settings.trust)
    database = Database(settings.database)
    stack.push_async_callback(database.close)
    envelope = Envelope(open_keeper(settings.keeper))
    writer = Writer(database)
    stack.push_async_callback(writer.release)
    if settings.index.server:
        await writer.take(_PATIENCE_S)  # before anything is made or dropped on the server
    generations = await _open_index(settings.index, stack)
    if settings.index.server is None:  # a folder has a lock of its own
        await writer.take(_PATIENCE_S, or_later=True)
    records = await open_records(crm_map, settings.crm, settings.crm.timeout_s, stack)
    asked = await open_records(crm_map, settings.crm, settings.crm.question_timeout_s, stack)
    door: DoorClient | None = None
    if embedder is None:
        http = create_http_client(settings.door.url, tls=settings.door.tls)
        stack.push_async_callback(http.aclose)
        embedder = door = DoorClient(http, tokens)

    terms, roster, mirror = Terms(), Roster(), Mirror(generations.serving.index)
    builder = Builder(crm_map, roster, terms, await envelope.hash_key(_HASH_PURPOSE))
    copies, first = OpenTexts(crm_map, roster, database), QuestionsFirst()
    passes = Passes(
        records, mirror, roster, builder, database, envelope, settings.sync.page_rows, first, copies=copies
    )
    decoding = _decoding(settings, crm_map, database, builder, generations.serving.generation.name)
    pulse = Pulse(asked)
    follower = Follower(records, mirror, passes, database, settings.sync, pulse, decoding)
    makes_vectors = embedder

    def filler_for(line: Mirror) -> Filler:
        return Filler(
            records,
            line,
            builder,
            makes_vectors,
            settings.sync.embed_batch,
            follower.look_again,
            door,
            parking=passes.parking,
            first=first,
            vectors_for=generations.vectors_for,
        )

    filler = filler_for(mirror)
    fills = settings.sync.fill_vectors
    rebuilder = Rebuilder(generations, mirror, passes, passes.kinds, filler_for if fills else None)
    verifier = Verifier(records, mirror, passes, filler, 2 * settings.sync.poll_s + 2.5)
    run_beside(stack, writer.hold(), "writer")
    run_beside(stack, pulse.run(), "pulse")
    run_beside(stack, keep_collections_short(first), "heap")
    run_beside(stack, writer.while_held(follower.run), "sync")
    if fills:
        run_beside(stack, writer.while_held(lambda: filler.run(follower.caught_up)), "vectors")
    run_beside(stack, writer.while_held(lambda: rebuilder.run(follower.caught_up)), "rebuild")
    stack.push_async_callback(verifier.stop)
    run_beside(stack, writer.while_held(lambda: _then(verifier.stop)), "verify")
    keeping = Keeping(generations, settings.index.folder / "backups", rebuilder.ask)
    stack.push_async_callback(keeping.stop)
    return State(
        database=database,
        tokens=tokens,
        audience=AUDIENCE,
        records=asked,
        index=generations,
        searcher=Searcher(
            asked,
            generations,
            terms,
            embedder,
            lambda: follower.stale,
            WithoutCrm(generations, copies),
            reranks_of(settings.index, door),
            lambda: filler.few_wait,
        ),
        granter=Granter(asked, tokens),
        explainer=Explainer(asked, generations, lines_of(settings.crm.map_file)),
        writer=writer,
        follower=follower,
        filler=filler,
        first=first,
        passes=passes,
        verifier=verifier,
        rebuilder=rebuilder,
        keeping=keeping,
    )


def _decoding(
    settings: RetrievalSettings, crm_map: CrmMap, database: Database, builder: Builder, generation: str
) -> DecodingFeed | None:
    """The CRM's log, through a slot that no other appliance has."""
    if settings.sync.follow == "poll" or settings.crm.database != "postgresql":
        return None
    slot = f"cloister_{builder.digest('replication slot')[:12]}"
    shape = f"{Builder.RULES} {generation}"
    return DecodingFeed(
        crm_map, settings.crm, database, publication=settings.sync.publication, slot=slot, shape=shape
    )


async def _then(end: Callable[[], Awaitable[None]]) -> None:
    """Do nothing until cancelled, and then this."""
    try:
        await asyncio.Event().wait()
    finally:
        await end()


async def _open_index(settings: IndexSettings, stack: AsyncExitStack) -> Generations:
    store = ServerStore(settings.server) if settings.server else EdgeStore(settings.folder)
    generations = Generations(store, Recipe.of(settings.model, settings.dimensions, CUT))
    await generations.open()
    stack.push_async_callback(generations.close)
    run_beside(stack, tend(generations), "tending")
    return generations


def _map(path: Path) -> CrmMap:
    try:
        return load_map(path)
    except MapInvalid as error:
        raise SettingsError(str(error)) from error


async def _writing(_principal: CallingPrincipal, request: Request) -> None:
    """Refuse what would change anything, while this process may not write the index."""
    writer: Writer = request.state.writer
    if request.method != "GET" and writer.missing:
        raise Conflict(writer.missing)


async def _alive() -> dict[str, bool]:
    """Say that the process runs."""
    return {"alive": True}


async def _ready(request: Request) -> dict[str, bool]:
    """Say whether questions can be answered, or which part is missing."""
    writer: Writer = request.state.writer
    follower: Follower = request.state.follower
    if writer.missing:
        raise PartUnavailable("record index", writer.missing)
    if follower.missing and not (follower.missing == "record index" and follower.ready):
        raise PartUnavailable(follower.missing, _why(follower.missing))
    if not follower.ready:
        raise PartUnavailable("record index", _why("record index"))
    return {"ready": True}


def _why(part: str) -> str:
    if part == "record index":
        return "The index is being filled from the CRM; search is ready in a moment."
    return f"The {part} does not answer; search is ready when it does."


async def _render_crm_error(_request: Request, error: Exception) -> Response:
    translated = _translated(error)
    headers = {"Retry-After": "5"} if translated.retry else None
    return JSONResponse(
        problem(translated), translated.status, headers, media_type="application/problem+json"
    )


def _translated(error: Exception) -> CloisterError:
    if isinstance(error, CrmUnavailable):
        return PartUnavailable(
            "CRM database", "The CRM does not answer. Nothing was lost; try again in a moment."
        )
    if isinstance(error, AmbiguousUser):
        return NotAllowed(str(error))
    return UpstreamFailed(
        "The CRM refused a statement; its administrator finds why in the log.", part="CRM database"
    )
