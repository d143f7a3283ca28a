"""Stillness: nothing is erased while somebody reads the record to verify it, or places a legal hold."""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import PartUnavailable

PATIENCE_S: Final = 10.0
_STEP_S: Final = 0.25
_STILL: Final = text("SELECT pg_advisory_xact_lock_shared(59301)")  # `gateway.erase_events` wants it alone
_ALONE: Final = text("SELECT pg_try_advisory_xact_lock(59301)")
_UNTOLD: Final = text(
    "SELECT EXISTS (SELECT FROM gateway.audit_event e WHERE e.event = 'audit.erased'"
    " AND NOT EXISTS (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id))"
)


async def stop_erasing(session: AsyncSession) -> None:
    """Until this transaction ends nothing is erased; waits until what is being erased is gone."""
    await (await session.connection()).execute(_STILL)


async def begin_erasing(session: AsyncSession) -> bool:
    """Whether this transaction may erase what events are about: nobody reads the record or places a hold now,
    nor will until it ends."""
    return bool((await (await session.connection()).execute(_ALONE)).scalar_one())


async def keep_still(session: AsyncSession, patience_s: float | None = None) -> None:
    """Until this transaction ends nothing is erased, and of what was erased a sealed event tells.

    Raises `PartUnavailable` when that event is not sealed in time.
    """
    await stop_erasing(session)
    connection = await session.connection()
    ends = asyncio.get_running_loop().time() + (PATIENCE_S if patience_s is None else patience_s)
    while (await connection.execute(_UNTOLD)).scalar_one():
        if asyncio.get_running_loop().time() >= ends:
            raise PartUnavailable("record", "An erasure is not sealed yet. Try again in a minute.")
        await asyncio.sleep(_STEP_S)
