import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette

from gateway import (
    ChatMessage,
    DeploymentSettings,
    DoorClient,
    NotAllowed,
    NotFound,
    PartUnavailable,
    Role,
    TextPart,
    TooLarge,
    create_door_app,
    create_http_client,
)
from gateway.door.names import NamePool
from gateway.door.routing import ModelRouter
from gateway.door.settings import BreakerSettings, NamesSettings
from gateway.turns import NoRoom, Turns
from redaction import CANARIES, DetectorFailed, EntityType, Gazetteer, Redactor, Span, load_redactor

from .conftest import ANNA, Site, principal, until_ready
from .server import ModelServer, says, serving

OPEN = {"/healthz", "/readyz", "/metrics"}


class Broken:
    """A detector that fails on every text."""

    name = "broken"

    def find(self, reading: Any) -> list[Span]:
        raise RuntimeError("it quotes: " + reading.text)


@asynccontextmanager
async def another_door(
    site: Site, **changes: Any
) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient, DoorClient]]:
    """A second door on the same database, without the pool of workers unless it is asked for."""
    settings = site.settings.model_copy(update={"names": NamesSettings(enabled=False), **changes})
    app = create_door_app(settings)
    async with serving(app) as address, create_http_client(address, read_timeout=30) as http:
        await until_ready(http)
        yield app, http, DoorClient(http, site.tokens["work"])


def deployment(name: str, url: str, **more: Any) -> DeploymentSettings:
    return DeploymentSettings(name=name, url=url, context_tokens=more.pop("context", 8192), **more)


async def answer_of(client: DoorClient) -> str:
    chunks = client.chat(principal(), [ChatMessage("user", "Hello?")], conversation=uuid.uuid4())
    return "".join([chunk.text async for chunk in chunks])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Redactor]:
    """The redactors of the doors that are started from now on."""
    redactors: list[Redactor] = []

    def loaded(*args: Any, **options: Any) -> Redactor:
        redactors.append(load_redactor(*args, **options))
        return redactors[-1]

    monkeypatch.setattr("gateway.door.app.load_redactor", loaded)
    return redactors


def fails(*_: Any, **__: Any) -> Any:
    raise RuntimeError(f"it quotes: {ANNA}")


def break_a_pattern(made: list[Redactor], _: pytest.MonkeyPatch) -> str:
    for redactor in made:
        redactor._detectors = (*redactor._detectors, Broken())
    return "broken"


def break_the_gazetteer(_: list[Redactor], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Gazetteer, "find_in", fails)
    return "gazetteer"


