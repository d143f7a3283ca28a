"""Following a run: its events as they come, restored for the viewer, over server-sent events."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession

from assistant.answer import EventKind
from assistant.conversations import mark_seen
from assistant.restoring import Viewer
from gateway import (
    CloisterError,
    Database,
    NotFound,
    NotSignedIn,
    PartUnavailable,
    log,
    principal_of_account,
    problem,
)

from .feed import RunFeed
from .service import events_of
from .tables import FINAL, Run, RunEvent
from .withheld import records_in, withhold

_LOOK_SECONDS: Final = 2.0
_BEAT_EVERY: Final = 8
_LONGEST_LOOKS: Final = 300
_NEWS: Final = frozenset({EventKind.HELD, EventKind.ASKED, EventKind.SENT_BACK, EventKind.DONE})
"""Events that make a conversation new to who was not there."""
_NEW_TOKENS: Final = frozenset({EventKind.SOURCES, EventKind.HELD, EventKind.RELEASED})


async def restored_events(
    viewer: Viewer, events: Sequence[RunEvent], sources: Sequence[RunEvent], *, again: bool = False
) -> list[dict[str, Any]]:
    """Events as pages read them: seq, kind, at, and data restored for the viewer.

    `sources` are the events of that kind of the same runs: what rests on a record that the viewer may not
    see any more is taken out. So it is with all of them while rights cannot be asked, but for a reader who
    comes back for the same events `again`: then that raises `PartUnavailable`.
    """
    if any(event.kind in _NEW_TOKENS for event in events):
        viewer.expect_new_tokens()
    permitted: Sequence[Mapping[str, Any]] = [event.data for event in events]
    if events and (records := records_in(sources)):
        try:
            visible = await viewer.visible(records)
        except PartUnavailable as error:
            if again:
                raise
            log.warning("runs.without_rights", part=error.part)
            visible = frozenset()
        permitted = withhold(events, sources, visible)
    shown = await viewer.values(permitted)
    return [
        {
            "seq": event.seq,
            "kind": event.kind,
            "at": event.at.isoformat() if event.at else None,
            "data": data,
        }
        for event, data in zip(events, shown, strict=True)
    ]


async def follow(
    database: Database, feed: RunFeed, viewer: Viewer, run_id: uuid.UUID, after: int
) -> AsyncIterator[str]:
    """Server-sent events from number `after` on, until the run has ended and all of it was sent.

    Ends after ten minutes at the latest: browsers come back with the number they have seen. An error
    of a part is sent as an event of the kind `problem`, and the stream ends; so it does for somebody whose
    account is disabled while they read.
    """
    with feed.subscribe(str(run_id)) as news:
        for look in range(_LONGEST_LOOKS):
            news.clear()
            try:
                async with database.transaction() as session:
                    run = await session.get_one(Run, run_id)
                    await _require_account(session, run)
                    events = await events_of(session, [run_id], after)
                    sources = await events_of(session, [run_id], kind=EventKind.SOURCES)
                for event in await restored_events(viewer, events, sources, again=True):
                    after = event["seq"]
                    yield f"id: {after}\nevent: {event['kind']}\ndata: {json.dumps(event['data'])}\n\n"
                if any(event.kind in _NEWS for event in events):
                    async with database.transaction() as session:
                        await mark_seen(session, run.conversation_id)  # it was watched
            except CloisterError as error:
                yield f"event: problem\ndata: {json.dumps(problem(error))}\n\n"
                return
            if run.state in FINAL:
                return
            if look % _BEAT_EVERY == _BEAT_EVERY - 1:
                yield ": still here\n\n"
            await _wait(news)


async def _require_account(session: AsyncSession, run: Run) -> None:
    try:
        await principal_of_account(session, account_id=str(run.principal_id))
    except NotFound as error:
        raise NotSignedIn("Your account may no longer sign in.") from error


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await news.wait()
    except TimeoutError:
        return
