"""Parts of a process that are begun with it and end with it."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack

from retrieval.crm import CrmMap
from retrieval.records import Records
from retrieval.settings import CrmSettings


async def open_records(
    crm_map: CrmMap, settings: CrmSettings, timeout_s: float, stack: AsyncExitStack
) -> Records:
    """Connections of their own for those who wait and for the sync, which may take its time."""
    records = Records(crm_map, settings, timeout_s)
    stack.push_async_callback(records.close)
    await records.open()
    return records


def run_beside(stack: AsyncExitStack, work: Coroutine[object, object, None], name: str) -> None:
    """Run for as long as the process lives; at its end, stop between two steps."""
    task = asyncio.create_task(work, name=name)

    async def stop() -> None:
        while not task.done():
            # asyncio.wait_for in Python 3.11 can lose a cancellation (the CRM's pool uses it): ask again.
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)

    stack.push_async_callback(stop)