def break_the_dictionary(_: list[Redactor], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("redaction.redactor.find_known", fails)
    return "dictionary"


def break_addresses(_: list[Redactor], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("redaction.redactor.grow_addresses", fails)
    return "address"


@pytest.mark.parametrize(
    "break_it", [break_a_pattern, break_the_gazetteer, break_the_dictionary, break_addresses]
)
async def test_a_failing_detector_refuses_everything_and_is_named(
    fresh: Site, made: list[Redactor], monkeypatch: pytest.MonkeyPatch, break_it: Any
) -> None:
    async with another_door(fresh) as (_, _, client):
        part = break_it(made, monkeypatch)
        parts = [TextPart("q", f"Who is {ANNA}?")]
        with pytest.raises(PartUnavailable) as redacting:
            await client.redact(principal(), uuid.uuid4(), parts, purpose="question")
        with pytest.raises(PartUnavailable) as long:
            await client.redact(
                principal(), uuid.uuid4(), [TextPart("q", "A word. " * 999)], purpose="context"
            )
        with pytest.raises(PartUnavailable) as chatting:
            await answer_of(client)
        with pytest.raises(PartUnavailable) as embedding:
            await client.embed(principal(), [ANNA], "index")
    assert {error.value.part for error in (redacting, long, chatting, embedding)} == {part}
    assert "Weidenbach" not in str(redacting.value)
    assert fresh.model.received == []
    assert fresh.embedder.received == []


def finds_nobody(_text: str) -> list[Span]:
    """In a worker: a model that does not know what a name is."""
    return []


def cannot_read(_text: str) -> list[Span]:
    """In a worker: a model that fails."""
    raise DetectorFailed("ner", "RuntimeError")


@asynccontextmanager
async def unproven_door(
    site: Site, **changes: Any
) -> AsyncIterator[tuple[httpx.Response, httpx.AsyncClient, DoorClient]]:
    """A door that does not open, and what it says when its workers have started."""
    settings = site.settings.model_copy(update={"names": NamesSettings(enabled=False), **changes})
    async with serving(create_door_app(settings)) as address, create_http_client(address) as http:
        async with asyncio.timeout(60):
            while True:
                answer = await http.get("/readyz")
                assert answer.status_code == 503
                if "being" not in answer.json()["detail"] and "loading" not in answer.json()["detail"]:
                    break
                await asyncio.sleep(0.05)
        yield answer, http, DoorClient(http, site.tokens["work"])


async def test_a_door_whose_detectors_hide_no_stranger_does_not_open(
    fresh: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.door.names.ner_spans_in_worker", finds_nobody)
    async with unproven_door(fresh, names=NamesSettings(workers=1)) as (answer, _, client):
        with pytest.raises(PartUnavailable, match="a stranger's name in English"):
            await client.redact(principal(), uuid.uuid4(), [TextPart("q", ANNA)], purpose="question")
        with pytest.raises(PartUnavailable):
            await answer_of(client)
    assert answer.json()["part"] == "redaction check"
    assert "a stranger's name in English" in answer.json()["detail"]
    assert not any(value in answer.text for canary in CANARIES for value in canary.hidden)
    assert fresh.model.received == []


async def test_a_door_whose_workers_fail_does_not_open(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.door.names.ner_spans_in_worker", cannot_read)
    settings = fresh.settings.model_copy(update={"names": NamesSettings(workers=1)})
    async with serving(create_door_app(settings)) as address, create_http_client(address) as http:
        client = DoorClient(http, fresh.tokens["work"])
        with pytest.raises(PartUnavailable):
            await client.redact(principal(), uuid.uuid4(), [TextPart("q", ANNA)], purpose="question")
        assert (await http.get("/readyz")).status_code == 503


@pytest.mark.parametrize("part", ["checksums", "gazetteer"])
async def test_a_door_with_a_detector_missing_does_not_open(
    fresh: Site, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def loaded(*args: Any, **options: Any) -> Redactor:
        redactor = load_redactor(*args, **options)
        redactor._detectors = redactor._detectors[1:] if part == "checksums" else redactor._detectors
        return redactor

    monkeypatch.setattr("gateway.door.app.load_redactor", loaded)
    if part == "gazetteer":
        monkeypatch.setattr(Gazetteer, "with_delta", lambda self, *_: self)
    async with unproven_door(fresh) as (answer, _, client):
        with pytest.raises(PartUnavailable, match="Redaction does not hide"):
            await client.embed(principal(), [ANNA], "index")
    assert answer.json()["part"] == "redaction check"
    assert fresh.embedder.received == []


async def test_a_name_detector_that_dies_refuses_and_comes_back() -> None:
    pool = NamePool(NamesSettings(workers=1))
    await pool.warm()
    assert pool.ready
    assert pool._pool is not None
    for process in list((pool._pool._processes or {}).values()):
        process.kill()
    with pytest.raises(PartUnavailable, match="name detector"):
        await pool.read(["Who is Margaret Thornbury?"])
    spans = await pool.read(["Who is Margaret Thornbury?"])
    pool.close()
    assert spans["Who is Margaret Thornbury?"]


async def test_a_full_or_slow_pool_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    full = NamePool(NamesSettings(workers=1, waiting_at_most=0))
    with pytest.raises(PartUnavailable, match="Too many"):
        await full.read(["Anna"])
    slow = NamePool(NamesSettings(workers=1, timeout_s=0.001))
    await slow.warm()
    with pytest.raises(PartUnavailable, match="does not answer"):
        await slow.read(["Anna " * 5000])
    slow.close()


async def test_waiting_for_a_worker_is_not_counted_as_its_time() -> None:
    pool = NamePool(NamesSettings(workers=1, timeout_s=20))
    await pool.warm()
    long = "Margaret Thornbury wrote to Boris Tannhauser about the pump. " * 40
    began = asyncio.get_running_loop().time()
    await pool.read([long])
    one = asyncio.get_running_loop().time() - began
    hasty = NamePool(NamesSettings(workers=1, timeout_s=max(8 * one, 1.0)))
    await hasty.warm()
    many = [f"{number} {long}" for number in range(40)]
    requests = [hasty.read(many[start::2], whose=str(start)) for start in (0, 1)]
    found = {text: spans for each in await asyncio.gather(*requests) for text, spans in each.items()}
    assert len(found) == 40
    assert hasty.ready
    pool.close()
    hasty.close()


async def test_a_huge_request_does_not_keep_a_small_one_waiting() -> None:
    pool = NamePool(NamesSettings(workers=1))
    await pool.warm()
    huge = [f"{number} Margaret Thornbury wrote to us about the pump. " * 20 for number in range(200)]
    under_way = [asyncio.create_task(pool.read(huge[n::4], whose="greedy")) for n in range(4)]
    await asyncio.sleep(0)
    assert (await pool.read(["Who is Margaret Thornbury?"], whose="other")).popitem()[1]
    assert not any(task.done() for task in under_way)
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    pool.close()


async def test_a_request_larger_than_the_queue_is_read() -> None:
    pool = NamePool(NamesSettings(workers=1, waiting_at_most=8))
    await pool.warm()
    assert len(await pool.read([f"Anna {number}" for number in range(40)])) == 40
    pool.close()


async def test_a_door_is_red_while_its_names_are_cold_and_warms_them_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[NamePool] = []

    def kept(settings: NamesSettings, types: frozenset[EntityType]) -> NamePool:
        made.append(NamePool(settings, types))
        return made[-1]

    monkeypatch.setattr("gateway.door.app.NamePool", kept)
    async with another_door(site, names=NamesSettings(workers=1)) as (_, http, _client):
        pool = made[-1]
        executor = pool._started()
        for process in list((executor._processes or {}).values()):
            process.kill()
        with pytest.raises(PartUnavailable):
            await pool.read(["Who is Margaret Thornbury?"])
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["part"]) == (503, "ner")
        await until_ready(http)


async def test_turns_go_round_the_callers_and_questions_before_the_rest() -> None:
    turns, order = Turns(1, 100), []

    async def take(whose: str, background: bool = False) -> None:
        async with turns.one(whose, background=background):
            order.append(whose)
            await asyncio.sleep(0)

    async with turns.one("first"):
        waiting = [asyncio.create_task(take("index", background=True))]
        waiting += [asyncio.create_task(take(whose)) for whose in "aaaaaabb"]
        gone = asyncio.create_task(take("gone"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert "".join(whose[0] for whose in order) in ("ababiaaaa", "abaibaaaa", "abiabaaaa")
    async with turns.one("last"):
        pass


async def test_work_whose_caller_has_left_keeps_its_place_to_its_end() -> None:
    turns, begun, ends, order = Turns(1, 100), asyncio.Event(), asyncio.Event(), []

    async def left() -> None:
        order.append("left")
        begun.set()
        await ends.wait()

    async def next_one() -> str:
        order.append("next")
        return "read"

    leaving = asyncio.create_task(turns.run("mallory", left))
    await begun.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    waiting = asyncio.create_task(turns.run("maya", next_one))
    for _ in range(20):
        await asyncio.sleep(0)
    assert order == ["left"]
    ends.set()
    assert await waiting == "read"


async def test_one_caller_takes_no_more_than_their_share() -> None:
    turns = Turns(1, 10, each=2)
    async with turns.one("greedy"):
        waiting = asyncio.create_task(turns.run("greedy", partial(asyncio.sleep, 0)))
        await asyncio.sleep(0)
        with pytest.raises(NoRoom):
            await turns.run("greedy", partial(asyncio.sleep, 0))
        other = asyncio.create_task(turns.run("other", partial(asyncio.sleep, 0)))
    await asyncio.gather(waiting, other)


def read_when_told(path: str) -> list[Span]:
    """In a worker: read a pipe to its end, as long as its other end is open."""
    Path(path).read_text("utf-8")
    return []


async def test_a_text_whose_caller_has_left_is_not_counted_as_the_next_ones_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.door.names.ner_spans_in_worker", read_when_told)
    begun: list[str] = []

    class Watched(NamePool):
        async def _read(self, text: str) -> list[Span]:
            begun.append(text)
            return await super()._read(text)

    pool = Watched(NamesSettings(workers=1))
    long, short = str(tmp_path / "long"), str(tmp_path / "short")
    os.mkfifo(long)
    os.mknod(short)
    leaving = asyncio.create_task(pool.read([long], whose="mallory"))
    pipe = await asyncio.to_thread(os.open, long, os.O_WRONLY)  # opens when the worker reads
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    waiting = asyncio.create_task(pool.read([short], whose="maya"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert begun == [long]
    os.close(pipe)
    assert await waiting == {short: []}
    pool.close()


async def test_an_analyzer_beside_a_pool_insists_on_being_given_names() -> None:
    with pytest.raises(DetectorFailed):
        load_redactor(ner_elsewhere=True).detect("Anna")


async def test_a_door_without_the_key_service_is_not_ready(
    fresh: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway import KeeperUnavailable
    from gateway.keys import LocalKeyring

    async with another_door(fresh) as (_, http, client):

        async def sealed(*_: object) -> bytes:
            raise KeeperUnavailable("is sealed")

        monkeypatch.setattr(LocalKeyring, "hash_key", sealed)
        monkeypatch.setattr(LocalKeyring, "wrap", sealed)
        monkeypatch.setattr(LocalKeyring, "unwrap", sealed)
        answer = await http.get("/readyz")
        with pytest.raises(PartUnavailable, match="sealed"):
            await client.redact(principal(), uuid.uuid4(), [TextPart("q", ANNA)], purpose="question")
    assert answer.status_code == 503
    assert answer.json()["part"] == "key service"


async def test_another_server_answers_when_one_is_down(fresh: Site) -> None:
    healthy = ModelServer()
    healthy.script = says("From the other one.")
    async with serving(healthy.app()) as url:
        models = [deployment("down", "http://127.0.0.1:9", weight=1000), deployment("up", url)]
        async with another_door(fresh, models=models) as (_, _, client):
            answers = [await answer_of(client) for _ in range(4)]
    assert answers == ["From the other one."] * 4


async def test_a_server_that_fails_before_its_first_word_is_replaced_and_after_it_is_not(fresh: Site) -> None:
    failing, healthy = ModelServer(), ModelServer()
    failing.status = 500
    async with serving(failing.app()) as bad, serving(healthy.app()) as good:
        models = [deployment("bad", bad, weight=1000), deployment("good", good)]
        async with another_door(fresh, models=models, breaker=BreakerSettings(failures=100)) as (
            _,
            _,
            client,
        ):
            assert await answer_of(client) == "Hello."
            failing.status, failing.script = 200, says("Half", RuntimeError("died"))
            with pytest.raises(Exception, match="middle"):
                await answer_of(client)


async def test_no_model_server_is_a_sentence_and_the_breaker_spares_the_dead(fresh: Site) -> None:
    models = [deployment("down", "http://127.0.0.1:9")]
    async with another_door(fresh, models=models, breaker=BreakerSettings(failures=1, seconds=60)) as (
        _,
        _,
        client,
    ):
        with pytest.raises(PartUnavailable, match="cannot be reached") as first:
            await answer_of(client)
        with pytest.raises(PartUnavailable, match="No model server is available") as second:
            await answer_of(client)
    assert first.value.part == second.value.part == "model"
    assert not first.value.absent
    assert not second.value.absent
    assert first.value.starting
    assert second.value.starting


async def test_a_model_that_answered_before_is_not_said_to_be_starting(fresh: Site) -> None:
    model = ModelServer()
    async with (
        serving(model.app()) as url,
        another_door(fresh, models=[deployment("one", url)]) as (_, _, client),
    ):
        await answer_of(client)
        model.status = 500
        with pytest.raises(PartUnavailable) as said:
            await answer_of(client)
    assert not said.value.starting


async def test_an_appliance_without_a_model_says_so(fresh: Site) -> None:
    async with another_door(fresh, models=[]) as (_, _, client):
        with pytest.raises(PartUnavailable, match="without a language model") as said:
            await answer_of(client)
    assert said.value.absent


def test_a_long_prompt_goes_to_a_server_with_a_long_window() -> None:
    router = ModelRouter(
        [deployment("short", "http://a", context=1000), deployment("long", "http://b", context=9000)],
        BreakerSettings(),
    )
    assert {router.choose("default", 5000).name for _ in range(20)} == {"long"}
    assert {router.choose("default", 100).name for _ in range(60)} == {"short", "long"}
    with pytest.raises(TooLarge):
        router.choose("default", 10_000)
    with pytest.raises(NotFound):
        router.choose("other", 1)


def test_weights_share_the_traffic() -> None:
    router = ModelRouter(
        [deployment("canary", "http://a", weight=1), deployment("steady", "http://b", weight=9)],
        BreakerSettings(),
    )
    chosen = [router.choose("default", 1).name for _ in range(400)]
    assert 10 < chosen.count("canary") < 90


def test_a_server_that_answers_again_is_forgiven() -> None:
    router = ModelRouter([deployment("one", "http://a")], BreakerSettings(failures=2, seconds=60))
    router.failed("one")
    router.succeeded("one")
    router.failed("one")
    assert router.choose("default", 1).name == "one"
    router.failed("one")
    with pytest.raises(PartUnavailable):
        router.choose("default", 1)


async def test_every_route_asks_who_is_there(fresh: Site) -> None:
    async with another_door(fresh) as (app, http, _):
        routes = [
            (path, method)
            for context in iter_route_contexts(app.routes)
            if (path := getattr(context, "path", None))
            for method in sorted((getattr(context, "methods", None) or set()) - {"HEAD"})
        ]
        assert ("/v1/chat/completions", "POST") in routes
        assert ("/v1/restore", "POST") in routes
        for path, method in routes:
            if path in OPEN:
                continue
            place = path.replace("{conversation}", str(uuid.uuid4()))
            bare = await http.request(method, place, json={})
            forged = await http.request(
                method, place, json={}, headers={"Authorization": "Bearer clt_nobody"}
            )
            stranger = await http.request(
                method,
                place,
                json={},
                headers={
                    "Authorization": f"Bearer {fresh.tokens['stranger'].for_principal(principal(), 'door')}"
                },
            )
            elsewhere = await http.request(
                method,
                place,
                json={},
                headers={
                    "Authorization": f"Bearer {fresh.tokens['work'].for_principal(principal(), 'retrieval')}"
                },
            )
            assert [each.status_code for each in (bare, forged, stranger, elsewhere)] == [401] * 4, place


async def test_a_removed_customer_leaves_with_the_next_build(fresh: Site) -> None:
    from gateway import PublishedIdentity, publish_identities
    from gateway.identities import GazetteerFeed
    from gateway.keys import open_keeper
    from redaction import EntityType

    async with fresh.database.transaction() as session:
        new = PublishedIdentity("Ottokar Zwirnfeld", EntityType.PERSON, "contact:900", "name")
        await publish_identities(session, fresh.envelope, [new])
    feed = GazetteerFeed(fresh.database, open_keeper(fresh.settings.keeper))
    following = asyncio.create_task(feed.follow())
    try:
        await _until(lambda: feed.version > 0 and bool(feed.current.find("Ottokar Zwirnfeld")))
        async with fresh.database.transaction() as session:
            await publish_identities(session, fresh.envelope, [], ["contact:900"])
        await _until(lambda: not feed.current.find("Ottokar Zwirnfeld"))
        assert feed.current.find(ANNA)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if holds():
                    return
            except PartUnavailable:
                pass
            await asyncio.sleep(0.02)


async def test_an_administrator_is_told_which_model_server_is_silent(fresh: Site) -> None:
    models = (
        fresh.settings.models[0].model_copy(update={"name": "there"}),
        deployment("gone", "http://127.0.0.1:9"),
    )
    async with another_door(fresh, models=models) as (_, _, client):
        servers, embedders = await client.deployments(principal(Role.ADMIN))
        with pytest.raises(NotAllowed):
            await client.deployments(principal(Role.REP))
    assert {server.name: server.answers for server in servers} == {"there": True, "gone": False}
    assert [server.answers for server in embedders] == [True]


async def test_a_server_that_the_door_has_not_heard_yet_is_starting_for_some_minutes(
    fresh: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = principal(Role.ADMIN)
    async with AsyncExitStack() as stopping:
        address = await stopping.enter_async_context(serving(ModelServer().app()))
        models = (deployment("loading", "http://127.0.0.1:9"), deployment("stopped", address))
        async with another_door(fresh, models=models) as (_, _, client):
            (loading, there), _ = await client.deployments(administrator)
            assert (loading.answers, loading.starting) == (False, True)
            assert (there.answers, there.starting) == (True, False)
            await stopping.aclose()
            (_, stopped), _ = await client.deployments(administrator)
            assert (stopped.answers, stopped.starting) == (False, False), "it was heard before"
            monkeypatch.setattr("gateway.door.upstream._LOADING_S", 0.0)
            (given_up, _), _ = await client.deployments(administrator)
            assert (given_up.answers, given_up.starting) == (False, False)
