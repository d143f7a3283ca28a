"""A Qdrant server over real TLS: what is asked of it, how it fails, and what is said of that."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway import PartUnavailable
from retrieval.crm import CrmMap, CrmUser, load_map
from retrieval.index import Index, IndexedChunk, IndexedRow, Leg, ServerStore, Terms
from retrieval.index.copies import fill_from_copy, write_copy
from retrieval.index.errors import BackupUnusable
from retrieval.index.generations import Recipe
from retrieval.rights import Visibility
from retrieval.settings import ServerSettings

from .certificates import Authority
from .qdrant_interface import Unlike, check_request
from .qdrant_server import KEY, READ_KEY, Fault, ScriptedQdrant
from .stand import DEMO_MAP

TERMS = Terms()
RECIPE = Recipe("model", 3, "1.1")
READS = ("scroll_points", "query_batch_points", "count_points")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def demo_map() -> CrmMap:
    return load_map(DEMO_MAP)


@pytest.fixture
async def qdrant(authority: Authority) -> AsyncIterator[ScriptedQdrant]:
    """A server of one node; whatever a test does, no request may be unlike Qdrant's definition."""
    server = ScriptedQdrant(authority)
    async with server.serving():
        yield server
    assert server.unlike == []


Settings = Callable[..., ServerSettings]


@pytest.fixture
def settings(authority: Authority, tmp_path: Path) -> Settings:
    def make(server: ScriptedQdrant, *, key: str = KEY, **more: Any) -> ServerSettings:
        file = tmp_path / "key"
        file.write_text(key)
        given = {"ca_file": authority.file, "timeout_s": 2, "patience_s": 4, **more}
        first, *others = server.urls
        return ServerSettings(url=first, more_urls=tuple(others), api_key_file=file, **given)

    return make


@pytest.fixture
async def store(qdrant: ScriptedQdrant, settings: Settings) -> AsyncIterator[ServerStore]:
    made = ServerStore(settings(qdrant))
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def index(store: ServerStore, qdrant: ScriptedQdrant) -> Index:
    """An open generation that holds two rows, one with a vector."""
    made = await store.open(await store.create(RECIPE))
    await made.put([row(1, "pump leaks"), row(2, "filter broke", acl=("b",))], {})
    waiting = {piece.key: piece.id for piece in await made.waiting(9)}
    await made.add_vectors({waiting["1"]: [1.0, 0.0, 0.0]})
    qdrant.asked.clear()
    return made


def row(key: int, text: str, *, acl: tuple[str, ...] = ("a",)) -> IndexedRow:
    chunk = IndexedChunk("body", 0, f"digest of {text}", TERMS.of_document(text), wants_vector=True)
    return IndexedRow("article", str(key), "1", "shape", "", acl, ("account:1",), (chunk,))


def sees(demo_map: CrmMap, *grants: str) -> Visibility:
    return Visibility(demo_map, CrmUser(1, {}), grants)


async def found(index: Index, demo_map: CrmMap, word: str = "pump") -> list[str]:
    (hits,) = await index.search(sees(demo_map, "a"), [Leg(terms=TERMS.of_query(word))])
    return [hit.key for hit in hits]


async def test_every_write_waits_and_every_operation_has_a_limit(
    qdrant: ScriptedQdrant, index: Index, demo_map: CrmMap
) -> None:
    await index.put([row(3, "hose burst")], {})
    await index.drop([piece.id for piece in await index.waiting(1)])
    await found(index, demo_map)
    await index.counts(["article"])
    await index.rights()
    writes = [one for one in qdrant.asked if one.operation in ("upsert_points", "delete_points")]
    assert len(writes) == 2
    assert {one.query["wait"] for one in writes} == {"true"}
    assert {one.query["ordering"] for one in writes} == {"medium"}
    assert all(int(one.query["timeout"]) <= 2 or one.operation in READS for one in qdrant.asked)
    assert all("timeout" in one.query for one in qdrant.asked)


async def test_what_was_acknowledged_is_there_after_a_crash(qdrant: ScriptedQdrant, index: Index) -> None:
    await index.put([row(3, "hose burst")], {})
    qdrant.crash()
    assert set((await index.load())["article"]) == {"1", "2", "3"}


