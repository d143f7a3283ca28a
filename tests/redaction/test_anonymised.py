from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import EntityType, InvalidSpan, Mode, Source, Span, anonymise

from .texts import texts

KEY = b"0123456789abcdef"
TEXT = "Anna paid with 4111 1111 1111 1111."
SPANS = [
    Span(0, 4, EntityType.PERSON, 1.0, Source.NER),
    Span(15, 34, EntityType.CARD, 1.0, Source.CHECKSUM),
]


@pytest.mark.parametrize(
    ("mode", "covered"),
    [
        (Mode.TYPE, "[PERSON] paid with [CARD]."),
        (Mode.MASK, "**** paid with *******************."),
        (Mode.LAST4, "**** paid with ***************1111."),
        (Mode.REMOVE, " paid with ."),
    ],
)
def test_each_mode_covers_in_its_own_way(mode: Mode, covered: str) -> None:
    assert anonymise(TEXT, SPANS, mode) == covered


def test_a_hash_is_the_same_for_the_same_value_and_key_and_for_nothing_else() -> None:
    def hashed(text: str, kind: EntityType = EntityType.PERSON, key: bytes = KEY) -> str:
        return anonymise(text, [Span(0, len(text), kind, 1.0, Source.NER)], Mode.HASH, key)

    assert hashed("Anna Müller") == hashed("ANNA  MULLER")
    assert hashed("Anna Müller") != hashed("Anna Miller")
    assert hashed("Anna Müller") != hashed("Anna Müller", key=KEY + b"x")
    assert hashed("4711", EntityType.ID) != hashed("4711", EntityType.ACCOUNT)
    assert "Anna" not in hashed("Anna Müller")


@pytest.mark.parametrize("key", [None, b"", b"short"])
def test_hashing_without_a_good_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        anonymise(TEXT, SPANS, Mode.HASH, key)


@pytest.mark.parametrize("value", ["123", "1234567", "ABC 123"])
def test_of_a_short_number_nothing_is_shown(value: str) -> None:
    span = Span(0, len(value), EntityType.ACCOUNT, 1.0, Source.PATTERN)
    assert set(anonymise(value, [span], Mode.LAST4)) == {"*"}


def test_a_span_outside_the_text_is_refused() -> None:
    with pytest.raises(InvalidSpan):
        anonymise("Anna", [Span(2, 9, EntityType.PERSON, 1.0, Source.NER)], Mode.MASK)


@given(texts(), st.data(), st.sampled_from(Mode))
@settings(deadline=None)
def test_what_is_not_covered_stays_to_the_letter(text: str, draw: st.DataObject, mode: Mode) -> None:
    if not text:
        return
    start = draw.draw(st.integers(0, len(text) - 1))
    end = draw.draw(st.integers(start + 1, len(text)))
    covered = anonymise(text, [Span(start, end, EntityType.EMAIL, 1.0, Source.PATTERN)], mode, KEY)
    assert covered.startswith(text[:start])
    assert covered.endswith(text[end:])
