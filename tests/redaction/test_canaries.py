"""The canaries are hidden by all detectors together, and each detector's absence is noticed."""

import pytest

from redaction import (
    CANARIES,
    CANARY_CUSTOMERS,
    EntityType,
    Gazetteer,
    Redactor,
    Source,
    Span,
    check_canaries,
    describe_failures,
    load_redactor,
)


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.build(CANARY_CUSTOMERS)


@pytest.fixture(scope="module")
def quick(gazetteer: Gazetteer) -> Redactor:
    return load_redactor(gazetteer, ner=False)


def test_all_detectors_together_hide_every_canary(gazetteer: Gazetteer) -> None:
    redactor = load_redactor(gazetteer)
    assert describe_failures(check_canaries(redactor, redactor.ner_spans)) == ""


def test_without_names_the_others_hide_theirs(quick: Redactor) -> None:
    assert check_canaries(quick) == []


def test_a_missing_gazetteer_is_noticed() -> None:
    failed = check_canaries(load_redactor(ner=False))
    assert any("of a customer" in each.kind for each in failed)


def test_a_missing_name_detector_is_noticed(quick: Redactor) -> None:
    failed = check_canaries(quick, lambda _: [])
    assert {each.kind for each in failed} == {canary.kind for canary in CANARIES if canary.guessed}


def test_patterns_that_are_missing_are_noticed(gazetteer: Gazetteer) -> None:
    failed = {each.kind for each in check_canaries(Redactor([], gazetteer))}
    assert {"a card number", "an IBAN of Germany", "a mail address", "an access key"} <= failed


def test_whoever_hides_everything_fails(quick: Redactor) -> None:
    def everything(text: str) -> list[Span]:
        return [Span(0, len(text), EntityType.PERSON, 1.0, Source.NER)]

    failed = check_canaries(quick, everything)
    assert failed
    assert all(each.hidden for each in failed)


def test_what_is_said_of_a_failure_holds_no_text() -> None:
    sentence = describe_failures(check_canaries(Redactor([]), lambda _: []))
    assert sentence.startswith("Redaction does not hide")
    assert not any(value in sentence for canary in CANARIES for value in canary.hidden)


def test_kinds_are_told_apart() -> None:
    kinds = [canary.kind for canary in CANARIES]
    assert len(kinds) == len(set(kinds)) >= 40
