"""The shipped policy finds what its examples say, and a broken file is refused in words."""

import pytest
from _pytest.mark import ParameterSet

from approvals import Weighing, load_policy, weigh_question, weigh_sentence
from approvals.policy import Example, Rule

POLICY = load_policy()


def weigh(example: Example) -> Weighing:
    if example.place == "question":
        return weigh_question(POLICY, example.text, roles=example.roles, tags=example.tags)
    return weigh_sentence(
        POLICY,
        example.text,
        question=example.question,
        roles=example.roles,
        supported=example.supported,
        passages=example.passages,
        before=example.before,
        quoted=example.quoted,
        index=len(example.before),
    )


def examples(kind: str) -> list[ParameterSet]:
    found = []
    for rule in POLICY.rules:
        for text in getattr(rule.examples, kind):
            example = text if isinstance(text, Example) else Example(text=text)
            found.append(pytest.param(rule, example, id=f"{rule.id}: {example.text}"))
    return found


@pytest.mark.parametrize(("rule", "example"), examples("positive"))
def test_a_positive_example_is_found_by_its_rule(rule: Rule, example: Example) -> None:
    weighing = weigh(example)
    assert rule.id in weighing.rules
    for hit in weighing.hits:
        assert 0 <= hit.start <= hit.end <= len(example.text)


@pytest.mark.parametrize(("rule", "example"), examples("negative"))
def test_a_negative_example_is_not_found_by_its_rule(rule: Rule, example: Example) -> None:
    assert rule.id not in weigh(example).rules
