"""A small invented company for the pages' own tests: an implementation of `PageData` without an appliance."""

import re
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from fastapi import Request

from approvals import MailDraft
from assistant.pages import (
    AuditEntry,
    AuditQuery,
    AuditTimeline,
    ConversationLine,
    ConversationView,
    DemoAccount,
    EarlierDraft,
    Fact,
    FoundBy,
    HealthView,
    Highlight,
    HistoryEntry,
    HoldLine,
    NoticeLine,
    OpenedSession,
    ParkedState,
    PartState,
    Passage,
    PromptPart,
    QueueLine,
    QueueQuery,
    ReplayView,
    ReviewDecision,
    ReviewLine,
    ReviewList,
    ReviewRule,
    ReviewState,
    ReviewView,
    RunEventView,
    RunView,
    SavedFilter,
    Sources,
    SyncState,
    VerificationProgress,
    VerificationView,
    Viewer,
    WeighedView,
)
from assistant.runs.errors import AnotherVersion
from gateway import Conflict, FoundRun, Missing, NotFound, Role, RunTimeline, TimelineStep

NOW = datetime.now(UTC)
LOGINS: Mapping[str, Sequence[Role]] = {
    "rita": [Role.REP],
    "otto": [Role.OFFICER],
    "adam": [Role.ADMIN],
    "aude": [Role.AUDITOR],
    "lena": [Role.REP, Role.LEAD, Role.OFFICER, Role.AUDITOR, Role.ADMIN],
    "bare": [],
}
EVERY_STATE = uuid.UUID("11111111-1111-4111-8111-111111111111")
ONE_ANSWER = uuid.UUID("22222222-2222-4222-8222-222222222222")
HELD_ITEM = uuid.UUID("33333333-3333-4333-8333-333333333333")
EDITOR = "77777777-7777-4777-8777-777777777777"
DECIDED_ITEM = uuid.UUID("44444444-4444-4444-8444-444444444444")
VOTED_ITEM = uuid.UUID(int=2)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def ago(**span: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(**span)


PASSAGES = (
    Passage(
        1,
        "p1",
        "case:2041",
        "description",
        "Case 2041: Router loses connection after update 4.2",
        "Customer reports that the router drops the connection every 20 minutes since firmware 4.2. "
        "Restart helps for a while. A replacement was promised for Thursday.",
        "https://crm.example.test/cases/2041",
        False,
        ago(hours=5),
    ),
    Passage(
        2,
        "p2",
        "note:912",
        "body",
        "Note of the second level on case 2041",
        "Known fault of batch B7. Do not tell customers the batch number. A replacement is approved.",
        "https://crm.example.test/notes/912",
        True,
        ago(hours=2),
    ),
    Passage(
        3,
        "p3",
        "article:17",
        "text",
        "Replacing a device under warranty",
        "Within 24 months a faulty device is replaced free of charge. The new one ships within two working "
        "days. The customer returns the old one within 14 days with the label enclosed.",
        None,
        False,
        ago(days=40),
    ),
)
FACTS = (
    Fact("Status", "Open, waiting for goods", "text", "Case 2041", ago(seconds=4), 4),
    Fact("Balance", "€ 182.40", "money", "Nordwind Logistics", ago(seconds=4), 5),
    Fact("Last order", "SO-88213, shipped", "text", "Nordwind Logistics", ago(seconds=4), 5),
)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as the API would give it."""
    from pydantic import TypeAdapter

    found: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return found


SOURCES = {"passages": [plain(p) for p in PASSAGES], "facts": [plain(f) for f in FACTS], "stale": False}
SENTENCES = (
    {
        "index": 0,
        "text": "The router loses its connection every 20 minutes since **firmware 4.2**, and a replacement "
        "was promised for Thursday [1].",
        "citations": [1],
        "supported": True,
    },
    {
        "index": 1,
        "text": " It is a known fault, and a replacement from stock is approved [2].",
        "citations": [2],
        "supported": True,
    },
    {"index": 2, "text": "\n\nWhat to do next:", "citations": [], "supported": True},
    {
        "index": 3,
        "text": "\n- Send the new device; it ships within two working days [3].",
        "citations": [3],
        "supported": True,
    },
    {
        "index": 4,
        "text": "\n- Offer a month free of charge.",
        "citations": [],
        "supported": False,
    },
    {
        "index": 5,
        "text": "\n- Ask for the old one within 14 days [3], see [the shop](https://evil.example.test/x).",
        "citations": [3],
        "supported": True,
    },
    {
        "index": 6,
        "text": "\n\nThe balance of Nordwind Logistics is € 182.40. [5]",
        "citations": [5],
        "supported": True,
    },
)
START: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("stage", {"name": "accepted"}),
    ("masked", {"count": 2, "types": {"PERSON": 1, "ORGANIZATION": 1}}),
    ("stage", {"name": "searching"}),
    ("stage", {"name": "checking", "found": 6, "facts": 3}),
    ("sources", SOURCES),
    ("stage", {"name": "writing", "found": 3, "facts": 3}),
)
HELD = {
    "item": str(HELD_ITEM),
    "reasons": [{"rule": "credit_limit", "sentence": "It speaks of a credit of more than € 100."}],
    "position": 3,
    "deadline": (NOW + timedelta(hours=3)).isoformat(),
    "whole": True,
}
RECEIPT = {
    "question": {"PERSON": 1},
    "prompt": {"EMAIL": 1, "ORGANIZATION": 1, "PERSON": 1},
    "shown": {"ORGANIZATION": 1, "PERSON": 1},
    "model": True,
}
WEIGHED: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("stage", {"name": "weighing"}),
    ("receipt", RECEIPT),
)
ANSWER = [*START, *(("sentence", s) for s in SENTENCES), *WEIGHED, ("done", {})]


def run(question: str, *kinds: tuple[str, Mapping[str, Any]], state: str = "done", **more: Any) -> RunView:
    """A run that these events happened in."""
    events = [RunEventView(seq, kind, data, NOW) for seq, (kind, data) in enumerate(kinds, 1)]
    return RunView(uuid.uuid4(), state, question, ago(minutes=7), events, **more)


def every_state() -> list[RunView]:
    """One run in each state that a thread can show."""
    held_part = {**HELD, "whole": False}
    released = {
        "role": "officer",
        "at": ago(minutes=1).isoformat(),
        "edited": True,
        "text": "We grant a credit of € 80 for the delay [1].",
        "citations": [1],
    }
    rejected = {
        "reason": "not_allowed",
        "note": "No credit without the lead.",
        "at": ago(minutes=2).isoformat(),
    }
    start = START[:6]
    return [
        run("Refused question", ("refused", {"sentence": "This question was not passed on."}), ("done", {})),
        run("Nothing found", START[0], ("nothing_found", {"sentence": "I found nothing."}), ("done", {})),
        run("No summary", *start, ("no_summary", {"sentence": "The model is not available."}), ("done", {})),
        run(
            "Failed question",
            ("failed", {"part": "door", "sentence": "The door cannot be reached.", "retry": True}),
            ("done", {}),
        ),
        run(
            "Interrupted",
            *START,
            ("sentence", SENTENCES[0]),
            ("interrupted", {"sentence": "Broken off."}),
            ("done", {}),
        ),
        run("Stopped", *START, ("sentence", SENTENCES[0]), ("cancelled", {}), ("done", {})),
        run(
            "Rejected",
            *START,
            ("sentence", SENTENCES[0]),
            ("held", held_part),
            ("retracted", {"sentences": [0]}),
            ("rejected", rejected),
            ("done", {}),
        ),
        run(
            "Sent back in vain",
            *start,
            ("held", HELD),
            ("sent_back", {"note": "Ask for the order.", "again": True}),
            ("nothing_found", {"sentence": "I found nothing."}),
            ("done", {}),
        ),
        run("Expired", *start, ("held", HELD), ("expired", {"approvals": 1}), ("done", {})),
        run("Taken back", *start, ("held", HELD), ("cancelled", {}), ("done", {})),
        run("Released", *start, ("held", HELD), ("released", released), ("done", {})),
        run("Half held", *START, ("sentence", SENTENCES[0]), ("held", held_part), state="held"),
        run("Wholly held: may we grant a credit of € 150?", *start, ("held", HELD), state="held"),
    ]


THREADS: Mapping[uuid.UUID, ConversationView] = {
    ONE_ANSWER: ConversationView(
        ONE_ANSWER,
        "Router of Nordwind Logistics",
        [run("What is open for Nordwind Logistics, and what did we promise?", *ANSWER)],
    ),
    EVERY_STATE: ConversationView(
        EVERY_STATE, f"Every state {HOSTILE}", every_state(), scope="account:12", scope_label="Nordwind"
    ),
}
RULES = (
    ReviewRule(
        "credit_limit", "Credit above the limit", "A credit or refund of more than € 100 is promised."
    ),
    ReviewRule("unsupported", "Claim without a source", "A sentence says something that no source contains."),
)
ASKED = "May we grant Maria Keller of Nordwind Logistics a credit of € 150 for the delay?"
SHOWN = "We can grant Maria Keller a credit of € 150 [1]. She has been a customer since 2009."
SAW_QUESTION = "May we grant <PERSON_1> of <ORGANIZATION_1> a credit of € 150 for the delay?"
SAW = "We can grant <PERSON_1> a credit of € 150 [1]. She has been a customer since 2009."


PROMPT = (
    ("instructions", "Answer the question from the numbered sources alone."),
    ("source", "[1] Case 2041 of <PERSON_1>\n<PERSON_1> waits for a router since Thursday."),
    ("question", f"Question: {SAW_QUESTION}"),
)


OTHER_RULES = {
    2: ReviewRule("legal_threat", "Legal threat", "A lawyer or a court is spoken of."),
    3: ReviewRule("promised_date", "Promise of a date", "A day is named by which something is done."),
    7: ReviewRule("outgoing", "Leaves the house", "What leaves the house is read by an officer first."),
}


def line(number: int, risk: str, **more: Any) -> ReviewLine:
    """An item of the queue."""
    item = HELD_ITEM if number == 1 else uuid.UUID(int=number)
    return ReviewLine(
        item,
        risk,
        [OTHER_RULES[number]] if number in OTHER_RULES else RULES[: 1 + number % 2],
        ago(minutes=12 * number),
        NOW + timedelta(minutes=50 * number - 20),
        f"rep-{number}a7f",
        **({"hash": f"{number:064x}"} | more),
    )


def mark(text: str, words: str, kind: str, label: str) -> Highlight:
    """A highlight over the first occurrence of `words`."""
    start = text.index(words)
    return Highlight(start, start + len(words), kind, label)


def marks(text: str) -> Sequence[Highlight]:
    """Highlights of a reading of the draft."""
    found = [
        mark(text, "credit of € 150", "rule", "Credit above the limit"),
        mark(text, "She has been a customer since 2009.", "unsupported", "No source"),
    ]
    identity = "Maria Keller" if "Maria Keller" in text else "<PERSON_1>"
    return [*found, mark(text, identity, "identity", "Person")]


def marks_of_tokens(text: str) -> Sequence[Highlight]:
    """Every token in a text of the prompt."""
    found = re.finditer("<[A-Z]+_[0-9]+>", text)
    return [Highlight(one.start(), one.end(), "identity", "Person") for one in found]


ASKED_MARKS = {
    "asked": [
        mark(ASKED, "Maria Keller", "identity", "Person"),
        mark(ASKED, "Nordwind Logistics", "identity", "Organisation"),
    ],
    "saw_question": marks_of_tokens(SAW_QUESTION),
}
QUEUE = [
    line(1, "normal", customer="account:12", bulk=True, read=True, queue="general", queue_title="General"),
    line(
        2,
        "top",
        assignee="Omar O.",
        reviewers=2,
        approvals=1,
        voted=True,
        queue="legal",
        queue_title="Legal",
    ),
    line(3, "normal", own=True, queue="general", queue_title="General"),
    line(
        4,
        "normal",
        bulk=True,
        read=True,
        customer="case:2041",
        queue="general",
        queue_title="General",
        round=2,
    ),
    line(6, "normal", bulk=True, read=True, queue="general", queue_title="General", answered=True),
    line(
        7,
        "normal",
        kind="mail",
        queue="legal",
        queue_title="Legal",
        assignee="Olga O.",
        claimed_until=NOW + timedelta(minutes=8),
    ),
    line(
        8,
        "normal",
        reviewers=2,
        approvals=1,
        queue="legal",
        queue_title="Legal",
        awaiting_rep=True,
        customer_waits_since=ago(minutes=3),
    ),
]
MAIL_ITEM, EDITED_ITEM = QUEUE[5].id, QUEUE[6].id
DRAFT_BEFORE, SAW_BEFORE = (text.replace("€ 150", "€ 400") for text in (SHOWN, SAW))
SAID: dict[uuid.UUID, dict[str, Any]] = {
    MAIL_ITEM: {
        "kind": "mail",
        "mail": MailDraft("maria.keller@nordwind.example.test", "Your router"),
        "thread": (),
        "saw": (),
    },
    EDITED_ITEM: {
        "draft": DRAFT_BEFORE,
        "saw_draft": SAW_BEFORE,
        "round": 2,
        "awaiting_rep": True,
        "history": [
            HistoryEntry("escalated", "", False, ago(hours=3), queue="Legal", timer=True),
            HistoryEntry("approve", "Omar O.", False, ago(minutes=160), undone=True),
            HistoryEntry("taken_back", "Omar O.", False, ago(minutes=159), of="approve"),
            HistoryEntry("send_back", "Olga O.", False, ago(hours=2), "Name the case."),
            HistoryEntry("redrafted", "", False, ago(minutes=119), round=2),
            HistoryEntry("question", "Olga O.", False, ago(minutes=30), "Was the credit promised?", 2),
            HistoryEntry("answer", "Rita Sample", False, ago(minutes=25), "Yes, on Thursday, by me.", 2),
            HistoryEntry(
                "edit",
                "Olga O.",
                False,
                ago(minutes=20),
                round=2,
                diff=[
                    ("kept", "We can grant Maria Keller a credit of € "),
                    ("removed", "400"),
                    ("added", "150"),
                    ("kept", " [1]. She has been a customer since 2009."),
                ],
                standing=True,
            ),
            HistoryEntry("question", "Otto Sample", True, ago(minutes=4), "Is it in the case?", 2),
        ],
        "remarks": 4,
        "highlights": {
            **ASKED_MARKS,
            "shown": [mark(SHOWN, "Maria Keller", "identity", "Person")],
            "saw_draft": marks(SAW),
        },
        "earlier": [EarlierDraft(1, "We can grant a credit of € 400.", "Name the case.")],
    },
}


def review_view(item: ReviewLine, decision: ReviewDecision | None = None) -> ReviewView:
    """An item as the review page shows it."""
    usual: dict[str, Any] = {
        "thread": (
            ("rep", "What is the limit for credits?"),
            ("assistant", "Up to € 100 without approval [3]."),
        ),
        "saw": [PromptPart(part, text, marks_of_tokens(text)) for part, text in PROMPT],
        "draft": SHOWN,
        "saw_draft": SAW,
        "barred": "own" if item.own else "",
        "highlights": {
            **ASKED_MARKS,
            "shown": marks(SHOWN),
            "saw_draft": marks(SAW),
        },
    }
    found = [FoundBy("words"), FoundBy("likeness", 0.83, "The customer gets 200 EUR back.")]
    rules = [replace(rule, found=found[n % 2 :]) for n, rule in enumerate(item.rules)]
    return ReviewView(
        line=replace(item, rules=rules),
        hash="sha256:0f" * 4,
        asked=ASKED,
        shown=SHOWN,
        saw_question=SAW_QUESTION,
        sources=Sources(PASSAGES, FACTS),
        reject_reasons=REJECT_REASONS,
        decision=decision,
        next=uuid.UUID(int=4),
        previous=uuid.UUID(int=6),
        may_undo=item.voted,
        queue=item.queue,
        queue_title=item.queue_title,
        claimed_until=item.claimed_until,
        escalates_to="Legal" if item.queue == "general" else None,
        second_for_edits=True,
        hidden={"EMAIL": 1, "PERSON": 2},
        **(usual | SAID.get(item.id, {})),
    )


REJECT_REASONS = {
    "wrong_fact": "A fact is wrong",
    "not_allowed": "This must not be promised",
    "other": "Another reason",
}
NOTICES = [
    NoticeLine(uuid.UUID(int=71), MAIL_ITEM, "escalated", ago(minutes=3)),
    NoticeLine(uuid.UUID(int=72), EDITED_ITEM, "reminded", ago(minutes=9)),
    NoticeLine(uuid.UUID(int=73), QUEUE[4].id, "answered", ago(minutes=1)),
]


def matches(item: ReviewLine, query: QueueQuery) -> bool:
    """Whether an item has all that is filtered for."""
    wanted = (
        (query.queue, item.queue),
        (query.risk, item.risk),
        (query.kind, item.kind),
    )
    text = f"{item.rep} {item.customer or ''}".casefold()
    return (
        all(not want or want == have for want, have in wanted)
        and (not query.rule or query.rule in {rule.rule for rule in item.rules})
        and query.text.casefold() in text
        and (not query.waiting or item.customer_waits_since is not None)
    )


class SamplePages:
    """What `PageData` promises, for whoever's login is in the cookie."""

    demo: ClassVar[bool] = True
    invented: ClassVar[bool] = True
    queue: ClassVar[list[ReviewLine]] = QUEUE
    saved: ClassVar[list[SavedFilter]] = [SavedFilter(uuid.UUID(int=81), "Legal first", "queue=legal")]
    notices: ClassVar[list[NoticeLine]] = NOTICES

    def __init__(self, request: Request) -> None:
        self.login = request.cookies.get("cloister_session", "")

    async def viewer(self) -> Viewer | None:
        if self.login not in LOGINS:
            return None
        roles = frozenset(LOGINS[self.login])
        pending = len(self.queue) if Role.OFFICER in roles else None
        return Viewer(self.login, self.login, self.login.title() + " Sample", roles, pending)

    async def sign_in(self, login: str, password: str) -> OpenedSession | None:
        known = login in LOGINS and password == "demo-password"
        return OpenedSession(login, 3600) if known else None

    async def sign_out(self) -> None:
        self.login = ""

    async def demo_accounts(self) -> Sequence[DemoAccount]:
        if not self.demo:
            return []
        return [
            DemoAccount(
                login,
                "demo-password",
                login.title() + " Sample",
                roles,
                "Team North" if login == "rita" else "",
            )
            for login, roles in LOGINS.items()
            if roles and login != "lena"
        ]

    async def company_is_invented(self) -> bool:
        return self.invented

    async def examples(self) -> Sequence[str]:
        return [
            "Which cases of Nordwind Logistics are open, and what did we promise?",
            "What is the refund limit without approval?",
            "When was the last order of Hofmann & Sons delivered?",
            "How do I replace a device under warranty?",
        ]

    async def conversations(self) -> Sequence[ConversationLine]:
        lines = [
            ConversationLine(ONE_ANSWER, "Router of Nordwind Logistics", ago(minutes=7), pinned=True),
            ConversationLine(EVERY_STATE, f"Every state {HOSTILE}", ago(hours=3), held=True),
            ConversationLine(uuid.UUID(int=7), "Refund for order SO-88213", ago(hours=4), unread=True),
        ]
        titles = ("Delivery dates for Hofmann & Sons", "Warranty of a gateway", "Contract end of Adler AG")
        old = [
            ConversationLine(uuid.UUID(int=20 + n), title, ago(days=n + 1))
            for n, title in enumerate(titles * 4)
        ]
        return [*lines, *old]

    async def conversation(self, conversation_id: uuid.UUID) -> ConversationView:
        if conversation_id not in THREADS:
            raise NotFound("There is no such conversation.")
        return THREADS[conversation_id]

    async def reviews(self, query: QueueQuery) -> ReviewList:
        counts = {
            ReviewState.PENDING: len(self.queue),
            ReviewState.MINE: 0,
            ReviewState.DECIDED: 1,
            ReviewState.EXPIRED: 0,
        }
        items = self.queue if query.state == ReviewState.PENDING else []
        if query.state == ReviewState.DECIDED:
            items = [line(5, "normal", state="decided", outcome="approved", decided_at=ago(minutes=30))]
        shown = [one for one in items if matches(one, query)]
        key = {
            "urgency": lambda one: (one.risk != "top", one.customer_waits_since is None, one.deadline),
            "risk": lambda one: (one.risk != "top", one.deadline),
            "age": lambda one: one.created_at,
            "queue": lambda one: (one.queue, one.deadline),
            "deadline": lambda one: one.deadline,
        }[query.sort.removeprefix("-")]
        return ReviewList(
            sorted(shown, key=key, reverse=query.sort.startswith("-")),
            counts,
            queues=[
                QueueLine("legal", "Legal", 3, ("Otto Sample",), ("Olga O.",)),
                QueueLine("general", "General", 4, (), ("Olga O.",)),
            ],
            rules={rule.rule: rule.title for rule in (*RULES, *OTHER_RULES.values())},
            saved=self.saved,
            notices=self.notices,
            reject_reasons=REJECT_REASONS,
        )

    async def review(self, item_id: uuid.UUID, query: QueueQuery) -> ReviewView:
        if item_id == DECIDED_ITEM:
            decision = ReviewDecision(
                "rejected",
                "officer",
                ago(minutes=9),
                "not_allowed",
                "Ask the lead first.",
                winner="officer-1f2e",
            )
            return review_view(line(5, "normal", state="decided", outcome="rejected"), decision)
        for item in self.queue:
            if item.id == item_id:
                return review_view(item)
        raise NotFound("There is no such item.")

    async def health(self) -> HealthView:
        parts = [
            PartState("web", "ok", checked_at=NOW),
            PartState("door", "ok", checked_at=NOW),
            PartState("retrieval", "warn", "The index is 40 s behind the CRM.", NOW),
            PartState(
                "model server", "down", "It cannot be reached. Answers have no summary until it is back.", NOW
            ),
            PartState("embeddings", "off", "Started without it.", NOW),
            PartState("reranker", "starting", "It is being loaded: that takes a minute.", NOW),
        ]
        sync = [
            SyncState("account", 240, 240, 240, 0.4, ago(seconds=1)),
            SyncState("case", 2041, 6120, 5800, 40.0, ago(seconds=40), running=True),
            SyncState("article", 64, 310, 310, None, None, error="permission denied for table article"),
            SyncState("contact", 1810, 1810, 1200, 2.0, ago(minutes=3), error="Decide.", held=1412, kept=7),
        ]
        queue = {"waiting": 3, "running": 1, "failed": 0}
        model = {"name": "SmolLM2-135M-Instruct", "quantisation": "W8A8", "context": "2,048 tokens"}
        parked = [
            ParkedState("case", "2041", "reading", "The column opened_on holds no date.", 3, ago(minutes=-4)),
            ParkedState(
                "note", "9".rjust(36, "0"), "embedding", "The embedder refuses it.", 12, ago(hours=-2)
            ),
        ]
        return HealthView(parts, sync, queue, model, NOW, parked, 31)

    async def audit(self, query: AuditQuery) -> AuditTimeline:
        names = (
            *("run.asked", "run.searched", "text.redacted", "text.embedded", "model.called"),
            *("run.weighed", "run.held"),
        )
        entries = [
            AuditEntry(
                f"e{n}",
                ago(minutes=n),
                names[n % len(names)],
                f"account:{n % 3}",
                ("rep",),
                900 - n if n else None,
                str(ONE_ANSWER),
                "run-1",
                "case:2041" if n % 2 else None,
                {"hidden": 2, "outcome": "allowed", "editor": EDITOR} if n % 5 else {},
                origin="" if n % 3 else "cloister web 10.0.4.17",
                erased_at=None if n % 5 else ago(minutes=1),
            )
            for n in range(24)
            if not query.action or names[n % len(names)] == query.action
            if not names[n % len(names)].startswith(query.without)
        ]
        return AuditTimeline(entries, "e24", names, {EDITOR: "otto"})

    async def verify_audit(self) -> AsyncGenerator[VerificationProgress | VerificationView, None]:
        yield VerificationProgress(0, 0)
        yield VerificationProgress(450, 899)
        key = "cloister.internal/record+1f2e3d4c+AUoQFyoEVLSqfBJpkmOtCJJy08nLrkFHMYpYF0ZLXzrN"
        yield VerificationView(
            899, 1, 12, 4, ("seal 12: the hash does not continue the chain",), NOW, 3, (key,), 0.42
        )

    async def holds(self) -> Sequence[HoldLine]:
        return [
            HoldLine(str(ONE_ANSWER), "run", str(ONE_ANSWER), "case 17", ago(days=2), None),
            HoldLine(str(HELD_ITEM), "all", "", "audit of the year", ago(days=300), ago(days=200)),
        ]

    async def answers_of(self, wanted: str) -> Sequence[FoundRun]:
        known = {str(ONE_ANSWER): 1, str(EVERY_STATE): 3}
        runs = [ONE_ANSWER, HELD_ITEM, EVERY_STATE][: known.get(wanted, 0)]
        return [FoundRun(str(run), ago(minutes=n), None, 14 + n) for n, run in enumerate(runs)]

    async def answer(self, run: uuid.UUID) -> RunTimeline:
        if run != ONE_ANSWER:
            raise NotFound("The record has no event of this run.")
        return sample_answer()

    async def replay(self, run: uuid.UUID, *, other_version: bool) -> ReplayView:
        if run == HELD_ITEM and not other_version:
            raise AnotherVersion("small@11aa", "small@22bb")
        if run == EVERY_STATE:
            raise Conflict("The conversation of this answer was deleted, so it can no longer be replayed.")
        return sample_replay()


def sample_answer() -> RunTimeline:
    """An answer that was held, edited and released, with what is missing in it."""
    opened: list[tuple[str, dict[str, Any]]] = [
        ("item.opened", {"hash": "7a" * 32}),
        ("reveal.granted", {"entities": ["contact:7"]}),
        ("text.restored", {"texts": 2, "withheld": 0}),
    ]
    told: list[tuple[str, str, str, str, dict[str, Any]]] = [
        ("redacted", "q", "rita", "text.redacted", {"purpose": "question", "masking": "direct-1f2e3d4c5b6a"}),
        ("asked", "q", "rita", "run.asked", {"outcome": "allowed", "hidden": 1, "types": {"PERSON": 1}}),
        ("searched", "r", "rita", "records.searched", {"found": 6, "map": "demo-3-0a1b2c3d4e5f"}),
        ("searched", "r", "rita", "run.searched", {"found": 6, "shown": ["note:1/body/0"]}),
        ("generated", "r", "rita", "model.called", {"model": "default", "prompt_sha256": "5f" * 32}),
        ("generated", "r", "rita", "model.answered", {"served": "small@12fd25f7", "outcome": "answered"}),
        ("scored", "r", "rita", "run.weighed", {"rules": ["money"], "held": True, "policy": "2026-11-2"}),
        ("held", "r", "rita", "item.held", {"tier": "top", "rules": ["money"]}),
        *(("reviewed", f"o{time}", "otto", event, detail) for time in range(3) for event, detail in opened),
        ("decided", "v", "otto", "item.voted", {"verdict": "edit"}),
        ("decided", "e", "olga", "item.edited", {"verdict": "approve", "editor": EDITOR}),
        ("shown", "t", "olga", "run.released", {"edited": True}),
        ("ended", "t", "work", "run.finished", {"state": "done"}),
        ("audited", "a", "aude", "audit.read", {"entries": 11}),
    ]
    steps = []
    for number, (step, request, login, event, detail) in enumerate(told, 411):
        sealed, erased = step != "audited", event == "run.searched"
        steps.append(
            TimelineStep(
                step,
                NOW - timedelta(minutes=30) + timedelta(seconds=(number - 410) ** 2),
                0.042 if number < 416 else 61.5,
                event,
                str(uuid.UUID(int=number)),
                number if sealed else None,
                f"{number:064x}" if sealed else None,
                signed=number < 431,
                erased=erased,
                actor="" if erased else login if login == "work" else str(uuid.UUID(int=7)),
                login=None if erased or login == "work" else login,
                roles=() if erased else ({"o": "officer", "w": "process"}.get(login[0], "rep"),),
                origin="web 10.0.0.7",
                subject=str(HELD_ITEM) if event.startswith("item.") else None,
                correlation=request,
                detail={} if erased else detail,
            )
        )
    return RunTimeline(
        str(ONE_ANSWER),
        str(ONE_ANSWER),
        "done",
        steps,
        {
            "policy": ["2026-11-2"],
            "served": ["small@12fd25f7"],
            "prompt": ["answer-90ab12cd34ef"],
            "masking": ["direct-1f2e3d4c5b6a"],
            "map": ["demo-3-0a1b2c3d4e5f"],
            "index": ["g0003-m-384-1"],
        },
        [Missing("erased", 1), Missing("unsealed", 1), Missing("version", name="identities")],
        {EDITOR: "otto"},
    )


def sample_replay() -> ReplayView:
    """Another text, and a weighing by another policy."""
    then = WeighedView("small@12fd25f7", "2026-11-1", ("money",), (), "top", held=True)
    today = WeighedView("small@12fd25f7", "2026-11-2", (), ("money",), "normal", held=False)
    now = WeighedView("small@22bb33cc", "2026-11-2", (), (), "normal", held=False)
    changes = [
        ("kept", "We refund "),
        ("removed", "EUR 4,000"),
        ("added", "what was agreed"),
        ("kept", " to <PERSON_1> this week. [1]"),
    ]
    return ReplayView(
        run=str(ONE_ANSWER),
        at=ago(minutes=30),
        attempt=2,
        attempts=2,
        question="What did we promise <PERSON_1>?",
        asked_a_model=True,
        prompt="answer-90ab12cd34ef",
        prompt_now="answer-aa11bb22cc33",
        then=then,
        now=now,
        today=today,
        same_text=False,
        same_prompt=True,
        same_version=False,
        same_weighing=False,
        changes=changes,
        became="edited",
        shown=0,
        given="We look into what was agreed with <PERSON_1>, and come back to you this week. [1]",
    )
