"""What officers ask who asked for an item, and what is answered."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import RemarkKind, get_item, remarks_on
from gateway import DoorClient, NotFound, Principal
from retrieval import RetrievalClient

from .reveal import reveal

_TO_THE_REP: Final = frozenset({RemarkKind.QUESTION, RemarkKind.ANSWER})


@dataclass(frozen=True)
class Asked:
    """A question of the officers to the rep, or the rep's answer (`own`); officers have no name here."""

    own: bool
    at: datetime
    text: str


async def read_questions(
    session: AsyncSession,
    door: DoorClient,
    retrieval: RetrievalClient,
    viewer: Principal,
    item_id: uuid.UUID,
) -> list[Asked]:
    """What officers asked the requester, and the answers, oldest first; nothing of the draft.

    Raises `NotFound` for whoever did not ask for the item.
    """
    item = await get_item(session, viewer, item_id)
    if item.requester != viewer.id:
        raise NotFound("There is no such item.")
    said = [one for one in await remarks_on(session, item.id) if one.kind in _TO_THE_REP]
    revealed = await reveal(door, retrieval, viewer, item, [one.text for one in said], own=True)
    return [
        Asked(one.author == viewer.id, one.at, revealed[one.text].shown) for one in said if one.at is not None
    ]
