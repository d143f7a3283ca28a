"""The index's map of rows is walked once, and by no collection that a question happens to begin."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from retrieval.sync import QuestionsFirst, heap


@asynccontextmanager
async def collected_once(monkeypatch: pytest.MonkeyPatch, *, long_s: float) -> AsyncIterator[None]:
    """In the block everything has been collected once by what keeps collections short."""
    monkeypatch.setattr(heap, "_EVERY_S", 0.001)
    monkeypatch.setattr(heap, "_LONG_S", long_s)
    done = asyncio.Event()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            done.set()

    gc.callbacks.append(note)
    keeping = asyncio.create_task(heap.keep_collections_short(QuestionsFirst()))
    try:
        async with asyncio.timeout(60):
            await done.wait()
        yield
    finally:
        gc.callbacks.remove(note)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_what_is_there_to_stay_is_set_aside_and_given_back_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, rows = gc.get_threshold(), [[number] for number in range(10_000)]
    async with collected_once(monkeypatch, long_s=0):
        assert gc.get_freeze_count() > len(rows)
        assert not any(one is rows for one in gc.get_objects())
        assert gc.get_threshold()[2] > before[2]
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


async def test_nothing_is_set_aside_while_collections_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collected_once(monkeypatch, long_s=60):
        assert gc.get_freeze_count() == 0
