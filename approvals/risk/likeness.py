"""Likeness to labelled examples: how the meaning of a sentence compares with theirs, whatever its words.

The vectors come from an encoder of many languages. The weights of the examples are a file that a command
makes from those that ship with the policy; the policy names it by its SHA-256. Kernel ridge regression with a
polynomial kernel (Saunders, Gammerman, Vovk 1998). Pure: vectors are handed in.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from .amounts import find_amounts
from .errors import PolicyFaults

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

Vector = Sequence[float]

_CITATION: Final = re.compile(r"\s?\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_TOKEN: Final = re.compile(r"<([A-Z]+)(?:_[A-Z]+)*_\d+(?:_[A-Z0-9_]+)?>")
_SAID: Final = {"PERSON": "someone", "ORGANIZATION": "some company"}
_SOMETHING: Final = "something"
_AMOUNT: Final = "500 EUR"
_END: Final = re.compile(r"(?<=[.!?])[\"'”’)]*(?:\s*\[\d+\])*\s+|\n+")
_AT_MOST: Final = 64  # pieces of one text; of a longer one several are read together
_LONGEST: Final = 600  # code points: about as much as the encoder reads
_OFFSET: Final = 0.2
_TINY: Final = 1e-12
STEP: Final = 0.002
"""The examples' vectors are stored as whole numbers of these: a byte each."""


@dataclass(frozen=True)
class Piece:
    """A sentence of a text as it is embedded, and where it stands: code points, half open."""

    text: str
    start: int
    end: int


def pieces_of(text: str) -> tuple[Piece, ...]:
    """The sentences of a text without names, amounts and citations; none where nothing is said."""
    spots = list(_sentences(text))
    together = -(-len(spots) // _AT_MOST)
    grouped = (spots[i : i + together] for i in range(0, len(spots), together or 1))
    found = (Piece(plain(text[group[0][0] : group[-1][1]]), group[0][0], group[-1][1]) for group in grouped)
    return tuple(piece for piece in found if re.search(r"[^\W\d_]", piece.text))


def plain(text: str) -> str:
    """A text as the classifier reads it: whom it names and how much money does not matter."""
    for amount in reversed(find_amounts(text)):
        text = f"{text[: amount.start]}{_AMOUNT}{text[amount.end :]}"
    text = _TOKEN.sub(lambda found: _SAID.get(found[1], _SOMETHING), _CITATION.sub("", text))
    return " ".join(text.split())


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for stop, following in [*((end.start(), end.end()) for end in _END.finditer(text)), (len(text), 0)]:
        while stop - start > _LONGEST:
            cut = text.rfind(" ", start + 1, start + _LONGEST)
            cut = cut if cut > 0 else start + _LONGEST
            if text[start:cut].strip():
                yield start, cut
            start = cut
        if text[start:stop].strip():
            yield start, stop
        start = following


class Embed(Protocol):
    """Whoever makes vectors of texts, in their order."""

    def __call__(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector a text."""
        ...


class Likeness:
    """The weights, read once; `shares` says how like a piece is to the examples of each category."""

    def __init__(self, content: bytes, *, sha256: str) -> None:
        """Raises `PolicyFaults` when the content is not what the policy names, or no weights at all."""
        import numpy

        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise PolicyFaults(f"The weights of the likeness are not those of the policy: {found}.")
        self.sha256 = sha256
        try:
            with numpy.load(io.BytesIO(content), allow_pickle=False) as stored:
                self.encoder = str(stored["encoder"])
                self.categories = tuple(str(one) for one in stored["categories"])
                if stored["vectors"].dtype != numpy.int8:
                    raise PolicyFaults("The weights of the likeness are of a former kind: make them anew.")
                self.vectors = stored["vectors"].astype("float32") * numpy.float32(STEP)
                self.centre = stored["centre"].astype("float32")
                self.weights = stored["weights"].astype("float32")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise PolicyFaults(f"The weights of the likeness cannot be read: {error}.") from error
        fits = self.vectors.shape[1:] == self.centre.shape
        if not fits or self.weights.shape != (len(self.vectors), len(self.categories)):
            raise PolicyFaults("The weights of the likeness do not fit together.")

    @property
    def dimensions(self) -> int:
        """How long a vector must be."""
        return len(self.centre)

    def shares(self, vector: Vector) -> Mapping[str, float]:
        """Category to 0..1 for a piece's vector. Raises `ValueError` on another length and on no numbers."""
        import numpy

        scores = (kernel(self.vectors @ self._read(vector)) @ self.weights + 1) / 2
        return dict(zip(self.categories, numpy.clip(scores, 0, 1).tolist(), strict=True))

    def nearest(self, vector: Vector, rows: Sequence[int]) -> int:
        """The place among some rows of the example nearest to a piece's vector. Raises as `shares` does."""
        return int((self.vectors[list(rows)] @ self._read(vector)).argmax())

    def _read(self, vector: Vector) -> "Numbers":
        import numpy

        values = numpy.asarray(vector, dtype="float32")
        if values.shape != (self.dimensions,) or not numpy.isfinite(values).all():
            raise ValueError(f"a vector of {self.dimensions} numbers is needed, not {values.shape}")
        read: Numbers = centred(values[None, :], self.centre)[0]
        return read


def centred(vectors: "Numbers", centre: "Numbers") -> "Numbers":
    """Vectors less what all texts have in common, of length 1: this encoder's all point the same way."""
    import numpy

    moved = vectors - centre
    scaled: Numbers = moved / numpy.maximum(numpy.linalg.norm(moved, axis=-1, keepdims=True), _TINY)
    return scaled


def kernel(cosines: "Numbers") -> "Numbers":
    """How two texts compare, from the cosine of their vectors."""
    compared: Numbers = ((cosines + _OFFSET) / (1 + _OFFSET)) ** 2 + 1
    return compared
