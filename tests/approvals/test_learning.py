"""What decisions say about rules, and what is suggested; a person accepts."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from approvals import (
    By,
    HeldItem,
    ItemState,
    RuleHit,
    Tier,
    Verdict,
    Vote,
    accepted,
    report_rules,
    suggest,
)
from approvals.learning import Report, RuleReport, Suggestion
from gateway import Database

from .queues import OFFICER, POLICY, REP, SECOND, answer, run_sql

SINCE = datetime.now(UTC) - timedelta(days=1)


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
        report = await report_rules(session, SINCE)
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
        report = await report_rules(session, SINCE)
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
