"""Generations: one is asked, another is filled beside it, and they change places at once."""

import asyncio
from pathlib import Path

import pytest

from gateway import Conflict, PartUnavailable
from retrieval.crm import CrmMap, CrmUser, load_map
from retrieval.index import EdgeStore, Generation, Generations, IndexedChunk, IndexedRow, Leg, Recipe, Terms
from retrieval.index.copies import fill_from_copy
from retrieval.index.generations import Store
from retrieval.rights import Visibility

from .stand import DEMO_MAP

TERMS = Terms()
SMALL = Recipe.of("small", 3, 1)
LARGE = Recipe.of("large", 5, 1)


@pytest.fixture(scope="module")
def everything() -> Visibility:
    demo_map: CrmMap = load_map(DEMO_MAP)
    return Visibility(demo_map, CrmUser(1, {}), ("a",))


def row(key: int, text: str) -> IndexedRow:
    chunk = IndexedChunk("body", 0, f"digest of {text}", TERMS.of_document(text), True, f"meaning of {text}")
    return IndexedRow("article", str(key), "1", "shape", "", ("a",), (), (chunk,))


def folders_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir())


async def opened(folder: Path, wanted: Recipe) -> Generations:
    generations = Generations(EdgeStore(folder), wanted)
    await generations.open()
    return generations


async def found(generations: Generations, visibility: Visibility, word: str) -> list[str]:
    (hits,) = await generations.search(visibility, [Leg(terms=TERMS.of_query(word))])
    return [hit.key for hit in hits]


def test_a_name_tells_the_recipe_also_of_models_with_other_signs() -> None:
    for model in ("all-MiniLM-L6-v2", "BAAI/bge-m3", "g0001-x-384-1.1"):
        generation = Generation(12, Recipe.of(model, 384, 3))
        assert Generation.named(generation.name) == generation
        assert "/" not in generation.name
    assert Generation.named("current") is None


async def test_other_settings_are_filled_beside_while_the_former_generation_is_asked(
    tmp_path: Path, everything: Visibility
) -> None:
    first = await opened(tmp_path, SMALL)
    assert first.filling is None
    await first.serving.index.put([row(1, "pump")], {})
    await first.close()
    second = await opened(tmp_path, LARGE)
    assert second.filling
    assert not second.finds_meaning
    await second.filling.index.put([row(2, "pump")], {})
    assert await found(second, everything, "pump") == ["1"]
    former = second.serving.generation
    await second.switch()
    assert await found(second, everything, "pump") == ["2"]
    assert not (tmp_path / former.name).exists()
    await second.close()
    third = await opened(tmp_path, LARGE)
    assert third.filling is None
    assert await found(third, everything, "pump") == ["2"]
    await third.close()


async def test_filling_goes_on_after_a_restart_and_ends_when_the_settings_go_back(tmp_path: Path) -> None:
    await (await opened(tmp_path, SMALL)).close()
    first = await opened(tmp_path, LARGE)
    assert first.filling
    await first.filling.index.put([row(2, "pump")], {})
    await first.close()
    again = await opened(tmp_path, LARGE)
    assert again.filling
    assert set((await again.filling.index.load())["article"]) == {"2"}
    await again.close()
    back = await opened(tmp_path, SMALL)
    assert back.filling is None
    await back.close()
    assert folders_in(tmp_path) == ["g0001-small-3-2.1"]


async def test_a_vector_of_another_model_is_not_looked_for(tmp_path: Path, everything: Visibility) -> None:
    await (await opened(tmp_path, SMALL)).close()
    generations = await opened(tmp_path, LARGE)
    await generations.serving.index.put([row(1, "pump")], {})
    legs = [Leg(vector=[1.0] * 5), Leg(terms=TERMS.of_query("pump")), Leg(vector=[1.0] * 5)]
    hits = await generations.search(everything, legs)
    assert [len(one) for one in hits] == [0, 1, 0]
    await generations.close()


async def test_a_rebuild_takes_vectors_of_the_same_model_over(tmp_path: Path) -> None:
    generations = await opened(tmp_path, SMALL)
    index = generations.serving.index
    await index.put([row(1, "pump"), row(2, "filter")], {})
    (piece, _) = sorted(await index.waiting(9), key=lambda piece: piece.key)
    await index.add_vectors({piece.id: [1.0, 0.0, 0.0]})
    await generations.begin()
    wanted = ["meaning of pump", "meaning of filter", "unheard of"]
    assert await generations.vectors_for(wanted) == {"meaning of pump": [1.0, 0.0, 0.0]}
    await generations.close()


async def test_searches_go_on_while_generations_change_places(tmp_path: Path, everything: Visibility) -> None:
    generations = await opened(tmp_path, SMALL)
    await generations.serving.index.put([row(1, "pump")], {})
    done = asyncio.Event()

    async def ask() -> int:
        times = 0
        while not done.is_set():
            assert await found(generations, everything, "pump") == ["1"]
            times += 1
        return times

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    for _ in range(2):
        await (await generations.begin()).index.put([row(1, "pump")], {})
        await generations.switch()
    done.set()
    assert all(await asyncio.gather(*asking))
    await generations.close()


async def test_an_index_from_before_there_were_generations_is_taken_over_wherever_that_was_cut_off(
    tmp_path: Path, everything: Visibility
) -> None:
    for cut in range(4):
        folder = tmp_path / str(cut)
        index = await opened(folder, SMALL)
        await index.serving.index.put([row(1, "pump")], {})
        await index.close()
        (folder / index.serving.generation.name / "s0001").rename(folder / "all-MiniLM-L6-v2-3-1")
        for left in (folder / index.serving.generation.name / "shard", folder / "current"):
            left.unlink()
        (folder / index.serving.generation.name).rmdir()
        begun = folder / "g0001-all-MiniLM-L6-v2-3-1.1.adopting"
        if cut > 0:
            begun.mkdir()
        if cut > 1:
            (folder / "all-MiniLM-L6-v2-3-1").rename(begun / "s0001")
        if cut > 2:
            (begun / "shard").write_text("s0001")
        adopted = await opened(folder, SMALL)
        assert adopted.serving.generation.name == "g0001-all-MiniLM-L6-v2-3-1.1"
        assert await found(adopted, everything, "pump") == ["1"]
        assert adopted.filling
        await adopted.close()


async def test_what_was_being_dropped_is_gone_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "g0001-small-3-2.1.dropped").mkdir()
    generations = await opened(tmp_path, SMALL)
    assert not (tmp_path / "g0001-small-3-2.1.dropped").exists()
    with pytest.raises(PartUnavailable, match="in use by another process"):
        await opened(tmp_path, SMALL)
    await generations.close()
    again = await opened(tmp_path, SMALL)
    assert again.serving.generation.number == 1
    await again.close()


async def test_a_backup_that_is_restored_while_a_rebuild_begins_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations = await opened(tmp_path, SMALL)
    await generations.backup(tmp_path / "copy.gz")
    store = generations._store

    async def restore_slowly(into: Store, source: Path) -> Generation:
        restored = await fill_from_copy(into, source)
        await generations.begin()
        return restored

    monkeypatch.setattr("retrieval.index.serving.fill_from_copy", restore_slowly)
    with pytest.raises(Conflict, match="begun meanwhile"):
        await generations.restore(tmp_path / "copy.gz")
    assert len(await store.generations()) == 2
    await generations.close()
