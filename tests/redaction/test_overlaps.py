from __future__ import annotations

from hypothesis import given, settings

from redaction import EntityType, Source, Span
from redaction.overlaps import resolve

from .test_replacement import texts_with_spans


@given(texts_with_spans())
@settings(max_examples=400, deadline=None)
def test_what_is_covered_stays_covered(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    covered = {index for span in spans for index in range(span.start, span.end) if text[index].isalnum()}
    still = {index for span in resolve(text, spans) for index in range(span.start, span.end)}
    assert covered <= still


@given(texts_with_spans())
@settings(max_examples=400, deadline=None)
def test_resolved_spans_are_disjoint_in_order_and_stay_as_they_are(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    resolved = resolve(text, spans)
    ends = [0, *(span.end for span in resolved)]
    assert all(end <= span.start < span.end for end, span in zip(ends, resolved, strict=False))
    assert [(span.start, span.end) for span in resolve(text, resolved)] == [
        (span.start, span.end) for span in resolved
    ]


def test_a_known_value_keeps_its_range_and_the_rest_stays_masked() -> None:
    text = "Anna Schmidt and Bob"
    known = Span(0, 12, EntityType.PERSON, 1.0, Source.GAZETTEER, "contact:1", "name")
    guess = Span(5, 20, EntityType.ORGANIZATION, 0.8, Source.NER)
    first, second = resolve(text, [guess, known])
    assert first == known
    assert (text[second.start : second.end], second.type, second.entity) == (
        "and Bob",
        EntityType.ORGANIZATION,
        None,
    )


def test_guesses_of_one_type_are_united() -> None:
    one = Span(0, 6, EntityType.PHONE, 0.4, Source.PATTERN)
    other = Span(4, 9, EntityType.PHONE, 0.6, Source.PATTERN)
    assert [(span.start, span.end) for span in resolve("123456789", [one, other])] == [(0, 9)]
