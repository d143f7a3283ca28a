"""The index's map of rows is walked once, and by no collection that a question happens to begin."""

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from retrieval.sync import QuestionsFirst, heap

from .stand import Stand


class Ring:
    """Something that only a collection can free, and much of it."""

    def __init__(self) -> None:
        self.rows = [[self] for _ in range(200_000)]


async def collection() -> None:
    """Wait for a collection of everything to end."""
    done = asyncio.Event()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            done.set()

    gc.callbacks.append(note)
    try:
        async with asyncio.timeout(60):
            await done.wait()
    finally:
        gc.callbacks.remove(note)


@asynccontextmanager
async def collected_once(monkeypatch: pytest.MonkeyPatch, *, long_s: float) -> AsyncIterator[None]:
    """In the block everything has been collected once by what keeps collections short."""
    monkeypatch.setattr(heap, "_EVERY_S", 0.001)
    monkeypatch.setattr(heap, "_LONG_S", long_s)
    keeping = asyncio.create_task(heap.keep_collections_short(QuestionsFirst()))
    try:
        await collection()
        yield
    finally:
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


async def test_what_was_set_aside_and_became_garbage_is_freed_before_there_is_twice_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with collected_once(monkeypatch, long_s=0):
        former = Ring()
        seen = weakref.ref(former)
        await collection()
        assert gc.get_freeze_count() > len(former.rows)
        del former
        more = list[Ring]()
        while seen() is not None and len(more) < 50:
            more.append(Ring())
            await collection()
        assert more
        assert seen() is None


async def test_a_thread_has_its_usual_turns_again_when_the_process_has_ended(stand: Stand) -> None:
    before = sys.getswitchinterval()
    async with stand.running() as running:
        await running.caught_up()
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before
