"""Weighing is a pure function of policy and text, and in doubt it holds."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import PolicyFaults, RuleHit, Tier, Weighing, load_policy, weigh_question, weigh_sentence
from approvals.risk.policy import MoneyRule
from gateway import Role

POLICY = load_policy().by_words
LIMITS = next(rule for rule in POLICY.rules if isinstance(rule, MoneyRule)).limits
SHIPPED = Path(__file__).parents[2] / "approvals" / "risk" / "policy.yaml"


def sentence(text: str, *roles: Role, supported: bool = True, index: int = 0) -> Weighing:
    return weigh_sentence(
        POLICY, text, question="", roles=roles or (Role.REP,), supported=supported, index=index
    )


@given(st.decimals(min_value=1, max_value=20_000, places=2), st.sampled_from(Role))
@settings(max_examples=60, deadline=None)
def test_a_refund_is_held_exactly_above_the_limit_of_the_role(value: Decimal, role: Role) -> None:
    weighing = sentence(f"We will refund {value:,.2f} EUR.", role)
    assert ("refund_or_credit_above_limit" in weighing.rules) == (value > LIMITS.get(role, 0))


@given(st.text(max_size=400), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_weighed_and_hits_lie_within_it(text: str, supported: bool) -> None:
    for hit in (*sentence(text, supported=supported).hits, *sentence(text, supported=supported).marks):
        assert 0 <= hit.start <= hit.end <= len(text)
        assert hit.place == 0
    for hit in weigh_question(POLICY, text, roles=(Role.REP,)).hits:
        assert hit.place is None


@pytest.mark.parametrize(
    "draft",
    [
        ("A refund was agreed with the customer.", "The amount is EUR 4,000."),
        ("The refund is as follows.", "EUR 4,000 on 3 March."),
        ("A refund was agreed.", "It takes three days.", "It is EUR 4,000."),
    ],
)
def test_an_amount_is_held_where_only_a_sentence_before_says_that_it_is_given(draft: tuple[str, ...]) -> None:
    found = [
        weigh_sentence(
            POLICY, text, question="", roles=[Role.REP], supported=True, index=index, before=draft[:index]
        )
        for index, text in enumerate(draft)
    ]
    assert [one.risky for one in found] == [False] * (len(draft) - 1) + [True]


def test_an_amount_beside_a_refund_within_the_limit_is_not_held() -> None:
    before = ["We will refund EUR 50."]
    text = "The order was delivered on 3 March."
    assert not weigh_sentence(
        POLICY, text, question="", roles=[Role.REP], supported=True, index=1, before=before
    ).risky


def test_the_strictest_limit_is_that_of_the_best_role() -> None:
    assert sentence("We will refund 450 EUR.", Role.REP).risky
    assert not sentence("We will refund 450 EUR.", Role.REP, Role.LEAD).risky


def test_a_very_large_amount_needs_two_officers() -> None:
    assert sentence("We will refund 6,000 EUR.", Role.LEAD).tier is Tier.TOP


def test_a_currency_without_a_rate_is_above_every_limit() -> None:
    strange = POLICY.model_copy(update={"rates": {"EUR": Decimal(1)}})
    found = weigh_sentence(
        strange, "We refund 1 JPY. Refund: 1 ¥.", question="", roles=[Role.LEAD], supported=True
    )
    assert found.risky


def test_a_connecting_sentence_without_support_is_marked_and_not_held() -> None:
    weighing = sentence("Here is what the records say.", supported=False)
    assert not weighing.risky
    assert [mark.rule for mark in weighing.marks] == ["unsupported_claims"]


def test_a_hit_knows_the_number_of_its_sentence() -> None:
    assert sentence("The customer's lawyer called.", index=4).hits[0].place == 4


def test_the_deadline_is_the_shortest_of_the_rules_that_were_hit() -> None:
    hits = tuple(RuleHit(rule, Tier.NORMAL, "", 0, 1, 0) for rule in ("unsupported_claims", "medical"))
    assert POLICY.deadline_minutes(Weighing(hits[:1])) == 240
    assert POLICY.deadline_minutes(Weighing(hits)) == 60


def test_joining_keeps_every_hit_once() -> None:
    one = sentence("The customer's lawyer called.")
    assert one.joined(one, Weighing()) == one


HOSTILE = [
    "refund " * 3_000,
    "all " * 3_000,
    "contract to " * 2_000,
    "1." * 5_000,
    "zwei" * 2_000,
    "<" * 9_000,
]


@pytest.mark.timeout(30)  # a pattern that backtracks would take minutes
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_weighed(text: str) -> None:
    assert sentence(text, supported=False).hits is not None


def broken(**changes: object) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load(SHIPPED.read_text("utf-8"))
    return content | changes


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("version: [\n", "policy.yaml:1: this is not YAML: "),
        ("mode: {\n  a: b,\n  c: [\n}\n", "policy.yaml:4: this is not YAML: "),
        (
            "rules: {\n  a: b\n\n",
            "policy.yaml:3: this is not YAML: .*, while parsing a flow mapping of line 1",
        ),
        ("version: 2026-13-45", "is not YAML"),
        ("", "names with values are expected"),
        (yaml.safe_dump(broken(rules=[])), "rules"),
        (yaml.safe_dump(broken(currency="Euro")), "currency"),
        (yaml.safe_dump(broken(samplin={})), "samplin: no such field; do you mean sampling"),
        (yaml.safe_dump(broken(rules=[{"id": "own", "kind": "pattern"}])), "do you mean patterns"),
        (yaml.safe_dump(broken(rules=[{"id": "own"}])), r"rules\[own\].kind: one of patterns, money, "),
        (yaml.safe_dump(broken(words={})), "is not defined"),
    ],
)
def test_a_broken_policy_is_refused_in_words(tmp_path: Path, content: str, word: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(content, "utf-8")
    with pytest.raises(PolicyFaults, match=word):
        load_policy(file)


@pytest.mark.parametrize(("pattern", "word"), [("(", "is not a pattern"), ("a*", "matches every text")])
def test_a_broken_pattern_is_named_with_its_rule(tmp_path: Path, pattern: str, word: str) -> None:
    content = yaml.safe_load(SHIPPED.read_text("utf-8"))
    content["rules"][1]["patterns"]["en"] = [pattern]
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(PolicyFaults, match=rf"legal_threat.patterns: .*{word}"):
        load_policy(file)


def test_a_missing_policy_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PolicyFaults, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")
