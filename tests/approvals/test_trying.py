"""A policy is tried on past answers before it is in force."""

from approvals import By, DraftedSentence, PastAnswer, RuleHit, Tier, load_policy, try_policy
from gateway import Role

POLICY = load_policy()
REP = frozenset({Role.REP})


def answer(text: str, *, quoted: bool = False, question: str = "What is new?", **more: object) -> PastAnswer:
    return PastAnswer(question, (DraftedSentence(text, True, quoted),), REP, **more)  # type: ignore[arg-type]


def test_the_change_in_what_is_held_is_counted_by_rule() -> None:
    answers = [
        answer("His lawyer called."),
        answer("The parcel was delivered."),
        answer("We will refund 6,000 EUR."),
    ]
    shadow = POLICY.model_copy(update={"mode": "shadow"})
    before, after = try_policy(POLICY, answers), try_policy(shadow, answers)
    assert (before.held, before.which) == (2, [True, False, True])
    assert (after.held, after.which) == (1, [False, False, True])
    assert before.rules["legal_threat"] == after.shadow["legal_threat"] == 1
    assert before.rate > after.rate


def test_the_mark_of_a_customer_is_as_it_was_then() -> None:
    mark = RuleHit("sensitive_customer", Tier.NORMAL, "A mark.", 0, 0, None, By.MARK)
    tried = try_policy(POLICY, [answer("The parcel was delivered.", marks=(mark,))])
    assert tried.rules == {"sensitive_customer": 1}


def test_a_change_that_a_record_tells_of_is_no_change() -> None:
    text = "We amend your agreement so that weekend visits are included."
    assert try_policy(POLICY, [answer(text)]).held == 1
    assert try_policy(POLICY, [answer(text, quoted=True)]).held == 0


def test_what_a_check_had_found_is_as_it_was_then_and_a_rule_that_is_gone_finds_nothing() -> None:
    flag = RuleHit("checks", Tier.NORMAL, "The filter was not at ease.", 0, 0, None, By.CHECK)
    gone = RuleHit("no_such_rule", Tier.NORMAL, "A rule of old.", 0, 0, None, By.CHECK)
    words = RuleHit("legal_threat", Tier.NORMAL, "It was found in words.", 0, 3, 0, By.WORDS)
    tried = try_policy(POLICY, [answer("The parcel was delivered.", marks=(flag, gone, words))])
    assert tried.rules == {"checks": 1}


def test_what_a_source_says_is_weighed_too() -> None:
    tried = try_policy(POLICY, [answer("It was delivered.", passages=("Legal hold: keep every mail.",))])
    assert tried.rules == {"confidential_source": 1}


def test_how_many_more_chance_would_hold_is_told() -> None:
    sampling = POLICY.sampling.model_copy(update={"share": 0.25})
    answers = [answer("His lawyer called.")] + [answer("The parcel was delivered.")] * 8
    tried = try_policy(POLICY.model_copy(update={"sampling": sampling}), answers)
    assert (tried.held, tried.by_chance) == (1, 2.0)
    assert try_policy(POLICY, answers).by_chance == 0
