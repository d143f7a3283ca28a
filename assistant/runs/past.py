"""Past answers as they were drafted, for a policy to be tried on; tokenised, like all that is stored."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import DraftedSentence, HeldItem, PastAnswer
from assistant.answer import EventKind, Generation
from assistant.answer.support import Source, is_quoted
from gateway import NotFound, Role, principal_of_account

from .tables import Run, RunEvent, RunGeneration


async def past_answers(session: AsyncSession, since: datetime, limit: int) -> list[PastAnswer]:
    """The last answers that said something, held or shown, newest first.

    They are weighed with what they were weighed with then. Where that is kept no longer, with everything that
    was shown of their sources and the roles that people have now.
    """
    wanted = select(Run).where(col(Run.created_at) >= since).order_by(col(Run.created_at).desc()).limit(limit)
    runs = (await session.exec(wanted)).all()
    kept = await _kept(session, [run.id for run in runs])
    others = [run for run in runs if run.id not in kept]
    events = await _events(session, [run.id for run in others])
    held = {item.run: item for item in await _held(session, [run.id for run in others])}
    roles = {account: await _roles(session, account) for account in {run.principal_id for run in others}}
    answers = [
        kept[run.id].as_past(run.created_at)
        if run.id in kept
        else _told(run, events.get(run.id, []), held.get(run.id), roles[run.principal_id])
        for run in runs
    ]
    return [one for one in answers if one.sentences]


def _told(run: Run, events: Sequence[RunEvent], held: HeldItem | None, roles: frozenset[Role]) -> PastAnswer:
    data: dict[str, Any] = next((one.data for one in events if one.kind == EventKind.SOURCES), {})
    sources = [
        Source(row["n"], row["title"], row.get("text", row.get("value", "")))
        for row in (*data.get("passages", ()), *data.get("facts", ()))
    ]
    if held:
        drafted = [(one.text, one.supported) for one in held.held().sentences]
    else:
        drafted = [
            (one.data["text"], one.data["supported"]) for one in events if one.kind == EventKind.SENTENCE
        ]
    sentences = tuple(
        DraftedSentence(text, supported, is_quoted(text, sources)) for text, supported in drafted
    )
    return PastAnswer(
        run.question,
        sentences,
        roles,
        passages=tuple(one.whole for one in sources),
        marks=held.rule_hits() if held else (),
        at=run.created_at,
    )


async def _kept(session: AsyncSession, runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, Generation]:
    """The last draft of each run of which one is kept."""
    wanted = select(RunGeneration).where(col(RunGeneration.run_id).in_(runs))
    rows = await session.exec(wanted.order_by(col(RunGeneration.attempt)))
    return {row.run_id: Generation.from_json(row.made_of) for row in rows}


async def _events(session: AsyncSession, runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[RunEvent]]:
    wanted = select(RunEvent).where(
        col(RunEvent.run_id).in_(runs), col(RunEvent.kind).in_([EventKind.SOURCES, EventKind.SENTENCE])
    )
    found: dict[uuid.UUID, list[RunEvent]] = {}
    for event in (await session.exec(wanted.order_by(col(RunEvent.seq)))).all():
        found.setdefault(event.run_id, []).append(event)
    return found


async def _held(session: AsyncSession, runs: Sequence[uuid.UUID]) -> Sequence[HeldItem]:
    return (await session.exec(select(HeldItem).where(col(HeldItem.run).in_(runs)))).all()


async def _roles(session: AsyncSession, account: uuid.UUID) -> frozenset[Role]:
    try:
        return (await principal_of_account(session, account_id=str(account))).roles
    except NotFound:
        return frozenset()
