"""What the pages need to know, and from whom: the composition implements `PageData`.

The shapes are those of the web API, so that a page's first view and its later refreshes agree. Texts
are already restored for the person who is signed in; times are aware datetimes.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from gateway import Role


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


class ReviewState(StrEnum):
    """The tabs of the queue."""

    PENDING = "pending"
    MINE = "mine"
    DECIDED = "decided"
    EXPIRED = "expired"


@dataclass(frozen=True)
class ReviewRule:
    """A rule that held the answer: its title, and in plain words what it looks for and why."""

    rule: str
    title: str
    sentence: str = ""


@dataclass(frozen=True)
class ReviewLine:
    """An item in the queue. `own` is True when the officer asked it: they may not decide it.

    `approvals` of `reviewers` officers agree so far, and `voted` is True when the viewer is one of them.
    `customer` is a record's reference until the item is opened, then what a person calls it.
    """

    id: uuid.UUID
    risk: str
    rules: Sequence[ReviewRule]
    created_at: datetime
    deadline: datetime
    rep: str
    state: str = "pending"
    customer: str | None = None
    assignee: str | None = None
    mine: bool = False
    own: bool = False
    outcome: str | None = None
    decided_at: datetime | None = None
    approvals: int = 0
    reviewers: int = 1
    voted: bool = False


@dataclass(frozen=True)
class ReviewList:
    """One tab of the queue, and the counts of all."""

    items: Sequence[ReviewLine]
    counts: Mapping[ReviewState, int]


@dataclass(frozen=True)
class Highlight:
    """Code points `start` to `end` (half open) of a text; `kind` is rule, unsupported or identity."""

    start: int
    end: int
    kind: str
    label: str


@dataclass(frozen=True)
class Passage:
    """A permitted passage as the `sources` event carries it."""

    n: int
    id: str
    entity: str
    field: str
    title: str
    text: str
    url: str | None = None
    internal: bool = False
    as_of: datetime | str | None = None


@dataclass(frozen=True)
class Fact:
    """A live fact as the `sources` event carries it; all facts of one record have one number `n`."""

    label: str
    value: str
    kind: str = "text"
    title: str = ""
    as_of: datetime | str | None = None
    n: int | None = None
    entity: str = ""


@dataclass(frozen=True)
class Sources:
    """What the draft was written from."""

    passages: Sequence[Passage] = ()
    facts: Sequence[Fact] = ()
    stale: bool = False


@dataclass(frozen=True)
class PromptPart:
    """A text of the prompt, tokenised: `part` is instructions, question, answer or source."""

    part: str
    text: str
    highlights: Sequence[Highlight] = ()


@dataclass(frozen=True)
class ReviewDecision:
    """How an item was decided, by a role and never with a name."""

    outcome: str
    role: str
    at: datetime
    reason: str | None = None
    note: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class ReviewView:
    """One held answer. `hash` goes back with the decision.

    Three readings: `asked` and `shown` are restored for the officer, `saw` is the prompt as the model read
    it, with `saw_question` in it, and `saw_draft` is what it wrote. Highlights are given per reading:
    `{"asked": […], "saw_question": […], "saw_draft": […], "shown": […]}`. `may_undo` while the viewer's own
    decision has not taken effect.
    """

    line: ReviewLine
    hash: str
    asked: str
    shown: str
    saw_question: str
    saw_draft: str
    thread: Sequence[tuple[str, str]] = ()
    highlights: Mapping[str, Sequence[Highlight]] = field(default_factory=dict)
    sources: Sources = Sources()
    reject_reasons: Mapping[str, str] = field(default_factory=dict)
    decision: ReviewDecision | None = None
    claimed_until: datetime | None = None
    next: uuid.UUID | None = None
    may_undo: bool = False
    saw: Sequence[PromptPart] = ()


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
    """Filters of the timeline; `before` is the sequence or event to page on from."""

    actor: str = ""
    action: str = ""
    record: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""


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


@dataclass(frozen=True)
class AuditTimeline:
    """A page of events, newest first; `before` pages on, None at the end. `actions` fills the filter."""

    entries: Sequence[AuditEntry]
    before: str | None = None
    actions: Sequence[str] = ()


@dataclass(frozen=True)
class VerificationView:
    """What a verification checked, and every fault it found."""

    sealed: int
    unsealed: int
    checkpoints: int
    anchors: int
    faults: Sequence[str] = ()
    at: datetime | None = None


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

    async def reviews(self, state: ReviewState) -> ReviewList:
        """One tab of the officer's queue."""

    async def review(self, item_id: uuid.UUID) -> ReviewView:
        """One held answer; reading it is recorded. Raises `NotFound`."""

    async def health(self) -> HealthView:
        """States and numbers of the appliance. A part that does not answer is a state, not an error."""

    async def audit(self, query: AuditQuery) -> AuditTimeline:
        """A page of the audit log; reading it is recorded."""

    async def verify_audit(self) -> VerificationView:
        """Check the whole record."""
