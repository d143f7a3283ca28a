"""What the auditor's pages show, taken from the running appliance for the caller of one request."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from assistant.answer import Scale
from assistant.pages import (
    AuditEntry,
    AuditQuery,
    AuditTimeline,
    HoldLine,
    ReplayView,
    VerificationProgress,
    VerificationView,
    WeighedView,
)
from assistant.runs.replaying import ReplayReport, replay_run
from assistant.settings import WebSettings
from gateway import (
    FoundRun,
    Principal,
    Role,
    RunTimeline,
    ids_in,
    list_holds,
    logins_of,
    record,
    registered_events,
    require,
)

from .answers import read_timeline, runs_of_id
from .audit import Filters, account_of, position_after, timeline
from .events import AuditReading
from .verification import verifying
from .verifying import Progress


class AuditorPages:
    """The auditor's share of `PageData`; whoever mixes it in says who calls and what is running."""

    _state: Any
    _settings: WebSettings
    _session: AsyncSession

    @property
    def _caller(self) -> Principal:
        raise NotImplementedError

    async def audit(self, query: AuditQuery) -> AuditTimeline:
        """A page of the record; reading it is recorded."""
        actor = await account_of(self._session, query.actor)
        filters = Filters(
            actor, query.action, query.record, query.since, query.until, query.before, query.without
        )
        entries = await timeline(self._session, filters)
        ids = {row.actor for row, _, _ in entries} | ids_in(row.detail for row, _, _ in entries)
        names = await logins_of(self._session, ids)
        record(self._session, AuditReading.READ, self._caller, entries=len(entries))
        views = [
            AuditEntry(
                str(row.id),
                row.at or datetime.now(UTC),
                row.event,
                row.actor,
                row.roles,
                sequence,
                row.conversation,
                row.run,
                row.subject,
                row.detail,
                names.get(row.actor, ""),
                row.origin or "",
                row.erased_at,
            )
            for row, sequence, _ in entries
        ]
        return AuditTimeline(views, position_after(entries), sorted(registered_events()), names)

    async def verify_audit(self) -> AsyncGenerator[VerificationProgress | VerificationView, None]:
        """Check the whole record, and say how far that is."""
        state = self._state
        async with aclosing(verifying(state.database, self._caller, self._settings, state.verifying)) as told:
            async for one in told:
                if isinstance(one, Progress):
                    yield VerificationProgress(one.checked, one.of)
                    continue
                found = one.found
                yield VerificationView(
                    found.sealed,
                    found.unsealed,
                    found.checkpoints,
                    found.anchors,
                    found.faults,
                    datetime.now(UTC),
                    found.erased,
                    one.keys,
                    one.seconds,
                )

    async def holds(self) -> Sequence[HoldLine]:
        """Legal holds, the newest first."""
        require(self._caller, Role.AUDITOR)
        return [
            HoldLine(str(hold.id), hold.scope, hold.value or "", hold.reason, hold.placed_at, hold.lifted_at)
            for hold in await list_holds(self._session)
        ]

    async def answers_of(self, wanted: str) -> Sequence[FoundRun]:
        """The runs that the id of a run, an item or a conversation leads to."""
        return await runs_of_id(self._session, self._caller, wanted)

    async def answer(self, run: uuid.UUID) -> RunTimeline:
        """The timeline of one answer; reading it is recorded."""
        return await read_timeline(self._session, self._caller, run)

    async def replay(self, run: uuid.UUID, *, other_version: bool) -> ReplayView:
        """The question of an answer asked again; recorded."""
        state = self._state
        done = await replay_run(
            state.database, state.door, state.policy, self._caller, run, other_version=other_version
        )
        return _replay(done)


def _replay(done: ReplayReport) -> ReplayView:
    return ReplayView(
        str(done.run),
        done.at,
        done.attempt,
        done.attempts,
        done.question,
        done.asked_a_model,
        done.prompt,
        done.prompt_now,
        _weighed(done.then.version, done.then.weighs),
        _weighed(done.now.version, done.now.weighs),
        _weighed(done.then.version, done.today),
        done.same_text,
        done.same_prompt,
        done.same_version,
        done.same_weighing,
        done.changes,
        done.became,
        done.shown,
        done.given,
    )


def _weighed(version: str, scale: Scale) -> WeighedView:
    return WeighedView(version, scale.policy, scale.rules, scale.shadow, scale.tier, scale.held)
