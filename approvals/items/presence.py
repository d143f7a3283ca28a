"""Who is at the queue."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import Principal

from .tables import Presence

ON_DUTY: Final = timedelta(minutes=10)
_REMEMBER_AFTER: Final = timedelta(minutes=1)  # a queue that refreshes itself need not write each time


async def officers_on_duty(session: AsyncSession, *, besides: str | None = None) -> int:
    """How many officers have looked at the queue within ten minutes, `besides` one (the requester)."""
    seen = select(func.count()).select_from(Presence).where(col(Presence.seen_at) > func.now() - ON_DUTY)
    if besides is not None:
        seen = seen.where(Presence.reviewer != besides)
    return (await session.exec(seen)).one()


async def present(session: AsyncSession) -> frozenset[str]:
    """Officers who have looked at the queue within ten minutes."""
    seen = select(Presence.reviewer).where(col(Presence.seen_at) > func.now() - ON_DUTY)
    return frozenset(await session.exec(seen))


async def mark_present(session: AsyncSession, reviewer: Principal) -> None:
    """Remember that an officer is at the queue; before an item is locked, never after.

    Somebody with two windows would otherwise wait in one for the other, and there for this one.
    """
    recent = select(Presence.reviewer).where(
        Presence.reviewer == reviewer.id, col(Presence.seen_at) >= func.now() - _REMEMBER_AFTER
    )
    if (await session.exec(recent)).first() is not None:
        return
    seen = insert(Presence).values(reviewer=reviewer.id)
    await session.exec(
        seen.on_conflict_do_update(
            index_elements=["reviewer"],
            set_={"seen_at": func.now()},
            where=col(Presence.seen_at) < func.now() - _REMEMBER_AFTER,
        )
    )
