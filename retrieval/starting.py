"""Parts of a process that are begun with it and end with it."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack

from gateway import DoorClient, log
from retrieval.crm import CrmMap
from retrieval.records import Records
from retrieval.search.rerank import AsFound, Reranker, Reranks
from retrieval.settings import CrmSettings, IndexSettings


async def open_records(
    crm_map: CrmMap, settings: CrmSettings, timeout_s: float, stack: AsyncExitStack
) -> Records:
    """Connections of their own for those who wait and for the sync, which may take its time."""
    records = Records(crm_map, settings, timeout_s)
    stack.push_async_callback(records.close)
    await records.open()
    return records


def run_beside(stack: AsyncExitStack, work: Coroutine[object, object, None], name: str) -> None:
    """Run for as long as the process lives; at its end, stop between two steps.

    What fails ends the process in good order, to be started anew: without its parts it would be a sham.
    """
    task = asyncio.create_task(_doing(work, name), name=name)

    async def stop() -> None:
        while not task.done():
            # asyncio.wait_for in Python 3.11 can lose a cancellation (the CRM's pool uses it): ask again.
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)

    stack.push_async_callback(stop)


async def _doing(work: Coroutine[object, object, None], name: str) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the outermost of a task: nobody else hears of it
        log.error("process.part_failed", part=name, exc_info=error)
        _end_process()


def _end_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def reranks_of(settings: IndexSettings, door: DoorClient | None) -> Reranks:
    """What puts the best of what was found in order: a reranker behind the door, where one is named."""
    if settings.rerank_model is None or door is None:
        return AsFound()
    return Reranker(door, settings.rerank_model, top=settings.rerank_top, seconds=settings.rerank_s)
