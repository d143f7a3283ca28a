"""Conversations over HTTP."""

import uuid
from collections import defaultdict
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from assistant.answer import EventKind
from assistant.restoring import Viewer
from assistant.runs.follow import restored_events
from assistant.runs.service import events_of, request_cancel, runs_of
from assistant.runs.tables import FINAL
from assistant.session import SignedIn
from assistant.state import ConversationTitles, Door, Retrieval
from gateway import Conflict, DoorClient, Principal, TextPart, UnitOfWork
from retrieval import RetrievalClient

from .service import (
    change_conversation,
    delete_conversation,
    is_unread,
    list_conversations,
    mark_seen,
    own_conversation,
    title_of,
)
from .titles import Titles

router = APIRouter(prefix="/api/v1/conversations", tags=["conversations"])


class Change(BaseModel):
    """A new title, or pinned or not."""

    title: str | None = Field(None, max_length=200)
    pinned: bool | None = None


@router.get("")
async def read_all(
    principal: SignedIn, session: UnitOfWork, titles: ConversationTitles
) -> list[dict[str, Any]]:
    """The caller's conversations."""
    return await conversation_list(session, principal, titles)


@router.get("/{conversation_id}")
async def read(
    conversation_id: uuid.UUID, principal: SignedIn, session: UnitOfWork, door: Door, retrieval: Retrieval
) -> dict[str, Any]:
    """A conversation with its runs and their events."""
    return await conversation_view(session, principal, door, retrieval, conversation_id)


@router.patch("/{conversation_id}")
async def change(
    conversation_id: uuid.UUID, wanted: Change, principal: SignedIn, session: UnitOfWork, door: Door
) -> dict[str, Any]:
    """Rename or pin."""
    conversation = await own_conversation(session, principal, conversation_id)
    title = wanted.title
    if title and title.strip():
        redacted = await door.redact(
            principal, conversation_id, [TextPart("title", title_of(title))], purpose="edit"
        )
        title = redacted.parts[0].text
    await change_conversation(session, conversation, title=title, pinned=wanted.pinned)
    return {"id": str(conversation_id), "pinned": conversation.pinned}


@router.delete("/{conversation_id}", status_code=204)
async def delete(conversation_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> None:
    """Delete, and stop what is still under way in it."""
    conversation = await own_conversation(session, principal, conversation_id)
    for run in await runs_of(session, conversation_id):
        if run.state not in FINAL:
            with suppress(Conflict):  # it ended, or was decided, at this very moment
                await request_cancel(session, run, principal)
    await delete_conversation(session, conversation)


async def conversation_list(
    session: AsyncSession, principal: Principal, titles: Titles
) -> list[dict[str, Any]]:
    """The caller's conversations for the side list: titles restored, and whether something is new."""
    found = await list_conversations(session, principal)
    restored = await titles.of(principal, found)
    return [
        {
            "id": str(conversation.id),
            "title": title,
            "pinned": conversation.pinned,
            "updated_at": conversation.updated_at.isoformat() if conversation.updated_at else None,
            "unread": is_unread(conversation),
        }
        for conversation, title in zip(found, restored, strict=True)
    ]


async def conversation_view(
    session: AsyncSession,
    principal: Principal,
    door: DoorClient,
    retrieval: RetrievalClient,
    conversation_id: uuid.UUID,
) -> dict[str, Any]:
    """A conversation as its owner reads it."""
    conversation = await own_conversation(session, principal, conversation_id)
    await mark_seen(session, conversation_id)
    viewer = Viewer(door, retrieval, principal, conversation_id)
    runs = await runs_of(session, conversation_id)
    stored = await events_of(session, [run.id for run in runs])
    sources = [event for event in stored if event.kind == EventKind.SOURCES]
    events = await restored_events(viewer, stored, sources)
    by_run: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row, event in zip(stored, events, strict=True):
        by_run[row.run_id].append(event)
    title, *questions = await viewer.texts([conversation.title, *(run.question for run in runs)])
    feedback = await viewer.values([run.feedback or {} for run in runs])
    return {
        "id": str(conversation.id),
        "title": title,
        "pinned": conversation.pinned,
        "scope": conversation.scope,
        "runs": [
            {
                "id": str(run.id),
                "state": run.state,
                "question": question,
                "feedback": rated or None,
                "created_at": run.created_at.isoformat() if run.created_at else None,
                "events": by_run[run.id],
            }
            for run, question, rated in zip(runs, questions, feedback, strict=True)
        ],
    }
