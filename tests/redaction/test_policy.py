from __future__ import annotations

from redaction import (
    EntityType,
    Gazetteer,
    GazetteerEntry,
    Level,
    Policy,
    Redactor,
    Source,
    Span,
    load_redactor,
)

NAME = Span(0, 4, EntityType.PERSON, 0.6, Source.NER)


class Fixed:
    """A detector that always reports the same span."""

    name = "fixed"
    version = "1"

    def __init__(self, *spans: Span) -> None:
        self._spans = list(spans)

    def find(self, _reading: object) -> list[Span]:
        return self._spans


def test_what_is_allowed_stands_in_any_case() -> None:
    for allowed, left in (("BOREAL", [(0, 4)]), ("Bore", [])):
        redactor = Redactor([], ner=Fixed(NAME), policy=Policy(allowed=frozenset({allowed})))
        assert [(span.start, span.end) for span in redactor.detect("Bore runs")] == left
    assert Policy(allowed=frozenset({"BORE"})).masks("Bore runs", NAME) is False
    assert Policy(allowed=frozenset({"Bòre"})).masks("bore runs", NAME) is False


def test_a_customer_is_masked_whatever_is_allowed() -> None:
    known = Gazetteer.build([GazetteerEntry("Boreal GmbH", EntityType.ORGANIZATION, "account:1", "name")])
    policy = Policy(allowed=frozenset({"Boreal GmbH"}), types=frozenset({EntityType.EMAIL}))
    (span,) = load_redactor(known, ner=False, policy=policy).detect("Ask Boreal GmbH.")
    assert span.entity == "account:1"


def test_a_threshold_rules_out_what_is_less_sure() -> None:
    assert Policy(thresholds={EntityType.PERSON: 0.7}).masks("Anna came", NAME) is False
    assert Policy(thresholds={EntityType.PERSON: 0.6}).masks("Anna came", NAME) is True


def test_types_that_are_left_out_are_not_masked() -> None:
    assert Policy(types=frozenset({EntityType.EMAIL})).masks("Anna came", NAME) is False


def test_the_models_report_what_the_policy_masks_and_nothing_else() -> None:
    assert EntityType.DATE not in Policy().models
    assert EntityType.DATE in Policy(level=Level.QUASI).models
    only = Policy(types=frozenset({EntityType.PERSON, EntityType.EMAIL}))
    assert only.models == {EntityType.PERSON}
