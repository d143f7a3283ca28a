"""A process that only searches: it neither follows the CRM nor writes to the index, which its writer does."""

from contextlib import AsyncExitStack
from typing import Any, TypedDict

from fastapi import APIRouter, Request

from gateway import (
    CallingPrincipal,
    Conflict,
    Database,
    DoorClient,
    PartUnavailable,
    Tokens,
    create_http_client,
)
from retrieval.crm import CrmMap
from retrieval.index import AskedGeneration, Embedder, Recipe, ServerStore, Terms
from retrieval.pieces import CUT
from retrieval.records import Records
from retrieval.search.explain import Explainer, lines_of
from retrieval.search.grants import Granter
from retrieval.search.service import Searcher
from retrieval.search.values import SyncStatus
from retrieval.search.without_crm import WithoutCrm
from retrieval.settings import RetrievalSettings
from retrieval.starting import open_records, reranks_of, run_beside
from retrieval.sync import ONLY_SEARCHES, OpenTexts, Pulse, QuestionsFirst, Roster, WriterWatch


class SearchingState(TypedDict):
    """What a request finds in `request.state`."""

    database: Database
    tokens: Tokens
    audience: str
    records: Records
    index: AskedGeneration
    searcher: Searcher
    granter: Granter
    explainer: Explainer
    first: QuestionsFirst
    watch: WriterWatch
    pulse: Pulse


router = APIRouter(prefix="/v1")


@router.get("/sync")
async def status(_principal: CallingPrincipal, request: Request) -> SyncStatus:
    """Tell how far the writer is, kind by kind; it holds no content."""
    watch: WriterWatch = request.state.watch
    return await watch.status()


@router.api_route("/sync/{_rest:path}", methods=["GET", "POST"])
@router.api_route("/index/{_rest:path}", methods=["GET", "POST"])
async def refuse(_rest: str, _principal: CallingPrincipal) -> None:
    """Refuse: only the writer looks after the index."""
    raise Conflict(ONLY_SEARCHES)


async def start_searching(
    settings: RetrievalSettings,
    crm_map: CrmMap,
    embedder: Embedder | None,
    audience: str,
    stack: AsyncExitStack,
) -> SearchingState:
    """The parts of a searcher. It starts while anything does not answer, and recovers when it does."""
    assert settings.index.server  # noqa: S101 - the settings see to it
    tokens = Tokens(settings.trust)
    database = Database(settings.database)
    stack.push_async_callback(database.close)
    index = AskedGeneration(
        ServerStore(settings.index.server, writes=False),
        Recipe.of(settings.index.model, settings.index.dimensions, CUT),
    )
    stack.push_async_callback(index.close)
    asked = await open_records(crm_map, settings.crm, settings.crm.question_timeout_s, stack)
    door: DoorClient | None = None
    if embedder is None:
        http = create_http_client(settings.door.url, tls=settings.door.tls)
        stack.push_async_callback(http.aclose)
        embedder = door = DoorClient(http, tokens)
    watch = WriterWatch(database, crm_map.parents_first)
    run_beside(stack, index.run(), "index")
    run_beside(stack, watch.run(), "writer")
    pulse = Pulse(asked)
    run_beside(stack, pulse.run(), "pulse")
    copies = OpenTexts(crm_map, Roster(), database)
    return SearchingState(
        database=database,
        tokens=tokens,
        audience=audience,
        records=asked,
        index=index,
        searcher=Searcher(
            asked,
            index,
            Terms(),
            embedder,
            lambda: watch.stale,
            WithoutCrm(index, copies),
            reranks_of(settings.index, door),
            lambda: False,  # whether every vector is there, the writer alone knows
        ),
        granter=Granter(asked, tokens),
        explainer=Explainer(asked, index, lines_of(settings.crm.map_file)),
        first=QuestionsFirst(),
        watch=watch,
        pulse=pulse,
    )


async def searcher_ready(request: Request) -> dict[str, bool]:
    """Say whether questions can be answered, or which part is missing."""
    watch: WriterWatch = request.state.watch
    index: Any = request.state.index
    pulse: Pulse = request.state.pulse
    if pulse.fault:
        raise PartUnavailable("CRM database", pulse.fault)
    if watch.missing:
        raise PartUnavailable(watch.missing, "The database does not answer; search is ready when it does.")
    if index.error:
        raise PartUnavailable("record index", index.error)
    if not watch.ready:
        raise PartUnavailable(
            "record index", "The writer fills the index from the CRM; search is ready in a moment."
        )
    return {"ready": True}
