"""Several queues: where an item goes, who belongs there, who is there now."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Effect,
    HeldFact,
    HeldItem,
    ItemKind,
    ItemState,
    NoEffect,
    QueuePlans,
    QueueView,
    RejectionReason,
    RuleHit,
    Tier,
    Weighing,
    approve,
    check_rules,
    claim,
    configure_queues,
    counts,
    end_absence,
    hold,
    load_policy,
    may_review,
    next_item,
    pending_count,
    place_of,
    queue,
    queue_plans,
    queues_short_of_two,
    reject,
    set_absence,
    staff,
    take_effect,
)
from gateway import BadInput, Database, NotAllowed, NotFound, Role

from .queues import (
    ADMIN,
    LEAD,
    OFFICER,
    POLICY,
    REP,
    SECOND,
    answer,
    employ,
    have_read,
    held,
    let_pass,
    open_item,
    person,
    risky,
    run_sql,
)

LAWYER = person("laura", Role.OFFICER)
COLLEAGUE = person("lars", Role.OFFICER)
OLGA = person("olga@example.org", Role.OFFICER)
OLGA_AGAIN = person("olga+late@example.org", Role.OFFICER)
FACTS = (HeldFact("Region", "North", kind="text"), HeldFact("Product line", "Heat pumps"))
THREAT = Weighing((RuleHit("legal_threat", Tier.TOP, "A threat.", 0, 2, 0),))


def plans(**legal: Any) -> QueuePlans:
    """Two queues: Laura's and Lars's for legal threats, and everybody's."""
    members = legal.pop("members", [{"login": LAWYER.login}, {"login": COLLEAGUE.login}])
    first = {"name": "legal", "title": "Legal", "rules": ["legal_threat"], "members": members, **legal}
    rest = {"name": "general", "title": "General", "members": "everyone"}
    return QueuePlans.model_validate({"version": "1", "queues": [first, rest]})


async def threat(session: AsyncSession, requester: Any = REP) -> HeldItem:
    """An item that Laura's queue takes."""
    item = await hold(
        session,
        POLICY,
        run=uuid.uuid4(),
        conversation=uuid.uuid4(),
        requester=requester,
        payload=answer(),
        weighing=THREAT,
    )
    await have_read(session, item)
    return item


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        ({"rules": ["legal_threat"]}, False),
        ({"rules": ["refund_or_credit_above_limit", "legal_threat"]}, True),
        ({"facts": {"region": ["south", "NORTH"]}}, True),
        ({"facts": {"Region": ["South"]}}, False),
        ({"facts": {"Region": ["North"], "Product line": ["Boilers"]}}, False),
        ({"facts": {"Product line": ["Heat pumps"]}, "rules": ["refund_or_credit_above_limit"]}, True),
        ({"kinds": ["mail"]}, False),
        ({"kinds": ["answer", "mail"]}, True),
    ],
)
async def test_an_item_goes_where_its_rule_region_product_or_kind_is_at_home(
    database: Database, conditions: dict[str, Any], taken: bool
) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(**{"rules": (), **conditions}))
        item = await held(session, payload=replace(answer(), facts=FACTS))
    assert item.kind is ItemKind.ANSWER
    assert item.queue == ("legal" if taken else "general")


async def test_who_is_not_of_a_queue_sees_and_decides_nothing_of_it(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans())
        item, other = await threat(session), await held(session)
        assert [entry.id for entry in await queue(session, OFFICER)] == [other.id]
        assert await pending_count(session, OFFICER) == 1
        assert (await counts(session, OFFICER))[QueueView.PENDING] == 1
        assert await next_item(session, OFFICER, other.id) is None
        for attempt in (
            open_item(session, OFFICER, item.id),
            claim(session, POLICY, OFFICER, item.id),
            approve(session, POLICY, OFFICER, item.id, item.payload_hash),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert {entry.id for entry in await queue(session, LAWYER)} == {item.id, other.id}
        assert (await place_of(session, item.id)).waiting == 1
        await approve(session, POLICY, LAWYER, item.id, item.payload_hash)


@pytest.mark.parametrize("how", ["removed from the queue", "without the role", "disabled"])
async def test_what_somebody_decided_who_has_left_does_not_take_effect(database: Database, how: str) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans())
        item = await threat(session)
        await approve(session, POLICY, LAWYER, item.id, item.payload_hash)
        decided = await approve(session, POLICY, COLLEAGUE, item.id, item.payload_hash)
        assert decided.state is ItemState.APPROVED
    async with database.transaction() as session:
        if how == "removed from the queue":
            await configure_queues(session, ADMIN, plans(members=[{"login": COLLEAGUE.login}]))
        else:
            change = "roles = '{rep}'" if how == "without the role" else "disabled = true"
            await run_sql(
                session,
                f"UPDATE gateway.account SET {change} WHERE id = :id",
                id=uuid.UUID(LAWYER.id),
            )
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DECIDER_LEFT
        again = await session.get_one(HeldItem, item.id, populate_existing=True)
        assert (again.state, again.decided_by, again.effect_at) == (ItemState.PENDING, None, None)
    async with database.transaction() as session:
        await employ(session)
        await configure_queues(session, ADMIN, plans())
        decided = await approve(session, POLICY, LAWYER, item.id, item.payload_hash)
        assert decided.state is ItemState.APPROVED, "her colleague's vote still stands"
        await let_pass(session, 60)
        assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)


