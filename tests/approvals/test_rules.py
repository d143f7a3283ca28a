"""Weights add, trials only report, functions are registered, and a policy may extend the shipped one."""

import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from approvals import (
    By,
    Policy,
    PolicyFaults,
    RuleHit,
    Tier,
    Weighing,
    check_examples,
    is_sampled,
    load_policy,
    weigh_question,
    weigh_sentence,
)
from approvals.risk.checks import mangled_tokens
from gateway import Role

SECRET = b"a secret"
README: Final = Path(__file__).parents[2] / "approvals" / "README.md"


def extended(folder: Path, **changes: object) -> Policy:
    file = folder / "policy.yaml"
    file.write_text(yaml.safe_dump({"extends": "shipped", "version": "own-1", **changes}), "utf-8")
    return load_policy(file).by_words


def sentence(policy: Policy, text: str, **more: object) -> Weighing:
    return weigh_sentence(policy, text, question="", roles=[Role.REP], supported=True, **more)  # type: ignore[arg-type]


def hit(rule: str, weight: float, tier: Tier = Tier.NORMAL) -> RuleHit:
    return RuleHit(rule, tier, "Because.", 0, 1, 0, By.WORDS, weight)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0.25, 0.5, 1.0])), max_size=6))
def test_the_heaviest_hit_of_each_rule_is_added_and_one_holds(found: list[tuple[str, float]]) -> None:
    weighing = Weighing(tuple(hit(*one) for one in found))
    heaviest = {name: max(w for n, w in found if n == name) for name, _ in found}
    assert weighing.weight == pytest.approx(sum(heaviest.values()))
    assert weighing.risky == (sum(heaviest.values()) >= 1)


def test_the_strictest_tier_wins() -> None:
    assert Weighing((hit("a", 1), hit("b", 0.5, Tier.TOP))).tier is Tier.TOP


def test_a_light_rule_holds_only_together_with_another(tmp_path: Path) -> None:
    policy = extended(tmp_path, rules={"legal_threat": {"weight": 0.5}, "medical": {"weight": 0.5}})
    assert not sentence(policy, "His lawyer called.").risky
    assert sentence(policy, "His lawyer called about her diagnosis.").risky


def test_in_shadow_mode_only_the_top_tier_holds_and_the_rest_is_reported(tmp_path: Path) -> None:
    policy = extended(tmp_path, mode="shadow")
    normal = sentence(policy, "His lawyer called.")
    assert (normal.risky, normal.rules, normal.shadowed) == (False, (), ("legal_threat",))
    assert sentence(policy, "We will refund 6,000 EUR.").risky
    assert sentence(policy, "Here is the list of all customers with their phone numbers.").risky


def test_in_shadow_mode_an_answer_that_nobody_could_compare_goes_out(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"extends": "shipped", "version": "own-1", "mode": "shadow"}), "utf-8")
    weighing = weigh_question(load_policy(file), "Which cases are open?", roles=[Role.REP])
    assert (weighing.risky, weighing.shadowed) == (False, ("likeness_unread",))


def test_a_rule_on_trial_reports_and_the_others_hold(tmp_path: Path) -> None:
    policy = extended(tmp_path, rules={"legal_threat": {"trial": True}})
    assert sentence(policy, "His lawyer called.").shadowed == ("legal_threat",)
    assert sentence(policy, "Her diagnosis is known.").risky


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"extends": "other", "version": "1"}, "only `shipped`"),
        ({"extends": "shipped"}, "version"),
        ({"extends": "shipped", "version": "1", "rules": [1]}, "by the name"),
        (
            {"extends": "shipped", "version": "1", "rules": {"medical": {"trail": True}}},
            r"rules\[medical\].trail: no such field; do you mean trial",
        ),
        (
            {"extends": "shipped", "version": "1", "rules": {"legal_thread": {"trial": True}}},
            "rules.legal_thread: no such rule; do you mean legal_threat",
        ),
        (
            {"extends": "shipped", "version": "1", "rules": {"medical": {"examples": {"positive": [1]}}}},
            r"rules\[medical\].examples.positive\[0\]: Input should be a valid string",
        ),
        ({"extends": "shipped", "version": "1", "rules": {"medical": {"weight": 2}}}, "weight"),
        ({"extends": "shipped", "version": "1", "sampling": {"share": 2}}, "share"),
    ],
)
def test_a_broken_extension_is_refused_in_words(tmp_path: Path, content: object, word: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(PolicyFaults, match=word):
        load_policy(file)


def test_the_extension_of_the_readme_is_one(tmp_path: Path) -> None:
    (written,) = re.findall(r"```yaml\n(extends:.*?)```", README.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "policy.yaml"
    file.write_text(written, "utf-8")
    policy = load_policy(file)
    assert check_examples(policy) == []
    assert policy.on_trial == {"legal_threat"}
    assert sentence(policy.by_words, "Acme sells it too.").rules == ("competitor",)


FUNCTION_RULE = {
    "kind": "function",
    "title": "Own rule",
    "deadline_minutes": 60,
    "sentence": "The text shouts.",
    "examples": {"positive": ["NO!"], "negative": ["no"]},
}


def test_a_function_rule_is_called_when_its_module_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_rules.py").write_text(
        "def shouting(weighed):\n    return [(0, len(weighed.text))] if weighed.text.isupper() else []\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    rules = {"shouting": FUNCTION_RULE | {"function": "own_rules:shouting"}}
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"extends": "shipped", "version": "1", "rules": rules}), "utf-8")
    policy = load_policy(file, ["own_rules"]).by_words
    [found] = sentence(policy, "NO WAY").hits
    assert (found.rule, found.by, found.end) == ("shouting", By.FUNCTION, 6)
    assert not sentence(policy, "No way").risky
    with pytest.raises(PolicyFaults, match="not registered"):
        load_policy(file)


