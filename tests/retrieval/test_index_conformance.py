"""One set of checks for every engine that is here, and that the checks find what they are for."""

import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from retrieval.index import Hit, Index, IndexedRow, Known, Leg, Recipe, ServerStore
from retrieval.index.answers import ServerFailed
from retrieval.index.conformance import CHECKS, Bench, PassedOver, Unfit, conform
from retrieval.index.server import ServerIndex
from retrieval.index.trial import folder_bench, server_bench
from retrieval.rights import Visibility
from retrieval.settings import ServerSettings

from .certificates import Authority
from .qdrant_server import KEY, Fault, ScriptedQdrant

PASSED_OVER = {
    "edge": {
        "acknowledged writes are read by others",
        "strangers do not get in",
        "copies of shards are there",
    },
    "memory": {
        "acknowledged writes are read by others",
        "strangers do not get in",
        "copies of shards are there",
    },
    "server": {"copies of shards are there"},
    "cluster": set[str](),
}


@asynccontextmanager
async def scripted(folder: Path, nodes: int) -> AsyncIterator[tuple[ScriptedQdrant, ServerSettings]]:
    authority = Authority(folder)
    server = ScriptedQdrant(authority, nodes=nodes)
    (folder / "key").write_text(KEY)
    async with server.serving():
        first, *others = server.urls
        yield (
            server,
            ServerSettings(
                url=first,
                more_urls=tuple(others),
                api_key_file=folder / "key",
                ca_file=authority.file,
                replication_factor=nodes if nodes > 1 else None,
                write_consistency_factor=2 if nodes > 2 else None,
            ),
        )
    assert server.unlike == []


@pytest.fixture(scope="module", params=["edge", "memory", "server", "cluster"])
async def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, Bench]]:
    folder = tmp_path_factory.mktemp("trial")
    async with AsyncExitStack() as stack:
        if request.param == "edge":
            yield "edge", await stack.enter_async_context(folder_bench(folder))
            return
        server = None
        if request.param == "memory":
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
            settings = ServerSettings(url=":memory:")
        else:
            nodes = 3 if request.param == "cluster" else 1
            server, settings = await stack.enter_async_context(scripted(folder, nodes))
        async with server_bench(settings, folder) as bench:
            yield request.param, bench
        if server:
            assert await server.collections() == []


@pytest.mark.parametrize("check", CHECKS)
async def test_every_engine_does_what_the_index_relies_on(engine: tuple[str, Bench], check: str) -> None:
    name, bench = engine
    if check in PASSED_OVER[name]:
        with pytest.raises(PassedOver):
            await CHECKS[check](bench)
        return
    try:
        await CHECKS[check](bench)
    except NotImplementedError:
        pytest.xfail(f"{name} cannot do this yet")


class Passing:
    """An index that does as another one does, but for one thing."""

    def __init__(self, index: Index, flaw: str) -> None:
        self._index = index
        self._flaw = flaw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        if self._flaw == "rights":
            everyone = type(visibility)(grants=(*visibility.grants, "a", "b"))  # type: ignore[call-arg]
            return await self._index.search(everyone, legs)
        found = await self._index.search(visibility, legs)
        if self._flaw == "limit":
            return [[*hits, *hits] for hits in found]
        if self._flaw == "order":
            return [hits[::-1] for hits in found]
        return found

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        if self._flaw == "lost":
            rows = rows[:-1] if len(rows) > 1 else rows
        return await self._index.put(rows, known)

    async def drop(self, points: Sequence[str]) -> None:
        if self._flaw != "kept":
            await self._index.drop(points)


FLAWS = {
    "rights": "hidden rows are not found",
    "limit": "legs keep to records and kinds",
    "order": "meaning and words are answered together",
    "lost": "more than a batch is written and read",
    "kept": "pieces that are gone are taken out",
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_an_engine_with_a_flaw_does_not_pass(
    flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with folder_bench(tmp_path) as bench:
        opened: Callable[..., Any] = bench.store.open

        async def flawed(generation: Any) -> Any:
            return Passing(await opened(generation), flaw)

        monkeypatch.setattr(bench.store, "open", flawed)
        monkeypatch.setattr("retrieval.index.conformance.CHECKS", {FLAWS[flaw]: CHECKS[FLAWS[flaw]]})
        (outcome,) = [each async for each in conform(bench)]
    assert outcome.passed is False


async def test_a_server_that_passes_over_the_corpus_of_a_words_worth_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ServerIndex._query

    def without(self: ServerIndex, visibility: Visibility, leg: Leg) -> Any:
        query = asked(self, visibility, leg)
        query.params = None
        return query

    monkeypatch.setattr(ServerIndex, "_query", without)
    async with scripted(tmp_path, 1) as (_, settings), server_bench(settings, tmp_path) as bench:
        with pytest.raises(Unfit, match="passes over the corpus of IDF"):
            await CHECKS["scores do not tell of hidden rows"](bench)


async def test_a_server_that_lets_everybody_in_does_not_pass(tmp_path: Path) -> None:
    async with scripted(tmp_path, 1) as (server, settings), server_bench(settings, tmp_path) as bench:
        server.open = True
        with pytest.raises(Unfit, match="lets in who has another key"):
            await CHECKS["strangers do not get in"](bench)


async def test_a_cluster_with_a_copy_missing_does_not_pass(tmp_path: Path) -> None:
    async with scripted(tmp_path, 3) as (server, settings), server_bench(settings, tmp_path) as bench:
        await server.lose(2)
        with pytest.raises(Unfit, match=r"these are active: \{0: 2\}"):
            await CHECKS["copies of shards are there"](bench)


async def test_what_a_trial_cannot_remove_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with scripted(tmp_path, 1) as (server, settings):
        async with server_bench(settings, tmp_path) as bench:
            generation = await bench.store.create(Recipe("trial", 3, "1.1"))
            await bench.store.switch(generation)
            server.faults.append(Fault(500, of=("delete_collection",)))
        assert "index.trial_left" in caplog.text
        (left,) = await server.collections()
        again = ServerStore(settings.model_copy(update={"collection_prefix": left.partition("-g0")[0]}))
        await again.erase()
        await again.close()


class Failing:
    """A stranger's store that fails in some way."""

    def __init__(self, failure: ServerFailed) -> None:
        self._failure = failure

    async def start(self) -> None:
        raise self._failure

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("failure", "refused"),
    [
        (ServerFailed("no", 401), True),
        (ServerFailed("no", 403), True),
        (ServerFailed("no", untrusted=True), True),
        (ServerFailed("later", 429), False),
        (ServerFailed("broken", 503), False),
        (ServerFailed("slow"), False),
    ],
)
async def test_a_server_that_is_busy_is_not_taken_for_one_that_refuses(
    failure: ServerFailed, refused: bool, tmp_path: Path
) -> None:
    async with folder_bench(tmp_path) as bench:
        bench.strangers = [("the server lets in a stranger", lambda: cast(Any, Failing(failure)))]
        if refused:
            await CHECKS["strangers do not get in"](bench)
        else:
            with pytest.raises(Unfit, match="is not seen"):
                await CHECKS["strangers do not get in"](bench)
