"""Sentences to vectors: all-MiniLM-L6-v2 by onnxruntime, which only this module of the package imports."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import EntryDamaged

if TYPE_CHECKING:
    from tokenizers import Encoding

Vectors = NDArray[np.float32]

# Measured: beyond about this many tokens a batch falls out of the processor's cache and gets slower per text.
_BATCH_TEXTS, _BATCH_TOKENS = 32, 1024
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Encoded:
    """`vectors` is (texts, dimensions), each row of length 1. `tokens` counts what was read per text.

    `truncated` holds the positions of texts that were longer than the model reads.
    """

    vectors: Vectors
    tokens: tuple[int, ...]
    truncated: tuple[int, ...]


class Encoder:
    """Loads `model.onnx` and `tokenizer.json` from `folder`. Not for the event loop: `encode` computes."""

    def __init__(self, folder: Path, *, max_tokens: int, dimensions: int, threads: int | None = None) -> None:
        # Read at import: else the library keeps a device id in the home folder and reports to its maker.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or max(1, min(2, os.cpu_count() or 1))
        options.inter_op_num_threads = 1
        # Threads that spin between questions take the processor from everything else on a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self._wanted = {node.name for node in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self.dimensions = dimensions
        if self._run(self._tokenizer.encode_batch(["probe"])).shape != (1, dimensions):
            raise EntryDamaged(f"{folder / 'model.onnx'} does not make vectors of {dimensions} numbers.")

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Mean of the last layer over the text's tokens, scaled to length 1; the order of `texts` is kept."""
        encodings = self._tokenizer.encode_batch(list(texts))
        vectors = np.zeros((len(encodings), self.dimensions), dtype=np.float32)
        # Texts of one length share a batch, so that little of it is padding.
        order = sorted(range(len(encodings)), key=lambda place: len(encodings[place].ids))
        for places in _batches(order, [len(encoding.ids) for encoding in encodings]):
            vectors[places] = self._run([encodings[place] for place in places])
        return Encoded(
            vectors=vectors,
            tokens=tuple(len(encoding.ids) for encoding in encodings),
            truncated=tuple(place for place, encoding in enumerate(encodings) if encoding.overflowing),
        )

    def _run(self, encodings: "list[Encoding]") -> Vectors:
        width = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], {name: inputs[name] for name in self._wanted})
        weight = mask[:, :, None].astype(np.float32)
        mean = (hidden * weight).sum(axis=1) / weight.sum(axis=1)
        normed: Vectors = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), _TINY)
        return normed.astype(np.float32)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Cut places, ordered by growing length, into batches that stay within both limits once padded."""
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) == _BATCH_TEXTS or (len(batch) + 1) * lengths[place] > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
