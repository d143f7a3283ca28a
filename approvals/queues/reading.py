"""One item as an officer reads it: itself, what was said of it, and that it was opened."""

import uuid
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import exists, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.events import ApprovalEvent, record_item
from approvals.items.persons import is_same_person
from approvals.items.presence import mark_present
from approvals.items.tables import Draft, HeldItem, Opening, Remark, RemarkKind, Vote
from gateway import NotFound, Principal, Role

from .routing import belongs


async def get_item(session: AsyncSession, viewer: Principal, item_id: uuid.UUID) -> HeldItem:
    """An item, for officers of its queue and its requester. Raises `NotFound`, also when it is not theirs."""
    item = await session.get(HeldItem, item_id, populate_existing=True)
    if item is None or not (item.requester == viewer.id or await _may_see(session, viewer, item)):
        raise NotFound("There is no such item.")
    return item


async def _may_see(session: AsyncSession, viewer: Principal, item: HeldItem) -> bool:
    """Officers of its queue, and whoever has a standing vote on the text as it is."""
    if not viewer.has(Role.OFFICER):
        return False
    voted = exists().where(
        col(Vote.item) == item.id,
        col(Vote.reviewer) == viewer.id,
        col(Vote.round) == item.round,
        col(Vote.payload_hash) == item.current_hash,
        col(Vote.undone_at).is_(None),
    )
    return bool((await session.exec(select(or_(belongs(item.queue, viewer.id), voted)))).one())


async def votes_on(session: AsyncSession, item_id: uuid.UUID) -> Sequence[Vote]:
    """Every vote on an item, undone ones too, oldest first."""
    found = select(Vote).where(Vote.item == item_id).order_by(col(Vote.at), col(Vote.id))
    return (await session.exec(found)).all()


async def remarks_on(session: AsyncSession, item_id: uuid.UUID) -> Sequence[Remark]:
    """What was asked, answered and handed on about an item, oldest first."""
    found = select(Remark).where(Remark.item == item_id).order_by(col(Remark.at), col(Remark.id))
    return (await session.exec(found)).all()


async def has_just_lapsed(session: AsyncSession, item_id: uuid.UUID) -> bool:
    """Whether a vote on an item came to count no more in this very transaction."""
    lapsed = exists().where(
        col(Remark.item) == item_id, col(Remark.kind) == RemarkKind.LAPSED, col(Remark.at) == func.now()
    )
    return (await session.exec(select(lapsed))).one()


async def is_just_taken_back(session: AsyncSession, item: HeldItem) -> bool:
    """Whether the text that somebody voted on in this very transaction is no longer the item's."""
    gone = exists().where(
        col(Vote.item) == item.id,
        col(Vote.round) == item.round,
        col(Vote.at) == func.now(),
        col(Vote.undone_at).is_(None),
        col(Vote.payload_hash) != item.current_hash,
    )
    return (await session.exec(select(gone))).one()


async def earlier_drafts(session: AsyncSession, item_id: uuid.UUID) -> Sequence[Draft]:
    """Drafts of an item that were sent back, oldest first."""
    found = select(Draft).where(Draft.item == item_id).order_by(col(Draft.round))
    return (await session.exec(found)).all()


async def item_to_open(session: AsyncSession, viewer: Principal, item_id: uuid.UUID) -> HeldItem:
    """An item that this officer may open. `note_opened` comes before anything of it is shown.

    Raises `NotFound`, also to a requester who is no officer.
    """
    item = await get_item(session, viewer, item_id)
    if not viewer.has(Role.OFFICER):
        raise NotFound("There is no such item.")
    return item


async def note_opened(session: AsyncSession, viewer: Principal, item: HeldItem) -> None:
    """Remember when an officer first saw this text, and record that identities are about to be shown.

    Nothing is recorded of an officer's own request: its draft must not be shown to them before it is
    released.
    """
    if await is_same_person(session, item.requester, viewer.id):
        return
    opened = insert(Opening).values(item=item.id, reviewer=viewer.id, payload_hash=item.current_hash)
    await session.exec(
        opened.on_conflict_do_update(
            index_elements=["item", "reviewer"],
            set_={"payload_hash": item.current_hash, "opened_at": func.now()},
            where=col(Opening.payload_hash) != item.current_hash,
        )
    )
    await mark_present(session, viewer)
    record_item(session, ApprovalEvent.OPENED, viewer, item)


def pseudonym(requester: str) -> str:
    """A rep's name in the queue: the same for the same rep, and no identity."""
    return f"rep-{sha256(requester.encode()).hexdigest()[:4]}"
