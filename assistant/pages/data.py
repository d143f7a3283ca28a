"""What the pages need to know, and from whom: the composition implements `PageData`.

The shapes are those of the web API, so that a page's first view and its later refreshes agree. Texts
are already restored for the person who is signed in; times are aware datetimes.
"""

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway import FoundRun, Role, RunTimeline

from .auditing import HoldLine, ReplayView, VerificationProgress, VerificationView
from .review_data import QueueQuery, ReviewList, ReviewView


@dataclass(frozen=True)
class Viewer:
    """Who is signed in. `pending` is the officer's badge."""

    id: str
    login: str
    name: str
    roles: frozenset[Role]
    pending: int | None = None

    def has(self, *roles: Role) -> bool:
        """Whether any of `roles` is held."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class OpenedSession:
    """A session that has just been opened: the cookie's secret and how long it lives.

    `device` is the name and value of a cookie by which this browser is known at the account's next sign-in.
    `https` says that browsers come by HTTPS, also where a proxy in front speaks HTTP to us.
    """

    secret: str = field(repr=False)
    seconds: int
    device: tuple[str, str] | None = field(default=None, repr=False)
    https: bool = False


@dataclass(frozen=True)
class DemoAccount:
    """A sign-in that a demo appliance offers on its sign-in page."""

    login: str
    password: str = field(repr=False)
    name: str
    roles: Sequence[Role]
    note: str = ""


@dataclass(frozen=True)
class ConversationLine:
    """A conversation in the list; `unread` has something new, `held` waits for an officer."""

    id: uuid.UUID
    title: str
    updated_at: datetime
    pinned: bool = False
    running: bool = False
    held: bool = False
    unread: bool = False


@dataclass(frozen=True)
class RunEventView:
    """One event of a run as the API streams it."""

    seq: int
    kind: str
    data: Mapping[str, Any]
    at: datetime | None = None


@dataclass(frozen=True)
class RunView:
    """One question with what has happened so far."""

    id: uuid.UUID
    state: str
    question: str
    created_at: datetime
    events: Sequence[RunEventView]
    scope: str | None = None
    feedback: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ConversationView:
    """A thread. `scope` is an entity reference, `scope_label` what a person calls it."""

    id: uuid.UUID
    title: str
    runs: Sequence[RunView]
    pinned: bool = False
    scope: str | None = None
    scope_label: str | None = None


@dataclass(frozen=True)
class PartState:
    """A part of the appliance; `state` is ok, warn, down or off; `sentence` says what to do."""

    name: str
    state: str
    sentence: str = ""
    checked_at: datetime | None = None


@dataclass(frozen=True)
class SyncState:
    """One CRM entity in the index; `held` deletions wait for a decision, `kept` rows stay by one."""

    entity: str
    rows: int
    points: int
    vectors: int
    lag_seconds: float | None
    last_sync: datetime | None
    running: bool = False
    error: str | None = None
    mode: str | None = None
    held: int = 0
    kept: int = 0


@dataclass(frozen=True)
class ParkedState:
    """A row that could not be indexed."""

    entity: str
    key: str
    stage: str
    reason: str
    tries: int
    next_try: datetime


@dataclass(frozen=True)
class HealthView:
    """The administrator's page: states and numbers, never content."""

    parts: Sequence[PartState]
    sync: Sequence[SyncState]
    queue: Mapping[str, int]
    model: Mapping[str, str]
    checked_at: datetime
    parked: Sequence[ParkedState] = ()
    parked_in_all: int = 0


@dataclass(frozen=True)
class AuditQuery:
    """Filters of the timeline; `before` is the sequence or event to page on from, `without` are names of
    events, or their beginnings, to leave out."""

    actor: str = ""
    action: str = ""
    record: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditEntry:
    """One recorded event. `sequence` is None until sealed; `login` is that of an actor with an account."""

    id: str
    at: datetime
    event: str
    actor: str
    roles: Sequence[str] = ()
    sequence: int | None = None
    conversation: str | None = None
    run: str | None = None
    subject: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    login: str = ""
    origin: str = ""
    erased_at: datetime | None = None


@dataclass(frozen=True)
class AuditTimeline:
    """A page of events, newest first; `before` pages on, None at the end. `actions` fills the filter.

    `names` are the sign-in names of accounts whose ids the events' details hold.
    """

    entries: Sequence[AuditEntry]
    before: str | None = None
    actions: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)


class PageData(Protocol):
    """Everything the pages ask for, for the caller of this request.

    A FastAPI dependency: `create_pages_router(LivePages)` where the class takes `Request`, `UnitOfWork`
    and `MaybeSignedIn`. The routes check roles before they call; what is not the caller's raises
    `NotFound`.
    """

    async def viewer(self) -> Viewer | None:
        """Who is signed in; None sends the browser to the sign-in page."""

    async def sign_in(self, login: str, password: str) -> OpenedSession | None:
        """Open a session, None when the two do not match (for whatever reason)."""

    async def sign_out(self) -> None:
        """Close the caller's session; without one, nothing happens."""

    async def demo_accounts(self) -> Sequence[DemoAccount]:
        """Sign-ins to offer; empty unless the appliance is a demo."""

    async def company_is_invented(self) -> bool:
        """Whether what can be asked about is the demo's own company, and nobody's."""

    async def examples(self) -> Sequence[str]:
        """Questions for the empty chat that this caller can get an answer to."""

    async def conversations(self) -> Sequence[ConversationLine]:
        """The caller's conversations, pinned first, then the newest."""

    async def conversation(self, conversation_id: uuid.UUID) -> ConversationView:
        """The caller's thread with stored events, marked as seen. Raises `NotFound`."""

    async def reviews(self, query: QueueQuery) -> ReviewList:
        """One tab of the officer's queues, filtered and in order."""

    async def review(self, item_id: uuid.UUID, query: QueueQuery) -> ReviewView:
        """One held text; reading it is recorded, and its notices are seen. Raises `NotFound`.

        `query` says among which items its neighbours are.
        """

    async def health(self) -> HealthView:
        """States and numbers of the appliance. A part that does not answer is a state, not an error."""

    async def audit(self, query: AuditQuery) -> AuditTimeline:
        """A page of the audit log; reading it is recorded."""

    def verify_audit(self) -> AsyncGenerator[VerificationProgress | VerificationView, None]:
        """Check the whole record, and say how far that is."""

    async def holds(self) -> Sequence[HoldLine]:
        """Legal holds, the newest first."""

    async def answers_of(self, wanted: str) -> Sequence[FoundRun]:
        """The runs that the id of a run, an item or a conversation leads to."""

    async def answer(self, run: uuid.UUID) -> RunTimeline:
        """The timeline of one answer; reading it is recorded. Raises `NotFound`."""

    async def replay(self, run: uuid.UUID, *, other_version: bool) -> ReplayView:
        """The question of an answer asked again; recorded. Raises what cannot be replayed."""
