"""Where an item stands after a step, as every route that takes one answers."""

import uuid
from datetime import datetime

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import HeldItem, has_just_lapsed, is_just_taken_back, place_of, standing_approvals


class ItemStatus(BaseModel):
    """Where an item stands after a step; until `effective_after` its decider can undo.

    `approvals` of `needed` officers agree so far. `lapsed` says that an earlier approval counts no more from
    this step on: whoever gave it may decide no longer. `taken_back` says that they had written the text that
    was approved in this step, so that this approval is of no text that stands: the draft is there again.
    """

    id: uuid.UUID
    state: str
    hash: str
    claimed_until: datetime | None
    fence: int
    effective_after: datetime | None
    position: int | None
    queue: str
    round: int
    needed: int
    approvals: int
    lapsed: bool
    taken_back: bool


async def item_status(session: AsyncSession, item: HeldItem) -> ItemStatus:
    place = await place_of(session, item.id)
    return ItemStatus(
        id=item.id,
        state=item.state,
        hash=item.current_hash,
        claimed_until=item.claimed_until,
        fence=item.fence,
        effective_after=item.effective_after,
        position=place.position,
        queue=item.queue,
        round=item.round,
        needed=item.needed,
        approvals=await standing_approvals(session, item.id),
        lapsed=await has_just_lapsed(session, item.id),
        taken_back=await is_just_taken_back(session, item),
    )
