"""What officers ask who asked for an item, and what is answered."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import HeldItem, ItemKind, RemarkKind, Verdict, get_item, remarks_on, votes_on
from gateway import DoorClient, NotFound, Principal
from retrieval import RetrievalClient

from .reveal import reveal

_TO_THE_REP: Final = frozenset({RemarkKind.QUESTION, RemarkKind.ANSWER})


@dataclass(frozen=True)
class Asked:
    """A question of the officers to the rep, or the rep's answer (`own`); officers have no name here.

    Of a mail or a text for the CRM, which a person writes, it is also what its next draft should do.
    """

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
    said = [
        Asked(one.author == viewer.id, one.at, one.text)
        for one in await remarks_on(session, item.id)
        if one.kind in _TO_THE_REP and one.at is not None
    ]
    said = sorted([*said, *await _instructions(session, item)], key=lambda one: one.at)
    revealed = await reveal(door, retrieval, viewer, item, [one.text for one in said], own=True)
    return [Asked(one.own, one.at, revealed[one.text].shown) for one in said]


async def _instructions(session: AsyncSession, item: HeldItem) -> list[Asked]:
    """With what it was sent back; a decision that can still be undone has told nothing yet."""
    if item.kind is ItemKind.ANSWER:
        return []
    return [
        Asked(own=False, at=vote.at, text=vote.note)
        for vote in await votes_on(session, item.id)
        if vote.verdict is Verdict.SEND_BACK and vote.undone_at is None and vote.at and vote.note
        if vote.round < item.round or item.effect_at is not None
    ]
