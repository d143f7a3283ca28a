"""Likeness to labelled examples: a linear classifier over a sentence's embedding and its letters.

The embedding says what an English sentence means; the letters (pieces of words, of two to five) carry what
an English encoder does not know of German. Weights are a file that a command makes from the examples that
ship with the policy; the policy names it by its SHA-256. Pure: vectors are handed in.
"""

import hashlib
import io
import re
from collections import Counter
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
_AT_MOST: Final = 24  # pieces of one text; a longer one is cut into longer pieces
_GRAMS: Final = (2, 5)
_SPACE: Final = re.compile(r"\s\s+")


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
    return tuple(piece for piece in found if re.search(r"\w", piece.text))


def plain(text: str) -> str:
    """A text as the classifier reads it: whom it names and how much money does not matter."""
    for amount in reversed(find_amounts(text)):
        text = f"{text[: amount.start]}{_AMOUNT}{text[amount.end :]}"
    text = _TOKEN.sub(lambda found: _SAID.get(found[1], _SOMETHING), _CITATION.sub("", text))
    return " ".join(text.split())


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _END.finditer(text):
        if text[start : end.start()].strip():
            yield start, end.start()
        start = end.end()
    if text[start:].strip():
        yield start, len(text)


def letters_of(text: str) -> Counter[str]:
    """Pieces of words, two to five letters long; a space stands at the ends of a word.

    The same as scikit-learn's analyzer `char_wb`, with which the weights are made.
    """
    found: Counter[str] = Counter()
    least, most = _GRAMS
    for word in _SPACE.sub(" ", text.lower()).split():
        padded = f" {word} "
        for size in range(least, most + 1):
            found[padded[:size]] += 1
            for start in range(1, len(padded) - size + 1):
                found[padded[start : start + size]] += 1
            if len(padded) <= size:
                break
    return found


class Embed(Protocol):
    """Whoever makes vectors of texts, in their order."""

    def __call__(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector a text."""
        ...


class Likeness:
    """The weights, read once; `shares` says how like a piece is to the examples of each category."""

    def __init__(self, content: bytes, *, sha256: str) -> None:
        """Raises `PolicyFaults` when the content is not what the policy names."""
        import numpy

        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise PolicyFaults(f"The weights of the likeness are not those of the policy: {found}.")
        with numpy.load(io.BytesIO(content), allow_pickle=False) as stored:
            self.encoder = str(stored["encoder"])
            self.categories = tuple(str(one) for one in stored["categories"])
            self._dense = stored["dense"].astype("float64")
            self._bias = stored["bias"].astype("float64")
            self._lexical = stored["lexical"].astype("float64")
            self._idf = stored["idf"].astype("float64")
            self._grams = {str(gram): place for place, gram in enumerate(stored["grams"])}
            self._scales = tuple(float(one) for one in stored["scales"])

    @property
    def dimensions(self) -> int:
        """How long a vector must be."""
        return int(self._dense.shape[1])

    def shares(self, text: str, vector: Vector) -> Mapping[str, float]:
        """Category to 0..1 for a piece's text and its vector. Raises `ValueError` on another length."""
        import numpy

        values = numpy.asarray(vector, dtype="float64")
        if values.shape != (self.dimensions,):
            raise ValueError(f"a vector of {self.dimensions} numbers is needed, not {values.shape}")
        length = float(numpy.linalg.norm(values)) or 1.0
        scores = self._dense @ (values / length * self._scales[0]) + self._bias
        places, weights = self._weighted(text)
        if places:
            scores += numpy.asarray(weights) * self._scales[1] @ self._lexical[places]
        shares = 1 / (1 + numpy.exp(-scores))
        return dict(zip(self.categories, shares.tolist(), strict=True))

    def _weighted(self, text: str) -> tuple[list[int], list[float]]:
        """Place and weight of each known piece of a word: log frequency, rarity, length one."""
        import math

        known = [
            (self._grams[gram], count) for gram, count in letters_of(text).items() if gram in self._grams
        ]
        raw = [(1 + math.log(count)) * float(self._idf[place]) for place, count in known]
        length = math.sqrt(sum(one * one for one in raw)) or 1.0
        return [place for place, _ in known], [one / length for one in raw]
