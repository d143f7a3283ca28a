"""The shipped policy finds what its examples say."""

import pytest
from _pytest.mark import ParameterSet

from approvals import check_examples, load_policy, to_embed
from approvals.risk.examples import examples_of, weigh_example
from approvals.risk.policy import Example, Rule
from tests.encoder import embed

POLICY = load_policy()


def examples(*, positive: bool) -> list[ParameterSet]:
    return [
        pytest.param(rule, example, id=f"{rule.id}: {example.text}")
        for rule in POLICY.rules
        for example, wanted in examples_of(rule)
        if wanted == positive
    ]


def found(example: Example) -> frozenset[str]:
    texts = to_embed(POLICY, example.text)
    weighing = weigh_example(POLICY, example, dict(zip(texts, embed(texts), strict=True)))
    for hit in weighing.hits:
        assert 0 <= hit.start <= hit.end <= len(example.text)
    return weighing.named


@pytest.mark.parametrize(("rule", "example"), examples(positive=True))
def test_a_positive_example_is_found_by_its_rule(rule: Rule, example: Example) -> None:
    assert rule.id in found(example)


@pytest.mark.parametrize(("rule", "example"), examples(positive=False))
def test_a_negative_example_is_not_found_by_its_rule(rule: Rule, example: Example) -> None:
    assert rule.id not in found(example)


def test_the_examples_of_words_can_be_checked_without_an_encoder() -> None:
    assert check_examples(POLICY) == []


def test_an_example_that_is_not_as_it_says_is_named() -> None:
    rule = POLICY.rules[0]
    wrong = rule.examples.model_copy(update={"negative": ("We will refund 900 EUR.",)})
    policy = POLICY.model_copy(update={"rules": (rule.model_copy(update={"examples": wrong}),)})
    assert check_examples(policy) == [f"{rule.id} finds: We will refund 900 EUR."]