async def test_settings_make_replicas_shards_and_what_is_on_disk(
    qdrant: ScriptedQdrant, settings: Settings
) -> None:
    wide = settings(
        qdrant,
        replication_factor=3,
        write_consistency_factor=2,
        shards=6,
        on_disk=["vectors", "terms", "payload", "graph"],
    )
    store = ServerStore(wide)
    await store.create(RECIPE)
    (made,) = [one.body for one in qdrant.asked if one.operation == "create_collection"]
    assert (made["replication_factor"], made["write_consistency_factor"], made["shard_number"]) == (3, 2, 6)
    assert made["vectors"]["dense"]["on_disk"]
    assert made["sparse_vectors"]["terms"] == {"index": {"on_disk": True}, "modifier": "idf"}
    assert made["on_disk_payload"]
    assert made["hnsw_config"] == {"full_scan_threshold": 60_000, "on_disk": True}
    await store.close()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "refused a request as wrong"),
        (401, "does not accept the API key: see index.server.api_key_file"),
        (403, "index.server.api_key_file may not do this"),
        (500, r"failed \(500\)"),
        (503, r"failed \(503\)"),
    ],
)
async def test_a_refusal_says_what_to_look_at(
    qdrant: ScriptedQdrant, index: Index, demo_map: CrmMap, status: int, says: str
) -> None:
    qdrant.faults.append(Fault(status, times=99))
    with pytest.raises(PartUnavailable, match=says) as raised:
        await found(index, demo_map)
    assert raised.value.part == "record index"


async def test_a_wrong_key_and_one_that_may_only_read(qdrant: ScriptedQdrant, settings: Settings) -> None:
    stranger = ServerStore(settings(qdrant, key="guessed"))
    with pytest.raises(PartUnavailable, match="does not accept the API key"):
        await stranger.start()
    await stranger.close()
    reader = ServerStore(settings(qdrant, key=READ_KEY))
    with pytest.raises(PartUnavailable, match="may not do this"):
        await reader.create(RECIPE)
    await reader.close()


async def test_a_searcher_needs_a_key_that_may_only_read(
    qdrant: ScriptedQdrant, settings: Settings, store: ServerStore, index: Index, demo_map: CrmMap
) -> None:
    (generation,) = await store.generations()
    await store.switch(generation)
    searcher = ServerStore(settings(qdrant, key=READ_KEY), writes=False)
    await searcher.start()
    assert await searcher.current() == generation
    assert await found(await searcher.open(generation), demo_map) == ["1"]
    await searcher.close()


async def test_a_key_that_was_replaced_is_read_again(
    qdrant: ScriptedQdrant, index: Index, demo_map: CrmMap, tmp_path: Path
) -> None:
    qdrant.keys = {"the next key": True}
    with pytest.raises(PartUnavailable, match="API key"):
        await found(index, demo_map)
    (tmp_path / "key").write_text("the next key")
    assert await found(index, demo_map) == ["1"]


