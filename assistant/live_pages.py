"""What the pages show, taken from the running appliance for the caller of one request."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from sqlalchemy import func
from sqlmodel import col, select

from approvals import pending_count
from assistant.admin.health import look_at_health
from assistant.admin.pages import AuditorPages
from assistant.conversations import is_unread, list_conversations
from assistant.conversations.api import conversation_view
from assistant.pages import (
    ConversationLine,
    ConversationView,
    DemoAccount,
    HealthView,
    OpenedSession,
    ParkedState,
    PartState,
    QueueQuery,
    ReviewList,
    ReviewView,
    RunEventView,
    RunView,
    SyncState,
    Viewer,
)
from assistant.reviews import list_reviews, read_review, see_notices
from assistant.runs.tables import FINAL, Run, RunState
from assistant.session import SESSION_COOKIE, MaybeSignedIn
from assistant.settings import WebSettings
from gateway import (
    Account,
    CloisterError,
    NotSignedIn,
    Origin,
    PartUnavailable,
    Principal,
    Role,
    UnitOfWork,
    UpstreamFailed,
    device_cookie,
    sign_in,
    sign_out,
)
from retrieval import ParkedRecords, RetrievalClient

_PARKED = 20  # rows that the page shows
_DEMO_QUESTIONS = ("How much may I refund without asking?", "How long is the warranty on a heat pump?")


class LivePages(AuditorPages):
    """`PageData` on the appliance; a FastAPI dependency."""

    def __init__(self, request: Request, session: UnitOfWork, principal: MaybeSignedIn) -> None:
        self._state: Any = request.state
        self._settings: WebSettings = request.state.settings
        self._session = session
        self._principal = principal
        self._secret = request.cookies.get(SESSION_COOKIE, "")
        self._address = request.client.host if request.client else ""
        self._cookies = request.cookies

    async def viewer(self) -> Viewer | None:
        """Who is signed in."""
        who = self._principal
        if who is None:
            return None
        pending = await pending_count(self._session, who) if who.has(Role.OFFICER) else None
        return Viewer(who.id, who.login, who.name, who.roles, pending)

    async def sign_in(self, login: str, password: str) -> OpenedSession | None:
        """Open a session."""
        kept = device_cookie(login)
        origin = Origin(self._address, self._cookies.get(kept, ""))
        opened = await sign_in(self._state.database, login, password, self._settings.accounts, origin)
        if opened is None:
            return None
        seconds = self._settings.accounts.session_hours * 3600
        return OpenedSession(opened.secret, seconds, (kept, opened.device), https=self._settings.https)

    async def sign_out(self) -> None:
        """Close the caller's session."""
        if self._principal and self._secret:
            await sign_out(self._session, self._secret, self._principal)

    async def demo_accounts(self) -> Sequence[DemoAccount]:
        """The sign-ins that a demo appliance offers, as its start has said them."""
        demo = self._settings.demo
        if demo is None:
            return ()
        logins = [one.login for one in demo.offered]
        enabled = select(Account).where(col(Account.login).in_(logins), col(Account.disabled).is_(False))
        accounts = {account.login: account for account in await self._session.exec(enabled)}
        return [
            DemoAccount(
                one.login,
                demo.password,
                accounts[one.login].name,
                [Role(role) for role in accounts[one.login].roles],
                one.note,
            )
            for one in demo.offered
            if one.login in accounts
        ]

    async def company_is_invented(self) -> bool:
        """Whether the demo's own company is served."""
        return self._settings.demo is not None and self._settings.demo.invented

    async def examples(self) -> Sequence[str]:
        """Questions made of the map and of this caller's records; on a demo also about its articles."""
        general = _DEMO_QUESTIONS if await self.company_is_invented() else ()
        try:
            return [*await self._state.retrieval.suggestions(self._caller), *general]
        except (PartUnavailable, UpstreamFailed):
            return ()  # whoever asks all the same is told which part is missing

    async def conversations(self) -> Sequence[ConversationLine]:
        """The caller's conversations."""
        found = await list_conversations(self._session, self._caller)
        titles = await self._state.titles.of(self._caller, found)
        states = await self._open_states([one.id for one in found])
        return [
            ConversationLine(
                one.id,
                title,
                one.updated_at or datetime.now(UTC),
                pinned=one.pinned,
                running=bool(states.get(one.id, set()) & {RunState.QUEUED, RunState.RUNNING}),
                held=RunState.HELD in states.get(one.id, set()),
                unread=is_unread(one),
            )
            for one, title in zip(found, titles, strict=True)
        ]

    async def conversation(self, conversation_id: uuid.UUID) -> ConversationView:
        """The caller's thread."""
        view = await conversation_view(
            self._session, self._caller, self._state.door, self._state.retrieval, conversation_id
        )
        return ConversationView(
            conversation_id,
            view["title"],
            [_run_view(run) for run in view["runs"]],
            view["pinned"],
            view["scope"],
            await self._label_of(view["scope"]),
        )

    async def reviews(self, query: QueueQuery) -> ReviewList:
        """One tab of the queue."""
        return await list_reviews(self._session, self._state.policy, self._caller, query)

    async def review(self, item_id: uuid.UUID, query: QueueQuery) -> ReviewView:
        """One held text."""
        state = self._state
        opened = await read_review(
            self._session, state.policy, state.door, state.retrieval, self._caller, item_id, query
        )
        await see_notices(self._session, self._caller, item_id)
        return opened

    async def health(self) -> HealthView:
        """The state of every part."""
        found = await look_at_health(
            self._session,
            self._caller,
            self._settings.peers,
            self._state.door,
            self._state.retrieval,
            self._settings.state_folder,
        )
        entities = found.sync.entities if found.sync else ()
        parked = await self._parked() if any(row.parked for row in entities) else None
        return HealthView(
            [PartState(part.name, part.state, part.sentence, found.checked_at) for part in found.parts],
            [
                SyncState(
                    row.entity,
                    row.rows,
                    row.points,
                    row.vectors,
                    row.lag_seconds,
                    row.last_sync,
                    row.running,
                    row.error,
                    row.mode,
                    row.held,
                    row.kept,
                )
                for row in entities
            ],
            {**await self._runs_now(), "failed": found.queue.get("failed", 0)},
            found.models,
            found.checked_at,
            [
                ParkedState(row.entity, row.key, row.stage, row.reason, row.tries, row.next_try)
                for row in (parked.rows[:_PARKED] if parked else ())
            ],
            parked.total if parked else 0,
        )

    async def _parked(self) -> ParkedRecords | None:
        retrieval: RetrievalClient = self._state.retrieval
        try:
            return await retrieval.sync_parked(self._caller)
        except CloisterError:
            return None

    @property
    def _caller(self) -> Principal:
        if self._principal is None:
            raise NotSignedIn("Sign in first.")
        return self._principal

    async def _open_states(self, conversations: Sequence[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
        found = (
            select(Run.conversation_id, func.array_agg(col(Run.state)))
            .where(col(Run.conversation_id).in_(conversations), col(Run.state).not_in(FINAL))
            .group_by(col(Run.conversation_id))
        )
        return {conversation: set(states) for conversation, states in await self._session.exec(found)}

    async def _runs_now(self) -> dict[str, int]:
        """How many questions wait, are being answered, and are held; no job says what is in them."""
        counted = select(Run.state, func.count()).where(col(Run.state).not_in(FINAL)).group_by(Run.state)
        numbers = {state: number for state, number in await self._session.exec(counted)}
        shown = {"waiting": RunState.QUEUED, "running": RunState.RUNNING, "held": RunState.HELD}
        return {name: numbers.get(state, 0) for name, state in shown.items()}

    async def _label_of(self, scope: str | None) -> str | None:
        if scope is None:
            return None
        found = await self._state.retrieval.search(self._caller, "record", scope=scope, limit=1)
        titles = [fact.title for fact in found.facts] or [passage.title for passage in found.passages]
        return titles[0] if titles else scope


def _run_view(run: dict[str, Any]) -> RunView:
    events = [
        RunEventView(event["seq"], event["kind"], event["data"], datetime.fromisoformat(event["at"]))
        for event in run["events"]
    ]
    created = datetime.fromisoformat(run["created_at"])
    return RunView(
        uuid.UUID(run["id"]), run["state"], run["question"], created, events, feedback=run["feedback"]
    )
