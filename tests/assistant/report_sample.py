"""Numbers of an invented company for the tests of their pages: an implementation of `ReportData`."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import ClassVar

from fastapi import FastAPI

from approvals import (
    Durations,
    HoldRates,
    Moment,
    Numbers,
    Outcomes,
    Period,
    QueueNumbers,
    Reply,
    ReviewReport,
    RuleRate,
    WaitingBand,
)
from assistant.pages import (
    AnsweredChange,
    CrossSiteGuard,
    RuleLine,
    RulesView,
    SecurityHeaders,
    SuggestedChange,
    create_pages_router,
    create_report_router,
    install_error_pages,
)
from gateway import NotFound, install_error_handlers

from .pages_sample import HOSTILE, NOW, SamplePages

QUEUES = {"legal": "Legal", "north": f"North & South {HOSTILE}", "general": "General"}
_WEIGHTS = {"unchanged": 9, "edited": 4, "rejected": 2, "sent_back": 2, "expired": 2, "cancelled": 2}


def sample_report(days: int, queue: str | None = None, *, empty: bool = False) -> ReviewReport:
    """A report whose numbers agree with each other."""
    random = Random(days)  # noqa: S311 - the same each time
    period = Period.last(days, NOW)
    if empty:
        queues = tuple(QueueNumbers(name, title, Numbers()) for name, title in QUEUES.items())
        over = tuple(Moment(at, Numbers()) for at in period.moments())
        bands = tuple(WaitingBand(to) for to in (900, 3_600, 14_400, 86_400, None))
        return ReviewReport(period, queue, queues, Numbers(), over, bands, HoldRates())
    over_time = tuple(Moment(at, _random(random)) for at in period.moments())
    whole = _sum([one.numbers for one in over_time])
    bands = (
        WaitingBand(900, 3),
        WaitingBand(3_600, 2, 1),
        WaitingBand(14_400, 0, 1, 1),
        WaitingBand(86_400, 0, 0, 0, 1),
        WaitingBand(None),
    )
    rules = (
        RuleRate("refund_or_credit_above_limit", 61),
        RuleRate("contract_termination_or_an_unusually_long_name_of_a_rule", 40),
        RuleRate("sampled", 12),
        RuleRate("minors", 1, 9, 4),
    )
    return ReviewReport(
        period=period,
        queue=queue,
        queues=tuple(
            QueueNumbers(name, title, *((whole, 9, 1) if name == "legal" else (Numbers(), 0, 0)))
            for name, title in QUEUES.items()
            if queue in (None, name)
        ),
        whole=whole,
        over_time=over_time,
        waiting=bands,
        rates=HoldRates(1_412, 103, 140, rules),
        oldest=NOW - timedelta(hours=5),
    )


def _random(random: Random) -> Numbers:
    if random.random() < 0.2:
        return Numbers()
    counts = {name: random.randrange(weight) for name, weight in _WEIGHTS.items()}
    if not any(counts[name] for name in ("unchanged", "edited", "rejected", "sent_back")):
        return Numbers(Outcomes(**counts))
    median = random.uniform(120, 4_000)
    return Numbers(
        Outcomes(**counts, waiting=random.randrange(2)), Durations(median, median * random.uniform(2, 6))
    )


def _sum(every: list[Numbers]) -> Numbers:
    names = Outcomes.__dataclass_fields__
    counts = {name: sum(getattr(one.outcomes, name) for one in every) for name in names}
    return Numbers(Outcomes(**{**counts, "false_alarms": 3}), Durations(1_512.0, 15_930.0))


class SampleReports(SamplePages):
    """What `ReportData` promises. A period of 7 days is empty."""

    said: ClassVar[list[tuple[str, str, str]]] = []

    async def queue_titles(self) -> Mapping[str, str]:
        return QUEUES

    def rule_title(self, rule: str) -> str:
        return rule.replace("_", " ").capitalize()

    async def report(self, days: int, queue: str | None) -> ReviewReport:
        if queue is not None and queue not in QUEUES:
            raise NotFound("There is no such queue.")
        return sample_report(days, queue, empty=days == 7)

    async def rules(self, days: int) -> RulesView:
        return sample_rules(days)

    async def reply(self, suggestion: str, days: int, reply: Reply) -> None:
        if suggestion not in {"a1", "a2"}:
            raise NotFound("This is not suggested, or no longer.")
        self.said.append((self.login, suggestion, reply))

    async def withdraw(self, reply: uuid.UUID) -> None:
        self.said.append((self.login, str(reply), "withdrawn"))


def sample_rules(days: int) -> RulesView:
    """Rules with everything there is to show; of 7 days nothing, of 30 without anything to answer."""
    if days == 7:
        return RulesView(days, "2026-11-4", "enforce")
    outcomes = ("unchanged", "false_alarm", "edited", "rejected", "sent_back", "ended", "open")
    counts = dict(zip(outcomes, (38, 4, 2, 0, 1, 3, 2), strict=True))
    first = {**counts, "held": sum(counts.values()), "double": 12, "agreed": 11}
    second = dict.fromkeys(first, 0) | {"held": 9, "edited": 5, "rejected": 4}
    rules = [
        RuleLine("refund_or_credit_above_limit", "Refund or credit above the limit", counts=first),
        RuleLine(
            "contract_termination",
            "Contract termination, or another long title",
            counts=second,
        ),
        RuleLine("minors", "Minors", on_trial=True, trial=31, more=22),
    ]
    change = {"weight": 0.5}
    done = AnsweredChange(uuid.UUID(int=1), "legal", "Legal threat", change, 41, 42, "Otto Sample", NOW)
    title, change_aside = f"Medical {HOSTILE}", {"tier": "top"}
    aside = AnsweredChange(uuid.UUID(int=2), "medical", title, change_aside, 30, 42, "cli", NOW)
    told = days != 30
    return RulesView(
        days=days,
        policy="2026-11-4",
        mode="shadow" if days == 90 else "enforce",
        rules=rules,
        drafts=61,
        double=12,
        agreed=11,
        weighed=1_412,
        held=103,
        would_hold=140,
        suggestions=[
            SuggestedChange("a1", "refund", "Refund above the limit", change, {"weight": 1.0}, 42, 45),
            SuggestedChange("a2", "contract", "Termination", {"tier": "top"}, {"tier": "normal"}, 9, 20),
        ]
        if told
        else [],
        accepted=[done] if told else [],
        in_force=[done] if told else [],
        put_aside=[aside] if told else [],
        proposal="extends: shipped\nversion: 2026-11-4.learned\nrules:\n  legal:\n    weight: 0.5\n",
    )


def report_app() -> FastAPI:
    """The pages of numbers over the sample."""
    app = FastAPI()
    install_error_handlers(app)
    install_error_pages(app)
    app.include_router(create_report_router(SampleReports))
    app.include_router(create_pages_router(SamplePages))
    app.add_middleware(CrossSiteGuard)
    app.add_middleware(SecurityHeaders)
    return app
