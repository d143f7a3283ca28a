from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import EntryDamaged
from models.encoder import Encoder, _batches


@pytest.fixture(scope="module")
def encoder(minilm: Path) -> Encoder:
    return Encoder(minilm, max_tokens=256, dimensions=384)


def test_vectors_have_the_models_size_and_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(["The router restarts.", "An invoice was charged twice."]).vectors
    assert vectors.shape == (2, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_likeness_of_meaning_is_likeness_of_vectors(encoder: Encoder) -> None:
    question, near, far = encoder.encode(
        [
            "How do I stop the router from restarting at night?",
            "If the router reboots every night, switch off the automatic channel scan.",
            "The order of twelve office chairs was paid by bank transfer.",
        ]
    ).vectors
    assert question @ near > question @ far + 0.3


def test_the_order_of_texts_is_kept_whatever_their_lengths(encoder: Encoder) -> None:
    texts = ["word " * count for count in (90, 1, 40, 3, 200, 7)] * 10
    together = encoder.encode(texts).vectors
    alone = np.vstack([encoder.encode([text]).vectors for text in texts[:6]])
    assert np.allclose(together[:6], alone, atol=1e-4)


def test_a_text_that_is_cut_is_reported(encoder: Encoder) -> None:
    encoded = encoder.encode(["short", "word " * 400])
    assert encoded.truncated == (1,)
    assert encoded.tokens == (3, 256)


def test_no_text_gives_no_vector(encoder: Encoder) -> None:
    assert encoder.encode([]).vectors.shape == (0, 384)


def test_a_model_of_another_size_is_refused_at_start(minilm: Path) -> None:
    with pytest.raises(EntryDamaged, match="768"):
        Encoder(minilm, max_tokens=256, dimensions=768)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=8))
def test_any_text_becomes_a_vector_of_length_one(encoder: Encoder, texts: list[str]) -> None:
    vectors = encoder.encode(texts).vectors
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


@given(st.lists(st.integers(1, 256), max_size=200))
def test_batches_hold_every_text_once_within_the_limits(lengths: list[int]) -> None:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches = list(_batches(order, lengths))
    assert [place for batch in batches for place in batch] == order
    for batch in batches:
        assert len(batch) <= 32
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 1024
