"""What the officer's pages show: the queue without identities, and one item with its three readings."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode

from approvals import Handover, MailDraft


class ReviewState(StrEnum):
    """The tabs of the queue."""

    PENDING = "pending"
    MINE = "mine"
    DECIDED = "decided"
    EXPIRED = "expired"


@dataclass(frozen=True)
class QueueQuery:
    """What an officer wants to see of the queue, as it stands in the page's address.

    `sort` is urgency, as those who asked are told their place, or deadline, risk, age or queue, turned round
    by `-`; `text` is looked for in the
    customer's reference and the rep's pseudonym; `waiting` is "yes" for what a customer is waiting for.
    """

    state: ReviewState = ReviewState.PENDING
    queue: str = ""
    rule: str = ""
    risk: str = ""
    kind: str = ""
    text: str = ""
    sort: str = "urgency"
    waiting: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set."""
        return any((self.queue, self.rule, self.risk, self.kind, self.text, self.waiting))

    @property
    def address(self) -> str:
        """The query part of an address, empty for the queue as it is opened first."""
        members = {one.name: getattr(self, one.name) for one in fields(self)}
        usual = {one.name: one.default for one in fields(self)}
        return urlencode({name: str(value) for name, value in members.items() if value != usual[name]})

    def but(self, **changes: Any) -> Self:
        """The same with something changed."""
        return replace(self, **changes)

    def part(self, **changes: Any) -> str:
        """`?…` of the same with something changed, empty for the queue as it is opened first."""
        address = self.but(**changes).address
        return f"?{address}" if address else ""


@dataclass(frozen=True)
class FoundBy:
    """How a rule found something: words, likeness, mark, check, function or chance.

    `share` is how like the labelled examples of the rule it is, 0..1, and `example` the nearest of them; None
    and empty where that was not kept.
    """

    by: str
    share: float | None = None
    example: str = ""


@dataclass(frozen=True)
class ReviewRule:
    """A rule that held the answer: its title, in plain words what it looks for and why, and how it found it.

    `found` is empty in the queue, where nothing is opened yet.
    """

    rule: str
    title: str
    sentence: str = ""
    found: Sequence[FoundBy] = ()


@dataclass(frozen=True)
class ReviewLine:
    """An item in the queue. `own` is True when the officer asked it: they may not decide it.

    `approvals` of `reviewers` officers agree so far, and `voted` is True when the viewer is one of them.
    `customer` is a record's reference until the item is opened, then what a person calls it. `hash` names its
    text, `bulk` says that it can be decided together with others, and `read` that the viewer has opened that
    text: only then can it be approved.
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
    hash: str = ""
    bulk: bool = False
    read: bool = False
    kind: str = "answer"
    queue: str = ""
    queue_title: str = ""
    round: int = 1
    awaiting_rep: bool = False
    answered: bool = False
    claimed_until: datetime | None = None
    near: bool = False
    customer_waits_since: datetime | None = None


@dataclass(frozen=True)
class QueueLine:
    """One of the officer's queues: how many items wait, and who is on duty: seen at a queue, or elsewhere."""

    name: str
    title: str
    pending: int = 0
    here: Sequence[str] = ()
    elsewhere: Sequence[str] = ()


@dataclass(frozen=True)
class SavedFilter:
    """A filter that an officer has named; `address` is its query."""

    id: uuid.UUID
    name: str
    address: str


@dataclass(frozen=True)
class NoticeLine:
    """Something to look at, not seen yet; no content."""

    id: uuid.UUID
    item: uuid.UUID
    event: str
    at: datetime


@dataclass(frozen=True)
class ReviewList:
    """One tab of the queue, and the counts of all. `cut`: there are more than these lines.

    `rules` are those that hold what the tab shows, by name; `counts` and `queues` know no filter.
    A count above 999 stands for any such.
    """

    items: Sequence[ReviewLine]
    counts: Mapping[ReviewState, int]
    queues: Sequence[QueueLine] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    saved: Sequence[SavedFilter] = ()
    notices: Sequence[NoticeLine] = ()
    reject_reasons: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


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
    """How an item was decided and by whom, as officers name each other; requesters read the role."""

    outcome: str
    role: str
    at: datetime
    reason: str | None = None
    note: str | None = None
    text: str | None = None
    winner: str | None = None


@dataclass(frozen=True)
class HistoryEntry:
    """What was decided about an item, became of it, or was said.

    `what` is a verdict; `taken_back` or `lapsed`, and `of` the verdict that counts no more since; `redrafted`
    where a new draft came; or question, answer, handed_on (`to` whom), escalated (to `queue`, a title). A
    verdict that does not count any more is `undone`, and one for the text as it is `standing`. `diff` of an
    edit is [kind, text] in order; kind is kept, removed or added. `timer`: nobody did it, its time had come.
    """

    what: str
    who: str
    own: bool
    at: datetime
    text: str = ""
    round: int = 1
    of: str = ""
    reason: str | None = None
    undone: bool = False
    standing: bool = False
    entry: str = ""
    diff: Sequence[tuple[str, str]] = ()
    queue: str = ""
    to: str = ""
    timer: bool = False


@dataclass(frozen=True)
class EarlierDraft:
    """A draft that was sent back, and what the next one should do differently."""

    round: int
    draft: str
    instruction: str


@dataclass(frozen=True)
class ReviewView:
    """One held text. `hash` goes back with the decision, and `fence` while the viewer has claimed it.

    Three readings: `asked` and `shown` are restored for the officer, `saw` is the prompt as the model read
    it, with `saw_question` in it, and `saw_draft` is what it wrote. Highlights are given per reading:
    `{"asked": […], "saw_question": […], "saw_draft": […], "shown": […]}`. `draft` is the model's text where
    an officer's edit would be shown. `may_undo` while the viewer's own decision has not taken effect. The
    draft's texts are empty where the viewer asked the question and it is not released. `escalates_to` is
    the title of a queue; `hidden` counts by type what the model read as tokens; `second_for_edits` says
    that an edit waits for another officer. `history` is in order of time, and `remarks` of it were no votes.
    `barred` says that the viewer may not decide: `own` asked for it, `other_account` has a part in it.
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
    previous: uuid.UUID | None = None
    may_undo: bool = False
    saw: Sequence[PromptPart] = ()
    history: Sequence[HistoryEntry] = ()
    policy: str = ""
    shown_before: int = 0
    effective_after: datetime | None = None
    draft: str = ""
    fence: int | None = None
    kind: str = "answer"
    queue: str = ""
    queue_title: str = ""
    round: int = 1
    awaiting_rep: bool = False
    remarks: int = 0
    barred: str = ""
    earlier: Sequence[EarlierDraft] = ()
    mail: MailDraft | None = None
    handover: Handover | None = None
    escalates_to: str | None = None
    second_for_edits: bool = False
    hidden: Mapping[str, int] | None = None

    @property
    def edit(self) -> HistoryEntry | None:
        """The edit that would be shown and waits for another officer."""
        edits = [one for one in self.history if one.diff and one.standing]
        return edits[-1] if edits and not self.decision else None