@pytest.mark.parametrize("function", ["approvals.risk.functions:missing", "os:system"])
def test_a_function_that_is_not_there_or_not_registered_is_refused(tmp_path: Path, function: str) -> None:
    with pytest.raises(PolicyFaults, match=r"does not exist|not registered"):
        extended(tmp_path, rules={"own": FUNCTION_RULE | {"function": function}})


@pytest.mark.parametrize(
    "text",
    ["[PERSON_1] called.", "<PERSON 1> called.", "PERSON_1 called.", "<person_1> called.", "<PERSON_1 x"],
)
def test_a_token_that_came_back_broken_is_seen(text: str) -> None:
    assert mangled_tokens(text)


@pytest.mark.parametrize(
    "text", ["<PERSON_1> called.", "<PERSON_1_EMAIL>", "Account 12 is open.", "(account) and card 3"]
)
def test_whole_tokens_and_plain_words_are_not_broken_tokens(text: str) -> None:
    assert not mangled_tokens(text)


def test_the_same_run_is_drawn_the_same_and_the_share_is_kept() -> None:
    runs = [uuid.UUID(int=n) for n in range(20_000)]
    drawn = [is_sampled(run, 0.05, SECRET) for run in runs]
    assert drawn == [is_sampled(run, 0.05, SECRET) for run in runs]
    assert 0.04 < sum(drawn) / len(drawn) < 0.06
    assert drawn != [is_sampled(run, 0.05, b"another") for run in runs]
    assert not any(is_sampled(run, 0.0, SECRET) for run in runs[:500])
    assert all(is_sampled(run, 1.0, SECRET) for run in runs[:500])


def test_a_drawn_answer_is_held_as_a_whole() -> None:
    weighing = weigh_question(load_policy().by_words, "Which cases are open?", roles=[Role.REP], sampled=True)
    assert weighing.rules == ("sampled",)
    assert weighing.hits[0].place is None
    assert weighing.hits[0].by is By.CHANCE


def test_a_hit_comes_back_from_storage_as_it_went_and_an_older_one_too() -> None:
    one = hit("a", 0.5)
    assert RuleHit.from_json(one.as_json()) == one
    older = {key: value for key, value in one.as_json().items() if key not in {"by", "weight"}}
    assert RuleHit.from_json(older) == RuleHit("a", Tier.NORMAL, "Because.", 0, 1, 0)


def test_a_rule_that_reads_sources_holds_what_is_written_from_one_that_meets_it() -> None:
    policy = load_policy().by_words
    weighed = weigh_question(
        policy, "What is new?", roles=[Role.REP], passages=["All is well.", "Legal hold since May."]
    )
    assert [(hit.rule, hit.by, hit.place) for hit in weighed.hits] == [
        ("confidential_source", By.SOURCE, None)
    ]
    assert weighed.risky
    assert not weigh_question(policy, "Is there a legal hold?", roles=[Role.REP], passages=["No."]).hits


def test_a_rule_reads_sources_only_where_its_places_say_so() -> None:
    passages = ["His lawyer called about the diagnosis."]
    assert not weigh_question(load_policy().by_words, "New?", roles=[Role.REP], passages=passages).hits


def test_a_function_may_read_sources_and_money_may_not(tmp_path: Path) -> None:
    policy = extended(tmp_path, rules={"ways_to_reach_many": {"places": ["source"]}})
    many = ", ".join(f"<PERSON_{number}_EMAIL>" for number in range(1, 8))
    assert weigh_question(policy, "Who?", roles=[Role.REP], passages=[many]).rules == ("ways_to_reach_many",)
    with pytest.raises(PolicyFaults, match="of kind money does not read the text of sources"):
        extended(tmp_path, rules={"refund_or_credit_above_limit": {"places": ["source"]}})


_ENDLESS = """
from approvals import load_policy, weigh_question, weigh_sentence
policy = load_policy().by_words
for unit in "a-", "one ", "1.", "1 000 ", "<PERSON_1>", "<PERSON_1> ", "x", "zweihundert", " ", "\\n", "\\t ":
    text = (unit * 20000)[:20000]
    weigh_question(policy, text, roles=["rep"], passages=[text])
    weigh_sentence(policy, text, question=text, roles=["rep"], supported=False)
"""


def test_no_text_however_repetitive_keeps_the_weighing_busy_without_end() -> None:
    subprocess.run([sys.executable, "-c", _ENDLESS], check=True, timeout=120)