async def test_a_rejection_does_not_rest_on_somebody_elses_approval(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans())
        item = await threat(session)
        await approve(session, POLICY, LAWYER, item.id, item.payload_hash)
        await reject(session, POLICY, COLLEAGUE, item.id, item.payload_hash, reason=RejectionReason.LEGAL)
        await configure_queues(session, ADMIN, plans(members=[{"login": COLLEAGUE.login}]))
        await let_pass(session, 60)
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert not effect.released


async def test_a_colleague_stands_in_for_who_is_away_and_no_longer(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(members=[{"login": LAWYER.login}]))
        now = (await run_sql(session, "SELECT now()")).scalar_one()
        assert not await may_review(session, "legal", SECOND.id)
        assert await staff(session, "legal") == [LAWYER.id]
        tomorrow = now + timedelta(days=1)
        await set_absence(session, LAWYER, starts=now, ends=tomorrow, cover=SECOND.id)
        assert await may_review(session, "legal", SECOND.id)
        assert await staff(session, "legal") == [SECOND.id]
        await let_pass(session, 86_401)
        assert not await may_review(session, "legal", SECOND.id)
        assert await staff(session, "legal") == [LAWYER.id]


async def test_nobody_stands_in_for_who_is_no_officer_any_more(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(members=[{"login": LAWYER.login}]))
        now = (await run_sql(session, "SELECT now()")).scalar_one()
        await set_absence(session, LAWYER, starts=now, ends=now + timedelta(days=1), cover=SECOND.id)
        await run_sql(
            session, "UPDATE gateway.account SET roles = '{rep}' WHERE id = :id", id=uuid.UUID(LAWYER.id)
        )
        assert not await may_review(session, "legal", SECOND.id)
        assert await staff(session, "legal") == [], "and nobody is told"


async def test_who_is_back_is_stood_in_for_no_more(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(members=[{"login": LAWYER.login}]))
        now = (await run_sql(session, "SELECT now()")).scalar_one()
        day = timedelta(days=1)
        begun = await set_absence(session, LAWYER, starts=now - day, ends=now + day, cover=SECOND.id)
        coming = await set_absence(session, LAWYER, starts=now + day, ends=now + 2 * day, cover=SECOND.id)
        with pytest.raises(NotFound):
            await end_absence(session, SECOND, begun.id)
        await end_absence(session, LAWYER, begun.id)
        await end_absence(session, LAWYER, coming.id)
        assert not await may_review(session, "legal", SECOND.id)
        assert await staff(session, "legal") == [LAWYER.id]
        with pytest.raises(NotFound):
            await end_absence(session, LAWYER, begun.id)


async def test_the_record_says_who_joined_a_queue_and_who_left_it(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(members=[{"login": LAWYER.login}]))
        await configure_queues(session, ADMIN, plans(members=[{"login": COLLEAGUE.login}]))
        rows = await run_sql(
            session, "SELECT detail FROM gateway.audit_event WHERE event = 'queue.changed' ORDER BY at"
        )
        first, second = rows.scalars().all()
    assert (first["joined"], first["left"]) == ([f"legal:{LAWYER.id}"], [])
    assert (second["joined"], second["left"]) == ([f"legal:{COLLEAGUE.id}"], [f"legal:{LAWYER.id}"])


async def test_only_those_on_duty_are_told_and_all_where_nobody_is(database: Database) -> None:
    async with database.transaction() as session:
        now = (await run_sql(session, "SELECT now()")).scalar_one()
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        today, other = days[now.weekday()], days[(now.weekday() + 3) % 7]
        members = [
            {"login": LAWYER.login, "duty": {"hours": {today: ["00:00-24:00"]}}},
            {"login": COLLEAGUE.login, "duty": {"hours": {other: ["00:00-24:00"]}}},
        ]
        await configure_queues(session, ADMIN, plans(members=members))
        assert await staff(session, "legal") == [LAWYER.id]
        await configure_queues(session, ADMIN, plans(members=members[1:]))
        assert await staff(session, "legal") == [COLLEAGUE.id]


