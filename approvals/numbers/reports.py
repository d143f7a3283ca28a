"""How reviewing goes: volume, outcomes, time to a decision, what waits. Numbers only, counted by PostgreSQL.

What is counted is a *review*: one draft that waited for a person. An item that was sent back and came again
is two of them, so that each has one outcome. A review belongs to the period in which its waiting began, and
to the queue that its item is in now. All times are UTC.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.tables import HeldItem
from approvals.queues.routing import belongs
from approvals.queues.tables import ReviewQueue
from gateway import NotFound, Principal, Role, require

from .periods import Period

REPORT_READERS: Final = (Role.OFFICER, Role.LEAD, Role.AUDITOR, Role.ADMIN)
"""Who may see the numbers: they hold no text, no customer and nobody's name."""
_ALL_QUEUES: Final = frozenset({Role.LEAD, Role.AUDITOR, Role.ADMIN})
_AGES: Final = (900, 3_600, 14_400, 86_400)
"""Upper ends of the bands of age in seconds; the last band has none."""


@dataclass(frozen=True)
class Outcomes:
    """What became of reviews. `unchanged` counts the false alarms in; `waiting` has no outcome yet."""

    unchanged: int = 0
    edited: int = 0
    rejected: int = 0
    sent_back: int = 0
    expired: int = 0
    cancelled: int = 0
    waiting: int = 0
    false_alarms: int = 0

    @property
    def reviews(self) -> int:
        """How many there were."""
        return self.ended + self.waiting

    @property
    def ended(self) -> int:
        """How many no longer wait."""
        return self.decided + self.expired + self.cancelled

    @property
    def decided(self) -> int:
        """How many a person has decided."""
        return self.unchanged + self.edited + self.rejected + self.sent_back


@dataclass(frozen=True)
class Durations:
    """Seconds from the beginning of a review to a person's decision; None where nothing was decided."""

    median: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class Numbers:
    """Outcomes and durations of one part: the whole, a queue, or a span of time."""

    outcomes: Outcomes = Outcomes()
    seconds: Durations = Durations()


@dataclass(frozen=True)
class Moment:
    """The numbers of the reviews that began from `at` on, for one step."""

    at: datetime
    numbers: Numbers


@dataclass(frozen=True)
class QueueNumbers:
    """A queue in the period, and what waits in it now, whenever that began."""

    name: str
    title: str
    numbers: Numbers
    waiting: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class WaitingBand:
    """Items that wait now and are of one age, by how much of their time is left: seconds up to `to`."""

    to: int | None
    ample: int = 0
    """More than half of their time is left."""
    half: int = 0
    """Less than half of it."""
    quarter: int = 0
    """Less than a quarter."""
    overdue: int = 0
    """The deadline has passed."""

    @property
    def items(self) -> int:
        """How many are of this age."""
        return self.ample + self.half + self.quarter + self.overdue


@dataclass(frozen=True)
class RuleRate:
    """How many answers a rule held, or on trial would have held; `more` of those went out unread."""

    rule: str
    held: int
    trial: int = 0
    more: int = 0


@dataclass(frozen=True)
class HoldRates:
    """Of the answers that were weighed in the period, how many were held, and by which rules.

    An answer that several rules held counts for each. `would_hold` is how many would have been held were no
    rule on trial.
    """

    weighed: int = 0
    held: int = 0
    would_hold: int = 0
    rules: tuple[RuleRate, ...] = ()


@dataclass(frozen=True)
class ReviewReport:
    """Everything that the page of numbers shows; of the queues that its reader may see."""

    period: Period
    queue: str | None
    queues: tuple[QueueNumbers, ...]
    whole: Numbers
    over_time: tuple[Moment, ...]
    waiting: tuple[WaitingBand, ...]
    rates: HoldRates
    oldest: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        whole = asdict(self)
        del whole["period"]
        period = {"since": self.period.since, "until": self.period.until, "step": self.period.step}
        return {"period": period, **whole}


