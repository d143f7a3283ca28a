from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import (
    EntityType,
    InvalidSpan,
    Redactor,
    Restorer,
    Source,
    Span,
    TokenMap,
    durable,
    find_tokens,
    redact,
    restore,
)
from redaction.normalise import normalise

from .texts import slips, texts, tokens


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(texts())
    spans = []
    for _ in range(draw(st.integers(0, 6)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, min(len(text), start + 12)))
        source = draw(st.sampled_from([source for source in Source if source is not Source.ESCAPE]))
        entity = draw(st.sampled_from([None, "contact:1", "contact:2"]))
        field = draw(st.sampled_from([None, "name", "first_name"]))
        subject = EntityType.PERSON if entity else None
        kind = draw(st.sampled_from(list(EntityType)))
        spans.append(Span(start, end, kind, 0.5, source, entity, field, subject=subject))
    return text, spans


@given(texts_with_spans())
@settings(max_examples=600, deadline=None)
def test_restoring_what_was_redacted_gives_the_text_to_the_letter(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    tokens = TokenMap()
    redaction = redact(text, spans, tokens)
    assert restore(redaction.text, tokens.values()) == text


@given(texts(), texts(), texts_with_spans())
@settings(max_examples=300, deadline=None)
def test_a_filled_book_restores_every_text_of_its_conversation(
    first: str, second: str, case: tuple[str, list[Span]]
) -> None:
    tokens = TokenMap()
    texts_and_spans = [(first, []), case, (second, [])]
    redactions = [redact(text, spans, tokens) for text, spans in texts_and_spans]
    reloaded = TokenMap(tokens.records())
    for (text, _), redaction in zip(texts_and_spans, redactions, strict=True):
        assert restore(redaction.text, reloaded.values()) == text


@given(texts_with_spans())
@settings(max_examples=300, deadline=None)
def test_nothing_but_our_own_tokens_resolves_in_redacted_text(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    tokens = TokenMap()
    everybody = {
        f"<{kind}_{number}{facet}>": "SOMEBODY ELSE"
        for kind in EntityType
        for number in (1, 2, 10, 11)
        for facet in ("", "_EMAIL", "_FIRST", "_PHONE_2")
    }
    redaction = redact(text, spans, tokens)
    mine = {token: "\ue000" for token in redaction.tokens}
    restored = restore(redaction.text, everybody | mine)
    assert "SOMEBODY ELSE" not in restored
    assert restored.count("\ue000") - text.count("\ue000") >= len(redaction.tokens) - text.count("\ue000")


@given(texts(), texts_with_spans())
@settings(max_examples=300, deadline=None)
def test_redacting_again_keeps_the_tokens_of_the_conversation(
    before: str, case: tuple[str, list[Span]]
) -> None:
    text, spans = case
    tokens = TokenMap()
    once = redact(text, spans, tokens)
    again = redact(once.text, [], tokens, keep_tokens=True)
    assert again.text == once.text
    redact(before, [], tokens)
    assert (
        restore(redact(once.text, spans_inside(once.text), tokens, keep_tokens=True).text, tokens.values())
        == text
    )


def spans_inside(text: str) -> list[Span]:
    return [Span(0, len(text), EntityType.ORGANIZATION, 0.5, Source.NER)] if text else []


def test_a_token_that_a_person_typed_never_resolves(redactor: Redactor) -> None:
    tokens = TokenMap()
    first = "Anna Schmidt called."
    redact(first, redactor.detect(first), tokens)
    typed = "Who is <PERSON_1>, [PERSON_1] or person_1?"
    redaction = redact(typed, redactor.detect(typed), tokens)
    assert "PERSON_1" not in redaction.text.upper()
    assert "Anna" not in restore(redaction.text, tokens.values())


@given(tokens() | st.sampled_from([f"<{kind}_1>" for kind in EntityType]).flatmap(slips), texts(), texts())
@settings(max_examples=600, deadline=None)
def test_nothing_that_a_restorer_would_read_gets_past_redaction(typed: str, before: str, after: str) -> None:
    somebody = Restorer(
        {
            f"<{kind}_{number}{facet}>": "X"
            for kind in EntityType
            for number in (1, 2, 10)
            for facet in ("", "_EMAIL")
        }
    )
    book = TokenMap()
    redaction = redact(f"{before}{typed}{after}", [], book)
    assert all(
        redaction.text[start:end].endswith(token) and token in book.tokens()
        for start, end, token in somebody.find(redaction.text)
    )
    assert {token.split("_")[0] for token in book.tokens()} <= {"<LITERAL"}


def test_values_of_one_record_share_its_number(redactor: Redactor) -> None:
    tokens = TokenMap()
    text = "anna.schmidt@nordwind.example belongs to Anna Schmidt, phone 030 1234567; Schmidt is new."
    redaction = redact(text, redactor.detect(text), tokens)
    assert redaction.text == (
        "<PERSON_1_EMAIL> belongs to <PERSON_1>, phone <PERSON_1_PHONE>; <PERSON_1_LAST> is new."
    )


def test_a_spelling_shares_the_number_and_keeps_its_letters(quick_redactor: Redactor) -> None:
    tokens = TokenMap()
    text = "Anna Schmidt, ANNA SCHMIDT and anna schmidt"
    redaction = redact(text, quick_redactor.detect(text), tokens)
    assert redaction.text == "<PERSON_1>, <PERSON_1_ALT> and <PERSON_1_ALT_2>"
    assert restore(redaction.text, tokens.values()) == text


def test_a_value_has_one_token_in_all_texts_of_a_conversation(redactor: Redactor) -> None:
    tokens = TokenMap()
    texts_of_conversation = ["Bob Miller wrote.", "Did Bob Miller answer?"]
    given = [redact(text, redactor.detect(text), tokens).tokens for text in texts_of_conversation]
    assert given[0] == given[1] == ("<PERSON_1>",)


def test_durable_text_names_records_and_otherwise_types(redactor: Redactor) -> None:
    text = "Anna Schmidt of Nordwind Logistik GmbH met Bob Miller, card 4111111111111111"
    assert durable(text, redactor.detect(text)) == "contact_17 of account_3 met [PERSON], card [CARD]"


def test_durable_text_is_the_same_for_every_spelling(quick_redactor: Redactor) -> None:
    spellings = ["Anna Schmidt paid", "ANNA SCHMIDT paid", "Schmidt, Anna paid", "anna\nschmidt paid"]
    assert {durable(text, quick_redactor.detect(text)) for text in spellings} == {"contact_17 paid"}


def test_a_value_that_records_share_names_all_of_them() -> None:
    span = Span(0, 4, EntityType.PERSON, 1.0, Source.GAZETTEER, entities=("contact:1", "contact:2"))
    assert durable("Anna paid", [span]) == "contact_1 contact_2 paid"


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 1), (0, 99)])
def test_a_span_outside_its_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(InvalidSpan):
        redact("short", [Span(start, end, EntityType.PERSON, 1.0, Source.NER)], TokenMap())


def test_tokens_stand_in_the_order_of_the_spans(redactor: Redactor) -> None:
    text = "Bob Miller and Anna Schmidt <PERSON_9>"
    redaction = redact(text, redactor.detect(text), TokenMap())
    assert [token for _, _, token in find_tokens(redaction.text)] == list(redaction.tokens)
    assert [text[span.start : span.end] for span in redaction.spans] == [
        "Bob Miller",
        "Anna Schmidt",
        "<PERSON_9>",
    ]


@pytest.mark.parametrize(
    "typed", ["PERSON_１", "‹PERSON_①>", "<PER\u200bSON_1>", "&lt;PERSON_1&gt;", "\\u003cPERSON_1>"]
)
def test_a_look_alike_in_other_letters_is_escaped_too(quick_redactor: Redactor, typed: str) -> None:
    tokens = TokenMap()
    quick_redactor.redact("Ask Anna Schmidt.", tokens)
    redacted = quick_redactor.redact(f"What of {typed}?", tokens).text
    assert "LITERAL" in redacted
    assert "Anna" not in restore(normalise(redacted).text, tokens.values())
