"""What decisions say about rules, and what is suggested; a person accepts."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from approvals import (
    By,
    HeldItem,
    ItemState,
    Learned,
    Period,
    Policy,
    Reply,
    RuleHit,
    Tier,
    Verdict,
    Vote,
    accepted,
    answer_suggestion,
    approve,
    hold,
    is_in_force,
    learn,
    propose,
    report_rules,
    suggest,
    withdraw_reply,
)
from approvals.numbers.learning import Report, RuleReport, Suggestion
from approvals.risk.policy import SamplingSettings
from approvals.risk.sampling import is_drawn
from gateway import Conflict, Database, NotAllowed, NotFound, Principal

from .past import RULES, PastReview, make_past
from .queues import ADMIN, LEAD, OFFICER, POLICY, REP, SECOND, answer, have_read, risky, run_sql


def item(state: ItemState, *rules: str, by: By = By.WORDS, edited: bool = False) -> HeldItem:
    payload = answer()
    hits = [RuleHit(rule, Tier.NORMAL, "Because.", 0, 1, 0, by).as_json() for rule in rules]
    decided = state in {ItemState.APPROVED, ItemState.EDITED, ItemState.REJECTED, ItemState.SENT_BACK}
    return HeldItem(
        run=uuid.uuid4(),
        conversation=uuid.uuid4(),
        requester=REP.id,
        payload=payload.as_json(),
        payload_hash=payload.digest(),
        current_hash=payload.digest(),
        policy_version="p",
        hits=hits,
        marks=[],
        tier=Tier.NORMAL,
        state=state,
        deadline=datetime.now(UTC) + timedelta(hours=1),
        decided_by=OFFICER.id if decided else None,
        decided_at=datetime.now(UTC) if decided else None,
    )


async def test_each_rule_is_counted_by_what_became_of_its_items(database: Database) -> None:
    items = [
        item(ItemState.APPROVED, "medical", "legal_threat"),
        item(ItemState.EDITED, "medical"),
        item(ItemState.REJECTED, "medical", by=By.LIKENESS),
        item(ItemState.PENDING, "medical"),
        item(ItemState.EXPIRED, "legal_threat"),
    ]
    async with database.transaction() as session:
        await run_sql(session, "SET LOCAL session_replication_role = replica")  # as if decided long ago
        session.add_all(items)
    async with database.transaction() as session:
        report = await report_rules(session, Period.last(1))
    found = {one.rule: one for one in report.rules}
    medical, legal = found["medical"], found["legal_threat"]
    assert (medical.held, medical.unchanged, medical.edited, medical.rejected, medical.open) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert (legal.held, legal.unchanged, legal.ended, legal.decided) == (2, 1, 1, 1)
    assert medical.by == {"words": 3, "likeness": 1}
    assert report.items == 5


async def test_two_officers_agree_when_both_let_it_out_or_neither_does(database: Database) -> None:
    same, other, single = (item(ItemState.APPROVED, "medical") for _ in range(3))
    async with database.transaction() as session:
        await run_sql(session, "SET LOCAL session_replication_role = replica")  # as if decided long ago
        session.add_all([same, other, single])
        await session.flush()
        for one, verdicts in (
            (same, (Verdict.APPROVE, Verdict.EDIT)),
            (other, (Verdict.APPROVE, Verdict.REJECT)),
            (single, (Verdict.APPROVE,)),
        ):
            for reviewer, verdict in zip((OFFICER.id, SECOND.id), verdicts, strict=False):
                session.add(
                    Vote(item=one.id, reviewer=reviewer, verdict=verdict, payload_hash=one.payload_hash)
                )
    async with database.transaction() as session:
        report = await report_rules(session, Period.last(1))
    assert (report.double, report.agreed) == (2, 1)


def reported(rule: str, *, by: By = By.WORDS, **counts: int) -> Report:
    held = sum(counts.values())
    one = RuleReport(rule, held=held, by=Counter({str(by): held}))
    for name, count in counts.items():
        setattr(one, name, count)
    return Report((one,), one.held, 0, 0)


def test_a_rule_that_holds_for_nothing_is_made_lighter_or_less_alike() -> None:
    [words] = suggest(reported("medical", unchanged=38, edited=2), POLICY)
    assert (words.rule, dict(words.change)) == ("medical", {"weight": 0.5})
    [alike] = suggest(reported("medical", by=By.LIKENESS, false_alarm=40), POLICY)
    rule = POLICY.rule("medical")
    assert rule is not None
    assert rule.likeness is not None
    assert dict(alike.change) == {"likeness": pytest.approx(rule.likeness + 0.1)}


def test_a_rule_whose_items_are_mostly_changed_gets_a_second_officer() -> None:
    [found] = suggest(reported("medical", unchanged=10, edited=8, rejected=4), POLICY)
    assert dict(found.change) == {"tier": "top"}


def test_few_decisions_suggest_nothing() -> None:
    assert suggest(reported("medical", unchanged=19), POLICY) == ()


def test_what_is_accepted_is_a_policy_that_extends_the_shipped_one() -> None:
    first = accepted(None, [Suggestion("medical", {"weight": 0.5}, "")], "own-1")
    second = yaml.safe_load(accepted(first, [Suggestion("minors", {"tier": "top"}, "")], "own-2"))
    assert second == {
        "extends": "shipped",
        "version": "own-2",
        "rules": {"medical": {"weight": 0.5}, "minors": {"tier": "top"}},
    }
    with pytest.raises(ValueError, match="whole policy"):
        accepted("version: a", [], "b")
    with pytest.raises(ValueError, match="not YAML"):
        accepted("rules: [", [], "b")


def counted(reviews: Sequence[PastReview], rule: str | None) -> dict[str, int]:
    """What a naive reader counts of one rule, or of all."""
    of = [one for one in reviews if rule is None or rule in one.rules]
    twice = [one for one in of if len(one.verdicts) > 1]
    refusing = {Verdict.REJECT, Verdict.SEND_BACK}
    agreed = [one for one in twice if len({said in refusing for said in one.verdicts.values()}) == 1]
    return {
        "held": len(of),
        "unchanged": sum(one.outcome == "approved" and not one.alarm for one in of),
        "false_alarm": sum(one.alarm for one in of),
        "edited": sum(one.outcome == "edited" for one in of),
        "rejected": sum(one.outcome == "rejected" for one in of),
        "sent_back": sum(one.outcome == "sent_back" for one in of),
        "open": sum(one.outcome == "pending" for one in of),
        "ended": sum(one.outcome in {"expired", "cancelled"} for one in of),
        "double": len(twice),
        "agreed": len(agreed),
    }


@pytest.mark.parametrize("seed", [21, 22])
async def test_the_report_is_that_of_a_naive_count(database: Database, seed: int) -> None:
    async with database.transaction() as session:
        past = await make_past(session, seed, items=120, queues=("general",))
    period = Period.last(30)
    async with database.transaction() as session:
        found = await report_rules(session, period)
    inside = [one for one in past.reviews if period.since <= one.began < period.until]
    assert {one.rule for one in found.rules} == set(RULES)
    for one in found.rules:
        expected = counted(inside, one.rule)
        assert {name: getattr(one, name) for name in expected} == expected
        assert one.by == {"words": one.held}
    whole = counted(inside, None)
    assert (found.items, found.double, found.agreed) == (whole["held"], whole["double"], whole["agreed"])


async def test_nothing_held_is_a_report_too(database: Database) -> None:
    async with database.transaction() as session:
        found = await report_rules(session, Period.last(7))
        assert found == Report((), 0, 0, 0)
        assert await learn(session, POLICY, found) == Learned()


NOTHING = reported("medical", unchanged=38, false_alarm=2)


async def test_an_accepted_change_waits_for_a_policy_that_has_it(database: Database) -> None:
    [wanted] = suggest(NOTHING, POLICY)
    async with database.transaction() as session:
        reply = await answer_suggestion(session, OFFICER, POLICY, wanted, Reply.ACCEPTED)
    async with database.transaction() as session:
        learned = await learn(session, POLICY, NOTHING)
        assert learned.suggestions == ()
        assert [(one.rule, one.change, one.by) for one in learned.accepted] == [
            ("medical", {"weight": 0.5}, OFFICER.id)
        ]
        assert (reply.count, reply.decided) == (40, 40)
        changed = with_change(wanted)
        assert is_in_force(changed, wanted)
        later = await learn(session, changed, NOTHING)
        assert (later.accepted, [one.id for one in later.in_force]) == ((), [reply.id])
        recorded = await run_sql(
            session, "SELECT actor, subject, detail FROM gateway.audit_event WHERE event LIKE 'rule.%'"
        )
        event = recorded.mappings().one()
    assert (event["actor"], event["subject"]) == (OFFICER.id, "medical")
    assert event["detail"]["change"] == {"weight": 0.5}
    assert event["detail"]["policy"] == POLICY.version


def with_change(wanted: Suggestion) -> Policy:
    rules = [
        rule.model_copy(update=dict(wanted.change) if rule.id == wanted.rule else {}) for rule in POLICY.rules
    ]
    return POLICY.model_copy(update={"version": "own-1", "rules": tuple(rules)})


async def test_what_was_put_aside_comes_again_with_another_policy(database: Database) -> None:
    [wanted] = suggest(NOTHING, POLICY)
    async with database.transaction() as session:
        await answer_suggestion(session, OFFICER, POLICY, wanted, Reply.PUT_ASIDE)
    another = POLICY.model_copy(update={"version": "own-2"})
    async with database.transaction() as session:
        assert (await learn(session, POLICY, NOTHING)).suggestions == ()
        assert (await learn(session, another, NOTHING)).suggestions == (wanted,)
        await answer_suggestion(session, SECOND, another, wanted, Reply.ACCEPTED)
        assert (await learn(session, another, NOTHING)).put_aside == ()


async def test_a_suggestion_is_answered_once_and_the_answer_can_be_taken_back(database: Database) -> None:
    [wanted] = suggest(NOTHING, POLICY)
    async with database.transaction() as session:
        reply = await answer_suggestion(session, OFFICER, POLICY, wanted, Reply.ACCEPTED)
        with pytest.raises(Conflict):
            await answer_suggestion(session, SECOND, POLICY, wanted, Reply.PUT_ASIDE)
        await withdraw_reply(session, SECOND, reply.id)
        with pytest.raises(NotFound):
            await withdraw_reply(session, SECOND, reply.id)
        assert (await learn(session, POLICY, NOTHING)).suggestions == (wanted,)
        await answer_suggestion(session, SECOND, POLICY, wanted, Reply.PUT_ASIDE)


async def test_many_officers_at_once_answer_a_suggestion_once(database: Database) -> None:
    [wanted] = suggest(NOTHING, POLICY)

    async def answered() -> bool:
        async with database.transaction() as session:
            try:
                await answer_suggestion(session, OFFICER, POLICY, wanted, Reply.ACCEPTED)
            except Conflict:
                return False
            return True

    assert sum(await asyncio.gather(*(answered() for _ in range(8)))) == 1


@pytest.mark.parametrize("who", [REP, LEAD, ADMIN])
async def test_only_officers_answer_suggestions(database: Database, who: Principal) -> None:
    [wanted] = suggest(NOTHING, POLICY)
    async with database.transaction() as session:
        with pytest.raises(NotAllowed):
            await answer_suggestion(session, who, POLICY, wanted, Reply.ACCEPTED)
        with pytest.raises(NotAllowed):
            await withdraw_reply(session, who, uuid.uuid4())


def test_what_is_proposed_is_a_whole_file_where_a_program_can_write_one() -> None:
    wanted = [Suggestion("medical", {"weight": 0.5}, "")]
    shipped = propose(None, wanted, "own-1")
    assert yaml.safe_load(shipped.text or "")["rules"] == yaml.safe_load(shipped.rules)["rules"]
    by_hand = propose("version: a", wanted, "own-1")
    assert by_hand.text is None
    assert yaml.safe_load(by_hand.rules) == {"rules": {"medical": {"weight": 0.5}}}


@pytest.mark.parametrize(("share", "needed"), [(0.0, 1), (1.0, 2)])
async def test_of_what_one_officer_decides_a_share_is_read_by_two(
    database: Database, share: float, needed: int
) -> None:
    drawn = POLICY.model_copy(update={"sampling": SamplingSettings(second=share)})
    async with database.transaction() as session:
        one = await hold(
            session,
            drawn,
            run=uuid.uuid4(),
            conversation=uuid.uuid4(),
            requester=REP,
            payload=answer(),
            weighing=risky(),
        )
        assert (one.tier, one.needed) == (Tier.NORMAL, needed)
        await have_read(session, one)
        first = await approve(session, drawn, OFFICER, one.id, one.current_hash)
        assert first.state is (ItemState.PENDING if needed == 2 else ItemState.APPROVED)
    async with database.transaction() as session:
        if needed == 2:
            await approve(session, drawn, SECOND, one.id, one.current_hash)
        found = await report_rules(session, Period.last(1))
    assert (found.double, found.agreed) == ((1, 1) if needed == 2 else (0, 0))


def test_chance_draws_about_its_share() -> None:
    assert not any(is_drawn(0.0) for _ in range(200))
    assert all(is_drawn(1.0) for _ in range(200))
    assert 250 < sum(is_drawn(0.5) for _ in range(1_000)) < 750