REVIEWS: Final = """
    SELECT i.id AS item, i.round, i.queue, i.hits, i.created_at AS began, i.decided_at AS ended,
        i.state AS outcome
    FROM approvals.held_item i WHERE i.round = 1
    UNION ALL
    SELECT i.id, i.round, i.queue, i.hits, d.at, i.decided_at, i.state
    FROM approvals.held_item i JOIN approvals.draft d ON d.item = i.id AND d.round = i.round - 1
    UNION ALL
    SELECT d.item, d.round, i.queue, d.hits, coalesce(before.at, i.created_at), (
            SELECT max(v.at) FROM approvals.vote v
            WHERE v.item = d.item AND v.round = d.round AND v.verdict = 'send_back' AND v.undone_at IS NULL
        ), 'sent_back'
    FROM approvals.draft d
    JOIN approvals.held_item i ON i.id = d.item
    LEFT JOIN approvals.draft before ON before.item = d.item AND before.round = d.round - 1
"""
"""Each review: an item in its first or a later round, and the rounds in which it was sent back before."""
ALARMED: Final = """
    EXISTS (
        SELECT FROM approvals.vote v
        WHERE v.item = r.item AND v.round = r.round AND v.verdict = 'false_alarm' AND v.undone_at IS NULL
    )
"""
_SECONDS: Final = """
    percentile_cont({share}) WITHIN GROUP (ORDER BY extract(epoch FROM r.ended - r.began))
        FILTER (WHERE r.outcome IN ('approved', 'edited', 'rejected', 'sent_back'))
"""
_COUNT: Final = f"""
    SELECT grouping(r.queue) AS all_queues, grouping(r.at) AS all_times, r.queue, r.at,
        count(*) FILTER (WHERE r.outcome = 'approved') AS unchanged,
        count(*) FILTER (WHERE r.outcome = 'edited') AS edited,
        count(*) FILTER (WHERE r.outcome = 'rejected') AS rejected,
        count(*) FILTER (WHERE r.outcome = 'sent_back') AS sent_back,
        count(*) FILTER (WHERE r.outcome = 'expired') AS expired,
        count(*) FILTER (WHERE r.outcome = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE r.outcome = 'pending') AS waiting,
        count(*) FILTER (WHERE r.outcome = 'approved' AND {ALARMED}) AS false_alarms,
        {_SECONDS.format(share=0.5)} AS median, {_SECONDS.format(share=0.95)} AS p95
    FROM (SELECT *, date_trunc(:step, began, 'UTC') AS at FROM ({REVIEWS}) every) r
    WHERE r.began >= :since AND r.began < :until AND r.queue = ANY(:queues)
    GROUP BY GROUPING SETS ((), (r.queue), (r.at))
"""  # noqa: S608 - made of constants
_WAITING: Final = f"""
    SELECT r.queue, width_bucket(extract(epoch FROM now() - r.began)::float, :ages) AS band,
        CASE WHEN i.deadline <= now() THEN 'overdue'
            WHEN i.deadline - now() < (i.deadline - r.began) / 4 THEN 'quarter'
            WHEN i.deadline - now() < (i.deadline - r.began) / 2 THEN 'half'
            ELSE 'ample' END AS time_left,
        count(*) AS items, min(r.began) AS oldest
    FROM ({REVIEWS}) r JOIN approvals.held_item i ON i.id = r.item AND i.round = r.round
    WHERE r.outcome = 'pending' AND r.queue = ANY(:queues)
    GROUP BY 1, 2, 3
"""  # noqa: S608 - made of constants
_RATES: Final = """
    WITH w AS MATERIALIZED (
        SELECT w.*, w.held AND (:everywhere OR EXISTS (
            SELECT FROM approvals.held_item i WHERE i.run = w.run AND i.queue = ANY(:queues)
        )) AS held_here
        FROM approvals.weighed w WHERE w.at >= :since AND w.at < :until
    )
    SELECT NULL AS rule, count(*) AS weighed, count(*) FILTER (WHERE held_here) AS held,
        count(*) FILTER (WHERE would_hold) AS trial, 0 AS more FROM w
    UNION ALL
    SELECT named.rule, 0, count(*) FILTER (WHERE held_here AND NOT on_trial),
        count(*) FILTER (WHERE would_hold AND on_trial),
        count(*) FILTER (WHERE would_hold AND on_trial AND NOT held)
    FROM w, LATERAL (
        SELECT DISTINCT unnest(w.rules), false UNION ALL SELECT DISTINCT unnest(w.trial), true
    ) AS named (rule, on_trial)
    GROUP BY named.rule
"""


_REMEMBER: Final = """
    INSERT INTO approvals.weighed (run, policy_version, held, would_hold, rules, trial)
    VALUES (:run, :policy, :held, :would_hold, :rules, :trial)
    ON CONFLICT (run) DO UPDATE SET policy_version = excluded.policy_version, held = excluded.held,
        would_hold = excluded.would_hold, rules = excluded.rules, trial = excluded.trial
    WHERE NOT EXISTS (SELECT FROM approvals.held_item WHERE run = excluded.run)
"""


async def remember_weighing(
    session: AsyncSession,
    run: uuid.UUID,
    *,
    policy: str,
    held: bool,
    would_hold: bool,
    rules: Iterable[str],
    trial: Iterable[str],
) -> None:
    """Count what the rules said of an answer. Weighed again, the last word counts until it is held."""
    values = {
        "run": run,
        "policy": policy,
        "held": held,
        "would_hold": would_hold,
        "rules": list(rules),
        "trial": list(trial),
    }
    await (await session.connection()).execute(text(_REMEMBER), values)


