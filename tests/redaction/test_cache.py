"""Spans as they are kept: what goes in comes out, and nothing else is taken for spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction import EntityType, Source, Span, pack_spans, span_digest, unpack_spans

SPANS = st.lists(
    st.builds(
        lambda start, length, kind, score, source: Span(start, start + length, kind, score / 100, source),
        st.integers(0, 60_000),
        st.integers(1, 500),
        st.sampled_from(EntityType),
        st.integers(0, 100),
        st.sampled_from(Source),
    )
)


@given(SPANS)
def test_packed_spans_come_out_as_they_went_in(spans: list[Span]) -> None:
    assert unpack_spans(pack_spans(spans)) == spans


@given(st.binary(min_size=1, max_size=40))
def test_bytes_that_are_no_spans_are_refused_or_are_spans_of_known_types(packed: bytes) -> None:
    try:
        spans = unpack_spans(packed)
    except ValueError:
        return
    assert all(isinstance(span.type, EntityType) for span in spans)


def test_a_span_that_names_a_record_is_not_kept() -> None:
    with pytest.raises(ValueError, match="known record"):
        pack_spans([Span(0, 4, EntityType.PERSON, 1.0, Source.GAZETTEER, "contact:1")])


def test_a_digest_depends_on_text_key_and_detectors() -> None:
    key, other = b"k" * 32, b"o" * 32
    digests = {
        span_digest("Anna", key, "a/1"),
        span_digest("Anna ", key, "a/1"),
        span_digest("Anna", other, "a/1"),
        span_digest("Anna", key, "a/2"),
    }
    assert len(digests) == 4
