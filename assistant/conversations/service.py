"""Conversations of one person. Someone else's is not found."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import BadInput, NotFound, Principal

from .tables import Conversation

TITLE_LENGTH: Final = 160
"""Characters of a title as it was typed."""


async def start_conversation(
    session: AsyncSession, owner: Principal, *, conversation_id: uuid.UUID, title: str, scope: str | None
) -> Conversation:
    """Open a conversation under an id that the caller chose (its token map may exist already)."""
    conversation = Conversation(id=conversation_id, owner=uuid.UUID(owner.id), title=title, scope=scope)
    session.add(conversation)
    await session.flush()
    return conversation


async def own_conversation(
    session: AsyncSession, owner: Principal, conversation_id: uuid.UUID
) -> Conversation:
    """The caller's conversation. Raises `NotFound` for another's and for deleted ones."""
    conversation = await session.get(Conversation, conversation_id)
    if conversation is None or conversation.deleted_at or str(conversation.owner) != owner.id:
        raise NotFound("There is no such conversation.")
    return conversation


async def list_conversations(session: AsyncSession, owner: Principal) -> Sequence[Conversation]:
    """The caller's conversations, pinned ones first, then the newest."""
    mine = (
        select(Conversation)
        .where(Conversation.owner == uuid.UUID(owner.id), col(Conversation.deleted_at).is_(None))
        .order_by(col(Conversation.pinned).desc(), col(Conversation.updated_at).desc())
        .limit(500)
    )
    return (await session.exec(mine)).all()


async def change_conversation(
    session: AsyncSession, conversation: Conversation, *, title: str | None, pinned: bool | None
) -> None:
    """Rename (with a title made by `title_of` and redacted) or pin. Raises `BadInput` for an empty title."""
    if title is not None:
        if not title.strip():
            raise BadInput("A title needs at least one character.")
        conversation.title = title
    if pinned is not None:
        conversation.pinned = pinned
    session.add(conversation)
    await session.flush()


async def delete_conversation(session: AsyncSession, conversation: Conversation) -> None:
    """Take a conversation out of its owner's sight."""
    conversation.deleted_at = datetime.now(UTC)
    session.add(conversation)
    await session.flush()


async def mark_seen(session: AsyncSession, conversation_id: uuid.UUID) -> None:
    """The owner has the thread open."""
    seen = update(Conversation).where(col(Conversation.id) == conversation_id)
    await session.exec(seen.values(seen_at=func.now()))


async def tell_news(session: AsyncSession, conversation_id: uuid.UUID) -> None:
    """Something came: it stands first in its owner's list, as new until they open it."""
    news = update(Conversation).where(col(Conversation.id) == conversation_id)
    await session.exec(news.values(updated_at=func.now()))


def is_unread(conversation: Conversation) -> bool:
    """Whether something came since its owner had it open last."""
    if conversation.updated_at is None:
        return False
    return conversation.seen_at is None or conversation.seen_at < conversation.updated_at


def title_of(typed: str) -> str:
    """The title that a text gives: its beginning, in one line. Made before it is redacted, for tokens have
    other lengths than what they stand for."""
    line = " ".join(typed.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