async def readable_queues(session: AsyncSession, viewer: Principal) -> Mapping[str, str]:
    """Name to title of the queues whose numbers somebody may see, in the order of routing.

    Officers see those that they review for, and leads, auditors and administrators all of them; also a queue
    that is no more, as long as items are in it. Raises `NotAllowed` for anybody else.
    """
    require(viewer, *REPORT_READERS)
    shown = aliased(ReviewQueue)  # `belongs` asks about the table by its own name
    used = select(HeldItem.id).where(HeldItem.queue == shown.name).exists()
    found = select(shown).where(col(shown.retired_at).is_(None) | used)
    if not viewer.roles & _ALL_QUEUES:
        found = found.where(belongs(shown.name, viewer.id))
    standing_first = found.order_by(col(shown.retired_at).is_not(None), col(shown.place))
    return {row.name: str(row.plan["title"]) for row in (await session.exec(standing_first)).all()}


async def report_reviews(
    session: AsyncSession, viewer: Principal, period: Period, queue: str | None = None
) -> ReviewReport:
    """The numbers of a period, of one queue or of all that the viewer may see.

    Raises `NotAllowed` without one of the roles, `NotFound` for a queue that is none of theirs.
    """
    titles = await readable_queues(session, viewer)
    if queue is not None and queue not in titles:
        raise NotFound("There is no such queue.")
    chosen = [queue] if queue else list(titles)
    everywhere = queue is None and bool(viewer.roles & _ALL_QUEUES)
    span = {"since": period.since, "until": period.until, "queues": chosen}
    whole, by_queue, by_time = Numbers(), dict[str, Numbers](), dict[datetime, Numbers]()
    for row in await read_rows(session, _COUNT, step=period.step.value, **span):
        if not row["all_times"]:
            by_time[row["at"].astimezone(UTC)] = _numbers(row)
        elif not row["all_queues"]:
            by_queue[row["queue"]] = _numbers(row)
        else:
            whole = _numbers(row)
    waiting = await read_rows(session, _WAITING, queues=chosen, ages=[float(age) for age in _AGES])
    return ReviewReport(
        period=period,
        queue=queue,
        queues=tuple(_queue(name, titles[name], by_queue, waiting) for name in chosen),
        whole=whole,
        over_time=tuple(Moment(at, by_time.get(at, Numbers())) for at in period.moments()),
        waiting=_bands(waiting),
        rates=_rates(await read_rows(session, _RATES, everywhere=everywhere, **span)),
        oldest=min((row["oldest"] for row in waiting), default=None),
    )


async def hold_rates(session: AsyncSession, viewer: Principal, period: Period) -> HoldRates:
    """How many answers of a period were held, and by which rules, in whatever queue."""
    require(viewer, *REPORT_READERS)
    span = {"since": period.since, "until": period.until, "queues": []}
    return _rates(await read_rows(session, _RATES, everywhere=True, **span))


async def read_rows(session: AsyncSession, statement: str, **values: object) -> Sequence[Mapping[str, Any]]:
    """What a statement of this package finds, a row each by name."""
    connection = await session.connection()
    return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


def _numbers(row: Mapping[str, Any]) -> Numbers:
    outcomes = Outcomes(**{name: row[name] for name in Outcomes.__dataclass_fields__})
    return Numbers(outcomes, Durations(row["median"], row["p95"]))


def _queue(
    name: str, title: str, by_queue: Mapping[str, Numbers], waiting: Sequence[Mapping[str, Any]]
) -> QueueNumbers:
    here = [row for row in waiting if row["queue"] == name]
    return QueueNumbers(
        name,
        title,
        by_queue.get(name, Numbers()),
        waiting=sum(row["items"] for row in here),
        overdue=sum(row["items"] for row in here if row["time_left"] == "overdue"),
    )


def _bands(waiting: Sequence[Mapping[str, Any]]) -> tuple[WaitingBand, ...]:
    found = []
    for number, to in enumerate((*_AGES, None)):
        left = dict.fromkeys(("ample", "half", "quarter", "overdue"), 0)
        for row in waiting:
            if row["band"] == number:
                left[row["time_left"]] += row["items"]
        found.append(WaitingBand(to, **left))
    return tuple(found)


def _rates(rows: Sequence[Mapping[str, Any]]) -> HoldRates:
    whole = next(row for row in rows if row["rule"] is None)
    rules = [
        RuleRate(row["rule"], row["held"], row["trial"], row["more"])
        for row in rows
        if row["rule"] is not None
    ]
    ordered = sorted(rules, key=lambda one: (-one.held, -one.trial, one.rule))
    shown = tuple(one for one in ordered if one.held or one.trial)
    return HoldRates(whole["weighed"], whole["held"], whole["trial"], shown)
