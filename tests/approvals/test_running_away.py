"""Phrases of a company's own that would keep a worker busy: stopped in time, and what they read is held."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import regex  # type: ignore[import-untyped]
import yaml

from approvals import (
    By,
    Policy,
    PolicyFaults,
    Tier,
    Weighing,
    check_examples,
    check_patience,
    load_policy,
    read_labelled,
    shipped_examples,
    weigh_question,
    weigh_sentence,
)
from approvals.risk import timed
from approvals.risk.evaluate import weigh as weigh_labelled
from approvals.risk.timed import NotInTime, Timed, one_text
from gateway import Role
from tests.assistant.commands import cloister

SHUT: Final = [Path(__file__).with_name(name) for name in ("drafts_shut.jsonl", "paraphrases_shut.jsonl")]
RUN_AWAY: Final = {
    "alike": r"(?:a|a)+b",
    "nested": r"(?:\w|\d)+(?:\w|\w\w)+\.x",
    "counted": r"(?:\w{1,3}){1,99}[!?]",
}
HARMLESS: Final = "The order has arrived."
LONG: Final = "a" * 60 + " " + "o" * 4_000


def own(folder: Path, phrase: str, **changes: Any) -> Path:
    rule = {
        "kind": "patterns",
        "title": "Own rule",
        "deadline_minutes": 60,
        "sentence": "The text meets it.",
        "patterns": {"en": ["acme", phrase]},
        "examples": {"positive": ["Acme is cheaper."], "negative": [HARMLESS]},
    }
    file = folder / "policy.yaml"
    said = {"extends": "shipped", "version": "own-1", "rules": {"own": rule | changes}}
    file.write_text(yaml.safe_dump(said), "utf-8")
    return file


def question(policy: Policy, text: str, *passages: str) -> Weighing:
    return weigh_question(policy.by_words, text, roles=[Role.REP], passages=passages)


def sentence(policy: Policy, text: str) -> Weighing:
    return weigh_sentence(policy.by_words, text, question="", roles=[Role.REP], supported=True)


@pytest.mark.parametrize("phrase", RUN_AWAY.values(), ids=RUN_AWAY.keys())
@pytest.mark.parametrize("weigh", [question, sentence])
def test_what_could_not_be_read_in_time_is_held_and_says_by_which_rule(
    tmp_path: Path, phrase: str, weigh: Any
) -> None:
    policy = load_policy(own(tmp_path, phrase))
    weighing = weigh(policy, LONG)
    [hit] = weighing.hits
    assert (hit.rule, hit.sentence) == ("rule_unread", "A rule could not be read in time: Own rule.")
    assert (hit.tier, hit.by, hit.start, hit.end) == (Tier.NORMAL, By.CHECK, 0, 0)
    assert weighing.risky
    assert not weigh(policy, HARMLESS).hits
    assert weigh(policy, "Acme is cheaper.").rules == ("own",)


def test_all_that_is_read_of_a_text_takes_no_longer_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own(tmp_path, RUN_AWAY["alike"], places=["question", "source"])
    said = yaml.safe_load(file.read_text("utf-8"))
    said["rules"] = {f"own_{n}": said["rules"]["own"] | {"title": f"Own rule {n}"} for n in range(8)}
    file.write_text(yaml.safe_dump(said), "utf-8")
    policy = load_policy(file)
    given: list[float] = []

    class Counted:
        def __init__(self, source: str, flags: int) -> None:
            self._pattern = regex.compile(source, flags)

        def finditer(self, text: str, timeout: float) -> Any:
            given.append(timeout)
            return self._pattern.finditer(text, timeout=timeout)

    monkeypatch.setattr(timed, "regex", SimpleNamespace(compile=Counted, IGNORECASE=regex.IGNORECASE))
    weighing = question(policy, LONG, LONG, LONG)
    assert len(weighing.hits) == 8
    assert given == [timed.TEXT_S], "the first took all of it, and no other was begun"


def test_the_tier_is_that_of_the_rule_and_of_money_the_strictest(tmp_path: Path) -> None:
    top = load_policy(own(tmp_path, RUN_AWAY["alike"], tier="top"))
    assert sentence(top, LONG).tier is Tier.TOP
    said = {"extends": "shipped", "version": "own-1", "words": {**load_policy().words, "credit": "(?:a|a)+b"}}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(said), "utf-8")
    money = sentence(load_policy(tmp_path / "policy.yaml"), LONG)
    assert (money.rules, money.tier) == (("rule_unread",), Tier.TOP)


def test_a_light_rule_that_could_not_be_read_holds_alone(tmp_path: Path) -> None:
    assert sentence(load_policy(own(tmp_path, RUN_AWAY["alike"], weight=0.1)), LONG).risky


@pytest.mark.parametrize(("tier", "holds"), [("normal", False), ("top", True)])
def test_a_rule_on_trial_that_could_not_be_read_holds_only_for_two_officers(
    tmp_path: Path, tier: str, holds: bool
) -> None:
    weighing = sentence(load_policy(own(tmp_path, RUN_AWAY["alike"], trial=True, tier=tier)), LONG)
    assert (weighing.risky, weighing.would_hold) == (holds, True)


def test_a_rule_on_trial_takes_nothing_from_an_enforced_one_with_its_title(tmp_path: Path) -> None:
    file = own(tmp_path, RUN_AWAY["alike"], trial=True)
    said = yaml.safe_load(file.read_text("utf-8"))
    tried = said["rules"]["own"]
    said["rules"] = {"a_trial": tried, "b_own": {**tried, "trial": False, "patterns": {"en": ["acme"]}}}
    file.write_text(yaml.safe_dump(said), "utf-8")
    weighing = sentence(load_policy(file), f"Acme. {LONG}")
    assert (weighing.rules, weighing.would_hold) == (("b_own",), True)
    said["rules"]["b_own"]["patterns"]["en"].append(RUN_AWAY["nested"])
    file.write_text(yaml.safe_dump(said), "utf-8")
    both = sentence(load_policy(file), LONG)
    assert both.rules == ("rule_unread",)
    assert [hit.rule for hit in both.shadow] == ["rule_unread"]


def test_what_excuses_and_what_sources_say_is_stopped_too(tmp_path: Path) -> None:
    excused = load_policy(own(tmp_path, "acme", unless={"en": [RUN_AWAY["alike"]]}))
    assert sentence(excused, f"Acme. {LONG}").rules == ("rule_unread",)
    sources = load_policy(own(tmp_path, RUN_AWAY["alike"], places=["source"]))
    assert question(sources, "What is new?", HARMLESS, LONG).rules == ("rule_unread",)


@pytest.mark.parametrize("phrase", RUN_AWAY.values(), ids=RUN_AWAY.keys())
def test_a_check_of_the_policy_names_the_phrase(tmp_path: Path, phrase: str) -> None:
    done = cloister("policy", "check", str(own(tmp_path, phrase)))
    assert done.returncode == 5
    assert f"own.patterns: '{phrase}' may take for ever" in " ".join(done.stdout.split())


def test_words_around_amounts_are_checked_too(tmp_path: Path) -> None:
    words = {**load_policy().words, "amount_lead": r"for|(?:\w+\s?)+x"}
    said = {"extends": "shipped", "version": "own-1", "words": words}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(said), "utf-8")
    assert [line for line in check_patience(load_policy(tmp_path / "policy.yaml")) if "amount_lead" in line]


@pytest.mark.parametrize("phrase", ["acme{e<=2}", "(?:acme){1s+2i<=3}"])
def test_braces_that_one_engine_takes_for_mistakes_are_refused(tmp_path: Path, phrase: str) -> None:
    with pytest.raises(PolicyFaults, match="for a brace"):
        load_policy(own(tmp_path, phrase))


@pytest.mark.parametrize("phrase", ["acme~", r"(?:a+)+c", "one … two", r"(?:\S+ ){0,6}acme"])
def test_a_phrase_with_an_end_passes_the_check(tmp_path: Path, phrase: str) -> None:
    policy = load_policy(own(tmp_path, phrase))
    assert (check_examples(policy), check_patience(policy)) == ([], [])


def test_what_only_one_engine_takes_for_a_pattern_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(PolicyFaults, match=r"own\.patterns: this is not a pattern"):
        load_policy(own(tmp_path, r"a(?P<x>b)c{i<=,}"))


def test_each_text_has_its_own_time() -> None:
    slow = Timed(r"(?:a|a)+b")
    with one_text(), pytest.raises(NotInTime):
        slow.finditer(LONG)
    with one_text():
        assert [found.span() for found in slow.finditer("aab")] == [(0, 3)]


def test_both_engines_find_the_same_in_every_labelled_text(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = load_policy().by_words
    monkeypatch.setattr("approvals.risk.policy._shipped_sources", frozenset)
    other = load_policy().by_words
    patterns = [one for one in (*other.compiled.values(), *other.bare_amounts.values()) if one]
    assert not quick.untried
    assert {type(one) for one in patterns} == {Timed}
    shut = [one for file in SHUT for one in read_labelled(file.read_text("utf-8").splitlines())]
    texts = [*shipped_examples(), *shut]
    assert len(texts) > 9_000
    for one in texts:
        assert weigh_labelled(other, one, {}) == weigh_labelled(quick, one, {}), one.text