async def test_a_server_that_asks_to_wait_is_obeyed(
    qdrant: ScriptedQdrant, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = slept(monkeypatch)
    qdrant.faults.append(Fault(429, {"Retry-After": "2"}))
    await index.put([row(3, "hose burst")], {})
    assert [wait for wait in waits if wait >= 1] == [2.0]
    assert qdrant.operations() == ["upsert_points", "upsert_points"]


async def test_nobody_waits_longer_than_the_settings_allow(
    qdrant: ScriptedQdrant, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = slept(monkeypatch)
    qdrant.faults.append(Fault(429, {"Retry-After": "3600"}))
    with pytest.raises(PartUnavailable, match="asks to be left alone for 3600 s"):
        await index.put([row(3, "hose burst")], {})
    assert not [wait for wait in waits if wait >= 1]
    assert set((await index.load())["article"]) == {"1", "2"}


async def test_a_server_without_room_for_a_moment_is_asked_again(
    qdrant: ScriptedQdrant, index: Index, demo_map: CrmMap
) -> None:
    qdrant.faults.append(Fault(503, times=2))
    assert await found(index, demo_map) == ["1"]
    assert qdrant.operations() == ["query_batch_points"] * 3


async def test_an_answer_that_breaks_off_is_asked_for_again(
    qdrant: ScriptedQdrant, index: Index, demo_map: CrmMap
) -> None:
    qdrant.faults.append(Fault(cut=True))
    assert await found(index, demo_map) == ["1"]
    qdrant.faults.append(Fault(cut=True, times=99))
    with pytest.raises(PartUnavailable, match="cannot be reached"):
        await found(index, demo_map)


async def test_a_write_whose_answer_was_lost_is_done_once(qdrant: ScriptedQdrant, index: Index) -> None:
    qdrant.faults.append(Fault(cut=True, of=("upsert_points",)))
    await index.put([row(3, "hose burst")], {})
    assert qdrant.operations().count("upsert_points") == 2
    assert (await index.counts(["article"]))["article"].points == 3


async def test_what_cannot_be_done_twice_is_not_tried_twice(
    qdrant: ScriptedQdrant, store: ServerStore
) -> None:
    qdrant.faults.append(Fault(503, after=True, of=("create_collection",)))
    with pytest.raises(PartUnavailable, match=r"failed \(503\)"):
        await store.create(RECIPE)
    assert qdrant.operations().count("create_collection") == 1


async def test_a_slow_answer_is_given_up(
    qdrant: ScriptedQdrant, settings: Settings, demo_map: CrmMap
) -> None:
    store = ServerStore(settings(qdrant, timeout_s=1, question_timeout_s=1, patience_s=1, tries=2))
    index = await store.open(await store.create(RECIPE))
    qdrant.faults.append(Fault(seconds=30, times=99))
    for asking in (found(index, demo_map), index.put([row(1, "pump leaks")], {})):
        with pytest.raises(PartUnavailable, match="does not answer in time"):
            await asking
    await store.close()


async def test_an_authority_that_is_not_ours_is_not_trusted(
    qdrant: ScriptedQdrant, settings: Settings, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Another authority")
    store = ServerStore(settings(qdrant, ca_file=stranger.file))
    with pytest.raises(PartUnavailable, match=r"No trusted connection .* See index\.server\.ca_file"):
        await store.start()
    assert qdrant.asked == []
    await store.close()


async def test_a_certificate_that_has_expired_is_not_trusted(
    authority: Authority, settings: Settings
) -> None:
    server = ScriptedQdrant(authority)
    async with server.serving(certificate=authority.issue("old", expired=True)):
        store = ServerStore(settings(server))
        with pytest.raises(PartUnavailable, match="certificate has expired"):
            await store.start()
        assert server.asked == []
        await store.close()


async def test_a_server_may_ask_for_our_certificate(
    authority: Authority, settings: Settings, tmp_path: Path
) -> None:
    server = ScriptedQdrant(authority)
    async with server.serving(clients=authority.file):
        nobody = ServerStore(settings(server))
        with pytest.raises(PartUnavailable):
            await nobody.start()
        assert server.asked == []
        certificate, key = authority.issue("cloister", client=True)
        known = ServerStore(settings(server, certificate_file=certificate, key_file=key))
        await known.start()
        await known.close()
        await nobody.close()


@pytest.mark.parametrize(
    ("version", "good"), [("1.18.4", False), ("1.19.0", True), ("2.0.0", True), ("?", False)]
)
async def test_a_server_that_would_count_hidden_rows_is_refused(
    qdrant: ScriptedQdrant, settings: Settings, version: str, good: bool
) -> None:
    qdrant.version = version
    store = ServerStore(settings(qdrant))
    if good:
        await store.start()
    else:
        with pytest.raises(PartUnavailable, match=r"1\.19 or later is needed"):
            await store.start()
    await store.close()


async def test_a_lost_node_is_passed_over(authority: Authority, settings: Settings, demo_map: CrmMap) -> None:
    cluster = ScriptedQdrant(authority, nodes=3)
    async with cluster.serving():
        store = ServerStore(settings(cluster, replication_factor=3, write_consistency_factor=2))
        index = await store.open(await store.create(RECIPE))
        await index.put([row(1, "pump leaks")], {})
        await cluster.lose(0)
        cluster.asked.clear()
        assert await found(index, demo_map) == ["1"]
        await index.put([row(2, "pump hums")], {})
        assert sorted(await found(index, demo_map)) == ["1", "2"]
        assert {one.node for one in cluster.asked} == {1}

        await cluster.lose(1)
        assert sorted(await found(index, demo_map)) == ["1", "2"]
        with pytest.raises(PartUnavailable, match=r"failed \(500\)"):  # one replica is too few to write
            await index.put([row(3, "pump gone")], {})
        assert sorted(await found(index, demo_map)) == ["1", "2"]

        await cluster.lose(2)
        with pytest.raises(PartUnavailable, match="cannot be reached"):
            await found(index, demo_map)
        await store.close()
    assert cluster.unlike == []


async def test_a_slow_node_leaves_time_to_ask_another(
    authority: Authority, settings: Settings, demo_map: CrmMap
) -> None:
    cluster = ScriptedQdrant(authority, nodes=2)
    async with cluster.serving():
        store = ServerStore(settings(cluster, replication_factor=2, question_timeout_s=2))
        index = await store.open(await store.create(RECIPE))
        await index.put([row(1, "pump leaks")], {})
        cluster.faults.append(Fault(seconds=30, of=("query_batch_points",)))
        assert await found(index, demo_map) == ["1"]
        assert [one.node for one in cluster.asked if one.operation == "query_batch_points"] == [0, 1]
        await store.close()


async def test_many_questions_at_once_pass_a_lost_node_over_together(
    authority: Authority, settings: Settings, demo_map: CrmMap
) -> None:
    cluster = ScriptedQdrant(authority, nodes=2)
    async with cluster.serving():
        store = ServerStore(settings(cluster, replication_factor=2))
        index = await store.open(await store.create(RECIPE))
        await index.put([row(1, "pump leaks")], {})
        await cluster.lose(0)
        answers = await asyncio.gather(*(found(index, demo_map) for _ in range(12)))
        assert answers == [["1"]] * 12
        await store.close()


async def test_generations_are_switched_in_one_step_and_dropped(
    qdrant: ScriptedQdrant, store: ServerStore
) -> None:
    first = await store.create(RECIPE)
    assert await store.current() is None
    await store.switch(first)
    second = await store.create(Recipe("other model", 5, "1.1"))
    assert await store.current() == first
    with pytest.raises(ValueError, match="in use"):
        await store.drop(first)
    qdrant.asked.clear()
    await store.switch(second)
    (change,) = [one.body["actions"] for one in qdrant.asked if one.operation == "update_aliases"]
    assert [next(iter(step)) for step in change] == ["delete_alias", "create_alias"]
    await store.drop(first)
    assert await store.generations() == [second]
    assert await store.current() == second


async def test_appliances_on_one_cluster_do_not_see_each_other(
    qdrant: ScriptedQdrant, settings: Settings, store: ServerStore
) -> None:
    mine = await store.create(RECIPE)
    other = ServerStore(settings(qdrant, collection_prefix="cloister-b"))
    theirs = await other.create(RECIPE)
    await other.switch(theirs)
    assert await store.generations() == [mine]
    assert await store.current() is None
    assert await other.generations() == [theirs]
    await other.close()


async def test_a_copy_is_restored_beside_and_a_damaged_one_is_refused(
    store: ServerStore, index: Index, demo_map: CrmMap, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    await write_copy(copy, RECIPE, index)
    before = await index.load()
    restored = await store.open(await fill_from_copy(store, copy))
    assert await restored.load() == before
    assert await restored.rights() == await index.rights()
    assert await restored.counts(["article"]) == {"article": (2, 1)}
    assert await found(restored, demo_map) == ["1"]
    whole = copy.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    for damaged in (
        whole[:-40],
        b"not a copy",
        b"",
        gzip.compress(b"".join(lines[:-1])),
        gzip.compress(b"".join([*lines[:1], *lines[2:]])),
        gzip.compress(b"".join(lines[:-1]) + lines[-1] + lines[-1]),
    ):
        copy.write_bytes(damaged)
        with pytest.raises(BackupUnusable):
            await fill_from_copy(store, copy)
    assert len(await store.generations()) == 2


def test_settings_that_cannot_hold_are_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    for wrong, says in (
        ({"url": "http://qdrant.example:6333", "api_key_file": key}, "in the clear"),
        (
            {"url": "https://a.example", "more_urls": ["http://b.example"], "api_key_file": key},
            "in the clear",
        ),
        ({"url": "qdrant.example"}, "no address"),
        ({"url": "https://a.example", "certificate_file": key}, "go together"),
        ({"url": "https://a.example", "replication_factor": 1, "write_consistency_factor": 2}, "larger"),
        ({"url": "https://a.example", "collection_prefix": "a/b"}, "pattern"),
    ):
        with pytest.raises(ValidationError, match=says):
            ServerSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/collections/a/points/query/batch", {}, {"searches": [{"query": [1.0], "parms": {}}]}),
        ("POST", "/collections/a/points/query/batch", {"limit": "3"}, {"searches": []}),
        ("POST", "/collections/a/points/scroll", {"timeout": "0"}, {}),
        ("PUT", "/collections/a/points", {"wait": "true"}, {"points": [{"vector": {}}]}),
        ("PUT", "/collections/a/points", {"ordering": "some"}, {"points": []}),
        ("PATCH", "/aliases", {}, None),
        (
            "POST",
            "/collections/a/points/count",
            {},
            {"filter": {"must": [{"key": "a", "mach": {}}]}},
        ),
    ],
)
def test_the_judge_refuses_what_qdrant_does_not_define(
    method: str, path: str, query: dict[str, str], body: Any
) -> None:
    with pytest.raises(Unlike):
        check_request(method, path, query, body)


def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which do not happen. Only the index's own: everything else sleeps as ever."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0 if seconds >= 1 else seconds)

    monkeypatch.setattr("retrieval.index.reach.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": note}))
    return waits