async def test_the_shorter_of_the_tiers_and_the_rules_deadline_counts(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans(deadline_minutes={"top": 7}))
        item = await threat(session)
        assert item.created_at is not None
        assert item.deadline - item.created_at == timedelta(minutes=7)
        assert item.remind_at == item.created_at + timedelta(minutes=3.5)
        assert item.escalate_at is None, "it escalates nowhere"


async def test_the_version_of_the_description_stands_without_the_record(database: Database) -> None:
    async with database.transaction() as session:
        assert (await queue_plans(session, ADMIN)).version == "1"
        for version in ("9", "7"):
            await configure_queues(session, ADMIN, plans().model_copy(update={"version": version}))
        without_general = plans().model_copy(update={"version": "8", "queues": plans().queues[:1]})
        await configure_queues(session, ADMIN, without_general)
        await run_sql(session, "ALTER TABLE gateway.audit_event DISABLE TRIGGER only_added_to")
        await run_sql(session, "DELETE FROM gateway.audit_event")
        await run_sql(session, "ALTER TABLE gateway.audit_event ENABLE ALWAYS TRIGGER only_added_to")
        assert (await queue_plans(session, ADMIN)).version == "8"


async def test_what_waits_in_a_queue_that_goes_waits_in_general(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans())
        item = await threat(session)
        only = {"name": "general", "title": "All", "members": "everyone"}
        one = QueuePlans.model_validate({"version": "2", "queues": [only]})
        await configure_queues(session, ADMIN, one)
        assert [entry.id for entry in await queue(session, OFFICER)] == [item.id]
        assert (await threat(session)).queue == "general"


async def test_only_an_admin_describes_queues_and_only_officers_belong_to_them(database: Database) -> None:
    async with database.transaction() as session:
        for caller in (OFFICER, LEAD, REP):
            with pytest.raises(NotAllowed):
                await configure_queues(session, caller, plans())
        for login in (REP.login, "nobody@example.org"):
            with pytest.raises(BadInput):
                await configure_queues(session, ADMIN, plans(members=[{"login": login}]))


@pytest.mark.parametrize(
    "queues",
    [
        [],
        [{"name": "a", "title": "A", "members": "everyone", "escalates_to": "a"}],
        [{"name": "a", "title": "A", "members": "everyone", "escalates_to": "b"}],
        [{"name": "a", "title": "A", "members": "everyone"}] * 2,
        [{"name": "general", "title": "A", "members": "everyone", "rules": ["legal_threat"]}],
        [{"name": "a", "title": "A", "members": "everyone", "deadline_minutes": {"top": 0}}],
        [{"name": "a", "title": "A", "members": "nobody"}],
        [{"name": "a", "title": "A", "members": []}],
        [{"name": "a", "title": "A", "members": "everyone", "unknown": 1}],
    ],
)
def test_a_description_that_cannot_be_is_refused(queues: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        QueuePlans.model_validate({"version": "1", "queues": queues})


async def test_a_queue_without_two_persons_is_named(database: Database) -> None:
    members = {
        "pair": (OFFICER, SECOND),
        "alone": (OFFICER,),
        "double": (OLGA, OLGA_AGAIN),
        "left": (SECOND, LAWYER),
    }
    described = [
        {"name": name, "title": name, "members": [{"login": one.login} for one in listed]}
        for name, listed in members.items()
    ]
    async with database.transaction() as session:
        await configure_queues(
            session, ADMIN, QueuePlans.model_validate({"version": "1", "queues": described})
        )
        gone = "UPDATE gateway.account SET disabled = true WHERE id = CAST(:id AS uuid)"
        await run_sql(session, gone, id=LAWYER.id)
        assert sorted(await queues_short_of_two(session)) == ["alone", "double", "left"]
        await run_sql(session, "UPDATE gateway.account SET disabled = true")
        assert set(await queues_short_of_two(session)) == {*members, "general"}


async def test_what_is_not_named_as_risky_is_at_home_in_general(database: Database) -> None:
    async with database.transaction() as session:
        await configure_queues(session, ADMIN, plans())
        assert (await held(session)).queue == "general"
        assert risky().rules == ("refund_or_credit_above_limit",)


@pytest.mark.parametrize("rule", ["sampled", "likeness_unread", "rule_unread", "legal_threat"])
def test_a_queue_may_take_whatever_can_hold_an_item(rule: str) -> None:
    legal = {"name": "legal", "title": "Legal", "rules": [rule], "members": "everyone"}
    check_rules(QueuePlans.model_validate({"version": "1", "queues": [legal]}), load_policy())
