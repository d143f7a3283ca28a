"""What an officer sees of the queue when they filter, sort and walk through it."""

import uuid

import pytest

from approvals import (
    HeldItem,
    ItemKind,
    QueueFilter,
    QueueSort,
    QueueView,
    RuleHit,
    Tier,
    Weighing,
    counts,
    hold,
    next_item,
    order_of,
    pseudonym,
    queue,
    rules_in,
    waiting_by_queue,
)
from gateway import Database, Role

from .queues import OFFICER, POLICY, REP, SECOND, answer, held, person, run_sql

OTHER_REP = person("alan", Role.REP)


async def three(database: Database) -> tuple[HeldItem, HeldItem, HeldItem]:
    """A normal item of a customer, a newer top one of another rep, and the oldest, a mail that may wait."""
    rude = RuleHit("tone", Tier.NORMAL, "It is rude.", 0, 0, 0)
    async with database.transaction() as session:
        one = await held(session)
        two = await held(session, tier=Tier.TOP, requester=OTHER_REP)
        mail = await hold(
            session,
            POLICY,
            run=uuid.uuid4(),
            conversation=uuid.uuid4(),
            requester=REP,
            payload=answer("Go away."),
            weighing=Weighing((rude,)),
            kind=ItemKind.MAIL,
        )
        for item, change in (
            (one, "customer = 'account:12', created_at = now() - interval '1 hour'"),
            (mail, "deadline = now() + interval '9 days', created_at = now() - interval '2 hours'"),
        ):
            await run_sql(session, f"UPDATE approvals.held_item SET {change} WHERE id = :id", id=item.id)
        return one, two, mail


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (QueueFilter(), {0, 1, 2}),
        (QueueFilter(queue="general"), {0, 1, 2}),
        (QueueFilter(queue="legal"), set()),
        (QueueFilter(tier=Tier.TOP), {1}),
        (QueueFilter(kind=ItemKind.MAIL), {2}),
        (QueueFilter(rule="tone"), {2}),
        (QueueFilter(rule="refund_or_credit_above_limit"), {0, 1}),
        (QueueFilter(text="ACCOUNT:1"), {0}),
        (QueueFilter(text=pseudonym(OTHER_REP.id)), {1}),
        (QueueFilter(text="alan"), set()),
        (QueueFilter(text="%"), set()),
        (QueueFilter(text="rep-", kind=ItemKind.ANSWER), {0, 1}),
    ],
)
async def test_a_filter_names_what_a_line_must_be(
    database: Database, wanted: QueueFilter, found: set[int]
) -> None:
    items = await three(database)
    async with database.transaction() as session:
        listed = await queue(session, OFFICER, wanted=wanted)
    assert {one.id for one in listed} == {items[place].id for place in found}


@pytest.mark.parametrize(
    ("sort", "descending", "order"),
    [
        (QueueSort.RISK, False, [1, 0, 2]),
        (QueueSort.RISK, True, [0, 2, 1]),
        (QueueSort.AGE, False, [2, 0, 1]),
        (QueueSort.AGE, True, [1, 0, 2]),
        (QueueSort.DEADLINE, True, [2]),
    ],
)
async def test_lines_are_ordered_before_they_are_cut_off(
    database: Database, sort: QueueSort, descending: bool, order: list[int]
) -> None:
    items = await three(database)
    async with database.transaction() as session:
        listed = await queue(session, OFFICER, order=order_of(sort, descending=descending))
    assert [one.id for one in listed][: len(order)] == [items[place].id for place in order]


async def test_walking_stays_within_a_filter_and_goes_both_ways(database: Database) -> None:
    one, two, mail = await three(database)
    async with database.transaction() as session:
        first = await next_item(session, OFFICER, two.id)
        assert [first, await next_item(session, OFFICER, one.id)] == [one.id, mail.id]
        assert await next_item(session, OFFICER, one.id, back=True) == two.id
        assert await next_item(session, OFFICER, two.id, back=True) == mail.id
        answers = QueueFilter(kind=ItemKind.ANSWER)
        assert await next_item(session, OFFICER, one.id, wanted=answers) == two.id
        assert await next_item(session, OFFICER, mail.id, wanted=QueueFilter(kind=ItemKind.MAIL)) is None


async def test_the_rules_and_the_numbers_of_a_tab_are_of_ones_own_queues(database: Database) -> None:
    await three(database)
    async with database.transaction() as session:
        assert await rules_in(session, OFFICER, QueueView.PENDING) == ["refund_or_credit_above_limit", "tone"]
        assert await rules_in(session, OFFICER, QueueView.DECIDED) == []
        assert await waiting_by_queue(session, OFFICER) == {"general": 3}
        await run_sql(session, "UPDATE approvals.review_queue SET everyone = false")
        assert await waiting_by_queue(session, OFFICER) == {}
        assert await rules_in(session, OFFICER, QueueView.PENDING) == []
        assert (await counts(session, SECOND))[QueueView.PENDING] == 0
