"""The engine behind its protocol: what is written, kept, found and refused."""

import warnings
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import PartUnavailable
from retrieval.crm import CrmMap, CrmUser, load_map
from retrieval.index import (
    EdgeIndex,
    Index,
    IndexedChunk,
    IndexedRow,
    Known,
    Leg,
    Recipe,
    ServerStore,
    Terms,
    point_id,
)
from retrieval.rights import Visibility
from retrieval.settings import ServerSettings

from .stand import DEMO_MAP

MODEL = "model"
TERMS = Terms()


@pytest.fixture(params=["edge", "server"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    """The engine in the process, and the client of a server with its own stand-in for one."""
    if request.param == "edge":
        engine: Index = open_edge(tmp_path)
        yield engine
        await engine.close()
        return
    store = ServerStore(ServerSettings(url=":memory:"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
        yield await store.open(await store.create(Recipe.of(MODEL, 3, 1)))
    await store.close()


def open_edge(folder: Path) -> EdgeIndex:
    return EdgeIndex(folder / "index", model=MODEL, dimensions=3)


@pytest.fixture(scope="module")
def demo_map() -> CrmMap:
    return load_map(DEMO_MAP)


def row(key: int, text: str, *, acl: tuple[str, ...] = ("a",), version: str = "1") -> IndexedRow:
    chunk = IndexedChunk("body", 0, f"digest of {text}", TERMS.of_document(text), wants_vector=True)
    return IndexedRow("article", str(key), version, "shape", "", acl, ("account:1",), (chunk,))


def sees(demo_map: CrmMap, *grants: str) -> Visibility:
    return Visibility(demo_map, CrmUser(1, {}), grants)


async def put(index: Index, *rows: IndexedRow) -> dict[str, Known]:
    known = {f"{kind}:{key}": one for kind, rows in (await index.load()).items() for key, one in rows.items()}
    return await index.put(rows, known)


async def test_terms_find_only_what_is_visible(index: Index, demo_map: CrmMap) -> None:
    await put(index, row(1, "pump leaks"), row(2, "pump broke", acl=("b",)), row(3, "pump hums", acl=()))
    leg = Leg(terms=TERMS.of_query("pump"))
    for grants, wanted in ((("a",), {"1"}), (("b", "c"), {"2"}), (("a", "b"), {"1", "2"}), ((), set())):
        (hits,) = await index.search(sees(demo_map, *grants), [leg])
        assert {hit.key for hit in hits} == wanted


async def test_a_score_does_not_tell_how_often_a_term_is_in_rows_that_are_not_visible(
    index: Index, demo_map: CrmMap
) -> None:
    await put(index, row(1, "merger pump"), row(2, "quiet pump"))
    leg = Leg(terms=TERMS.of_query("merger"))
    ((before,),) = await index.search(sees(demo_map, "a"), [leg])
    await put(index, *(row(key, "merger plans", acl=("b",)) for key in range(10, 40)))
    ((after,),) = await index.search(sees(demo_map, "a"), [leg])
    assert before.score == pytest.approx(after.score)


async def test_legs_keep_to_records_and_to_kinds(index: Index, demo_map: CrmMap) -> None:
    await put(index, row(1, "pump"), replace(row(2, "pump"), up=("account:2",)))
    pump = TERMS.of_query("pump")
    legs = [Leg(terms=pump, within=("account:2",)), Leg(terms=pump, kinds=("note",)), Leg(terms=pump)]
    found = await index.search(sees(demo_map, "a"), legs)
    assert [{hit.key for hit in hits} for hits in found] == [{"2"}, set(), {"1", "2"}]


async def test_a_vector_is_waited_for_given_once_and_found(index: Index, demo_map: CrmMap) -> None:
    await put(index, row(1, "pump"), row(2, "filter"))
    waiting = {piece.key: piece for piece in await index.waiting(10)}
    await index.add_vectors({waiting["1"].id: [1.0, 0.0, 0.0], waiting["2"].id: [0.0, 1.0, 0.0]})
    assert await index.waiting(10) == []
    (hits,) = await index.search(sees(demo_map, "a"), [Leg(vector=[0.9, 0.1, 0.0])])
    assert [hit.key for hit in hits] == ["1", "2"]
    assert (await index.counts(["article"]))["article"] == (2, 2)


async def test_the_vector_stays_while_the_text_does(index: Index, demo_map: CrmMap) -> None:
    await put(index, row(1, "pump"))
    (piece,) = await index.waiting(10)
    await index.add_vectors({piece.id: [1.0, 0.0, 0.0]})
    await put(index, row(1, "pump", acl=("b",), version="2"))
    assert await index.waiting(10) == []
    assert await index.rights() == {"article:1": frozenset({"b"})}
    await put(index, row(1, "other pump", acl=("b",), version="3"))
    assert [one.id for one in await index.waiting(10)] == [piece.id]


async def test_rights_can_be_asked_of_some_rows_alone(index: Index) -> None:
    await put(index, row(1, "pump", acl=("a",)), row(2, "pump", acl=("b",)))
    assert await index.rights(["article:2", "article:3"]) == {"article:2": frozenset({"b"})}


async def test_pieces_that_a_row_no_longer_has_are_taken_out(index: Index) -> None:
    first = row(1, "pump")
    longer = replace(first, chunks=(*first.chunks, replace(first.chunks[0], ordinal=1, digest="second")))
    await put(index, longer)
    assert (await index.counts(["article"]))["article"].points == 2
    await put(index, replace(first, version="2"))
    known = (await index.load())["article"]["1"]
    assert known.version == "2"
    assert list(known.points) == [point_id(MODEL, "article:1", "body", 0)]
    await index.drop(list(known.points))
    assert await index.load() == {}


async def test_a_row_that_was_half_written_has_no_version(index: Index) -> None:
    first = row(1, "pump")
    longer = replace(first, chunks=(*first.chunks, replace(first.chunks[0], ordinal=1, digest="second")))
    after = await put(index, longer)
    lost = point_id(MODEL, "article:1", "body", 1)
    assert lost in after["article:1"].points
    await index.drop([lost])
    assert (await index.load())["article"]["1"].version == ""


async def test_what_was_flushed_is_there_after_a_restart(tmp_path: Path) -> None:
    first = open_edge(tmp_path)
    await put(first, *(row(key, f"pump {key}") for key in range(1_200)))
    await first.close()
    second = open_edge(tmp_path)
    assert len((await second.load())["article"]) == 1_200
    await second.close()


async def test_one_process_owns_the_index(tmp_path: Path) -> None:
    first = open_edge(tmp_path)
    with pytest.raises(PartUnavailable, match="in use by another process"):
        open_edge(tmp_path)
    await first.close()
    await open_edge(tmp_path).close()


def folders_in(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.is_dir()]


async def test_what_cannot_be_read_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    first = open_edge(tmp_path)
    await put(first, row(1, "pump"))
    await first.close()
    (tmp_path / "index" / "s0001" / "edge_config.json").write_text("{")
    second = open_edge(tmp_path)
    assert await second.load() == {}
    assert any(".unreadable-" in one.name for one in folders_in(tmp_path))
    await second.close()


async def test_a_refusal_of_the_engine_is_an_error_of_ours(tmp_path: Path, demo_map: CrmMap) -> None:
    index = open_edge(tmp_path)
    with pytest.raises(PartUnavailable, match="record index failed"):
        await index.search(sees(demo_map, "a"), [Leg(vector=[1.0] * 7)])
    await index.close()
