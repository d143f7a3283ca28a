"""Numbers of an invented company for the tests of their pages: an implementation of `ReportData`."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from fastapi import FastAPI

from approvals import (
    Durations,
    HoldRates,
    Moment,
    Numbers,
    Outcomes,
    Period,
    QueueNumbers,
    ReviewReport,
    RuleRate,
    WaitingBand,
)
from assistant.pages import (
    CrossSiteGuard,
    SecurityHeaders,
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

    async def queue_titles(self) -> Mapping[str, str]:
        return QUEUES

    def rule_title(self, rule: str) -> str:
        return rule.replace("_", " ").capitalize()

    async def report(self, days: int, queue: str | None) -> ReviewReport:
        if queue is not None and queue not in QUEUES:
            raise NotFound("There is no such queue.")
        return sample_report(days, queue, empty=days == 7)


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
