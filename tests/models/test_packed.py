"""The packed encoder makes what the weights say, in several languages, and refuses a file that is none."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import EntryDamaged, PackedEncoder, load_catalogue, load_encoder

ENTRY = "multilingual-e5-small-q4"


@pytest.fixture(scope="module")
def encoder(e5: Path) -> PackedEncoder:
    loaded = load_encoder(e5, load_catalogue().get(ENTRY))
    assert isinstance(loaded, PackedEncoder)
    return loaded


def test_the_last_layer_is_that_of_the_engine_that_the_weights_were_packed_for(e5: Path) -> None:
    """The first numbers of its own answer, which it computes with activations of eight bits."""
    encoder = PackedEncoder(e5 / "model.e5", max_tokens=512, dimensions=384, prefix="query: ")
    [vector] = encoder.encode(["The technician will be with you by Friday."]).vectors
    assert np.allclose(vector[:6], REFERENCE, atol=2e-3)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


REFERENCE = [0.0235, -0.0497, -0.0649, -0.0288, 0.0607, -0.0672]


def test_a_sentence_is_nearest_to_its_translation(encoder: PackedEncoder) -> None:
    english = [
        "Her lawyer has set a deadline.",
        "The router was delivered on Monday.",
        "He is thirteen.",
    ]
    german = ["Ihr Anwalt hat eine Frist gesetzt.", "Der Router kam am Montag an.", "Er ist dreizehn."]
    compared = encoder.encode(english).vectors @ encoder.encode(german).vectors.T
    assert compared.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_has_the_same_vector_whatever_else_is_asked(encoder: PackedEncoder) -> None:
    texts = ["one", "word " * 90, "Grüße aus Köln"]
    together = encoder.encode(texts).vectors
    alone = np.vstack([encoder.encode([text]).vectors for text in texts])
    assert np.array_equal(together, alone)


def test_a_text_that_is_cut_is_reported(encoder: PackedEncoder) -> None:
    encoded = encoder.encode(["short", "word " * 700])
    assert encoded.truncated == (1,)
    assert encoded.tokens[1] == 512


@given(st.text(max_size=80))
@settings(max_examples=15, deadline=None)
def test_any_text_has_a_vector_of_length_one(encoder: PackedEncoder, text: str) -> None:
    [vector] = encoder.encode([text]).vectors
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"E5S1", b"GGUF" + bytes(99), b"E5S1" + struct.pack("<i", 1) * 40])
def test_a_file_that_is_no_packed_encoder_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.e5"
    file.write_bytes(content)
    with pytest.raises(EntryDamaged, match="no packed encoder"):
        PackedEncoder(file, max_tokens=512, dimensions=384)


@pytest.mark.parametrize(("dimensions", "layers"), [(385, ()), (384, (8, 10)), (768, (8, 13))])
def test_another_number_of_dimensions_or_layers_than_there_are_is_refused(
    dimensions: int, layers: tuple[int, ...], e5: Path
) -> None:
    with pytest.raises(EntryDamaged, match=f"{dimensions} numbers"):
        PackedEncoder(e5 / "model.e5", max_tokens=512, dimensions=dimensions, layers=layers)


def test_layers_stand_side_by_side_and_weigh_the_same(e5: Path) -> None:
    def vector(*layers: int) -> NDArray[np.float32]:
        dimensions = 384 * len(layers)
        loaded = PackedEncoder(e5 / "model.e5", max_tokens=512, dimensions=dimensions, layers=layers)
        [made] = loaded.encode(["Her lawyer has set a deadline."]).vectors
        return np.asarray(made)

    both = np.concatenate([vector(8), vector(10)]) / np.sqrt(2)
    assert np.allclose(vector(8, 10), both, atol=1e-6)
    assert not np.allclose(vector(8), vector(10), atol=1e-2)
