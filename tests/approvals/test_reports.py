"""The numbers of reviewing: those of PostgreSQL against a naive count, and who may see them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from approvals import (
    ItemState,
    Numbers,
    Period,
    ReviewReport,
    Step,
    hold_rates,
    readable_queues,
    remember_weighing,
    report_reviews,
)
from gateway import Database, NotAllowed, NotFound, Role

from .past import RULES, Past, PastReview, as_plans, make_past, percentile
from .queues import ADMIN, LEAD, OFFICER, REP, SECOND, held, in_a_transaction, let_pass, person, run_sql

AUDITOR = person("aude", Role.AUDITOR)
QUEUES = ("general", "legal", "north")


async def reported(
    database: Database, period: Period, queue: str | None = None, viewer: object = AUDITOR
) -> ReviewReport:
    async with database.transaction() as session:
        return await report_reviews(session, viewer, period, queue)  # type: ignore[arg-type]


def naive(reviews: Sequence[PastReview]) -> dict[str, float | None]:
    def count(*outcomes: str) -> int:
        return sum(one.outcome in outcomes for one in reviews)

    taken = [one.seconds for one in reviews if one.seconds is not None]
    return {
        "unchanged": count(ItemState.APPROVED),
        "edited": count(ItemState.EDITED),
        "rejected": count(ItemState.REJECTED),
        "sent_back": count(ItemState.SENT_BACK),
        "expired": count(ItemState.EXPIRED),
        "cancelled": count(ItemState.CANCELLED),
        "waiting": count(ItemState.PENDING),
        "false_alarms": sum(one.alarm for one in reviews),
        "median": percentile(taken, 0.5),
        "p95": percentile(taken, 0.95),
    }


def flat(numbers: Numbers) -> dict[str, object]:
    return {**numbers.outcomes.__dict__, **numbers.seconds.__dict__}


def same(numbers: Numbers, reviews: Sequence[PastReview]) -> bool:
    expected = naive(reviews)
    return flat(numbers) == {name: pytest.approx(value) for name, value in expected.items()}


def began_in(past: Past, period: Period, queue: str | None = None) -> list[PastReview]:
    inside = [one for one in past.reviews if period.since <= one.began < period.until]
    return [one for one in inside if queue in (None, one.queue)]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_numbers_are_those_of_a_naive_count(database: Database, seed: int) -> None:
    async with database.transaction() as session:
        await run_sql(session, as_plans("legal", "north"))
        past = await make_past(session, seed, items=150, queues=QUEUES)
    for days in (1, 7, 30, 90):
        await _is_naive(database, past, Period.last(days))


async def _is_naive(database: Database, past: Past, period: Period) -> None:
    found = await reported(database, period)
    inside = began_in(past, period)
    assert same(found.whole, inside)
    assert found.whole.outcomes.reviews == len(inside) > 0
    for queue in found.queues:
        assert same(queue.numbers, began_in(past, period, queue.name))
    for at, following in zip(found.over_time, [*found.over_time[1:], None], strict=True):
        end = following.at if following else period.until
        assert same(at.numbers, [one for one in inside if at.at <= one.began < end]), at
    alone = await reported(database, period, "legal")
    assert same(alone.whole, began_in(past, period, "legal"))
    assert [queue.name for queue in alone.queues] == ["legal"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_waits_is_counted_by_age_and_by_the_time_that_is_left(
    database: Database, seed: int
) -> None:
    async with database.transaction() as session:
        past = await make_past(session, seed, items=150, queues=("general",))
    now = datetime.now(UTC)
    waiting = [one for one in past.reviews if one.outcome == ItemState.PENDING]
    expected: dict[tuple[int | None, str], int] = {}
    for one in waiting:
        assert one.deadline is not None
        age, whole = (now - one.began).total_seconds(), (one.deadline - one.began).total_seconds()
        left = (one.deadline - now).total_seconds() / whole
        band = next((to for to in (900, 3600, 14_400, 86_400) if age < to), None)
        name = next(
            name
            for least, name in ((0.5, "ample"), (0.25, "half"), (1e-9, "quarter"), (-1e9, "overdue"))
            if left >= least
        )
        expected[band, name] = expected.get((band, name), 0) + 1
    found = await reported(database, Period.last(1))
    counted = {
        (band.to, name): number
        for band in found.waiting
        for name in ("ample", "half", "quarter", "overdue")
        if (number := getattr(band, name))
    }
    assert counted == expected
    assert found.queues[0].waiting == len(waiting)
    assert found.queues[0].overdue == sum(one.deadline <= now for one in waiting if one.deadline)
    assert found.oldest == min(one.began for one in waiting)


@pytest.mark.parametrize("seed", [4, 5])
async def test_hold_rates_are_those_of_a_naive_count(database: Database, seed: int) -> None:
    async with database.transaction() as session:
        past = await make_past(session, seed, items=80, queues=("general",))
        period = Period.last(30)
        found = await hold_rates(session, AUDITOR, period)
    inside = [one for one in past.weighed if one.at and period.since <= one.at < period.until]
    assert (found.weighed, found.held) == (len(inside), sum(one.held for one in inside))
    assert found.would_hold == sum(one.would_hold for one in inside)
    for rate in found.rules:
        tried = [one for one in inside if one.would_hold and rate.rule in one.trial]
        assert rate.held == sum(one.held and rate.rule in one.rules for one in inside)
        assert rate.trial == len(tried)
        assert rate.more == sum(not one.held for one in tried)
    for rule in {rate.rule for rate in found.rules} ^ set(RULES):
        assert not any(one.held and rule in one.rules for one in inside)


async def test_an_answer_is_counted_once_with_its_last_word_before_it_was_held(
    database: Database,
) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await remember_weighing(
            session, item.run, policy="p", held=True, would_hold=True, rules=["medical"], trial=[]
        )
        for rules in (["medical"], []):
            await remember_weighing(
                session, item.id, policy="p", held=bool(rules), would_hold=True, rules=rules, trial=["minors"]
            )
        await remember_weighing(
            session, item.run, policy="p", held=False, would_hold=False, rules=[], trial=[]
        )
    async with database.transaction() as session:
        found = await hold_rates(session, OFFICER, Period.last(1))
    assert (found.weighed, found.held, found.would_hold) == (2, 1, 2)
    assert [(one.rule, one.held, one.trial, one.more) for one in found.rules] == [
        ("medical", 1, 0, 0),
        ("minors", 0, 1, 1),
    ]


async def test_nothing_at_all_is_a_report_too(database: Database) -> None:
    found = await reported(database, Period.last(7))
    assert found.whole == Numbers()
    assert [queue.name for queue in found.queues] == ["general"]
    assert sum(band.items for band in found.waiting) == 0
    assert found.rates.weighed == 0
    assert len(found.over_time) == 8


async def test_an_officer_sees_their_queues_and_an_auditor_all(database: Database) -> None:
    members = "INSERT INTO approvals.member (id, queue, account) VALUES (gen_random_uuid(), 'legal', :who)"
    async with database.transaction() as session:
        await run_sql(session, as_plans("legal", "north"))
        await run_sql(session, "UPDATE approvals.review_queue SET everyone = false WHERE name <> 'general'")
        await run_sql(session, members, who=OFFICER.id)
        past = await make_past(session, 7, items=90, queues=QUEUES)
    period = Period.last(30)
    mine = await reported(database, period, viewer=OFFICER)
    assert [queue.name for queue in mine.queues] == ["legal", "general"]
    theirs = [one for one in began_in(past, period) if one.queue != "north"]
    assert same(mine.whole, theirs)
    others = await reported(database, period, viewer=SECOND)
    assert [queue.name for queue in others.queues] == ["general"]
    for viewer in (AUDITOR, LEAD, ADMIN):
        everything = await reported(database, period, viewer=viewer)
        assert [queue.name for queue in everything.queues] == ["legal", "north", "general"]
        assert same(everything.whole, began_in(past, period))
    with pytest.raises(NotFound):
        await reported(database, period, "north", viewer=OFFICER)
    with pytest.raises(NotAllowed):
        await reported(database, period, viewer=REP)


async def test_a_queue_that_is_no_more_is_shown_as_long_as_items_are_in_it(database: Database) -> None:
    async with database.transaction() as session:
        await run_sql(session, as_plans("legal", "north"))
        await make_past(session, 7, items=9, queues=("legal",))
    await in_a_transaction(
        database, "UPDATE approvals.review_queue SET retired_at = now() WHERE name <> 'general'"
    )
    async with database.transaction() as session:
        assert list(await readable_queues(session, AUDITOR)) == ["general", "legal"]


async def test_an_item_that_came_again_is_two_reviews(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await run_sql(session, "SET LOCAL session_replication_role = replica")
        await run_sql(
            session,
            "INSERT INTO approvals.draft"
            " (item, round, payload, payload_hash, policy_version, hits, instruction)"
            " SELECT id, 1, payload, payload_hash, 'p', hits, 'Again.' FROM approvals.held_item",
        )
        await run_sql(session, "UPDATE approvals.held_item SET round = 2")
        await run_sql(session, "SET LOCAL session_replication_role = origin")
        await let_pass(session, 60)
        assert item.round == 1
    found = (await reported(database, Period.last(1))).whole.outcomes
    assert (found.reviews, found.sent_back, found.waiting, found.decided) == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("days", "step", "first"),
    [
        (1, Step.HOUR, datetime(2026, 3, 30, 10, tzinfo=UTC)),
        (30, Step.DAY, datetime(2026, 3, 1, tzinfo=UTC)),
        (90, Step.WEEK, datetime(2025, 12, 29, tzinfo=UTC)),
        (365, Step.MONTH, datetime(2025, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_period_is_divided_by_the_calendar(days: int, step: Step, first: datetime) -> None:
    period = Period.last(days, datetime(2026, 3, 31, 10, 20, tzinfo=UTC))
    moments = period.moments()
    assert (period.step, moments[0]) == (step, first)
    assert moments[-1] <= period.until
    assert all(later > earlier for earlier, later in pairwise(moments))
    assert period.until - period.since == timedelta(days=days)
