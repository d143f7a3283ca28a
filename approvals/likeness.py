"""Likeness to labelled examples: how a sentence compares with each of them, by three views at once.

The embedding says what an English sentence means; its letters (pieces of words, of two to five) and what its
words are about (`concepts.yaml`) carry what an English encoder does not know of German. The weights of the
examples are a file that a command makes from those that ship with the policy; the policy names it by its
SHA-256. Kernel ridge regression with a polynomial kernel (Saunders, Gammerman, Vovk 1998). Pure: vectors are
handed in.
"""

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

from .amounts import find_amounts
from .concepts import concepts
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
_GRAMS: Final = (2, 5)
_TINY: Final = 1e-12


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


def letters_of(text: str) -> Counter[str]:
    """Pieces of words, two to five letters long; a space stands at the ends of a word."""
    found: Counter[str] = Counter()
    least, most = _GRAMS
    for word in text.lower().split():
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


class Views:
    """Texts as the kernel compares them: vectors of length 1, letters by rarity, and concepts."""

    def __init__(
        self, texts: Sequence[str], vectors: "Numbers", rare: Mapping[str, tuple[int, float]]
    ) -> None:
        import numpy

        self.vectors = vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
        self.about = numpy.array([_about(text) for text in texts])
        self.letters = [_weighted(text, rare) for text in texts]


@dataclass(frozen=True)
class Kernel:
    """How two texts compare: the views weighted, raised to a power. `usual` is what concepts come to."""

    meaning: float = 1.5
    letters: float = 1.0
    about: float = 1.0
    pairs: float = 0.49
    offset: float = 0.2
    power: int = 2
    usual: float = 1.0

    def between(
        self, vectors: "Numbers", letters: "Numbers", about: "Numbers", common: "Numbers"
    ) -> "Numbers":
        """The kernel from the inner products of each view; `common` is that of the squared concepts."""
        # two concepts together say more than each: products of pairs, without writing them out
        told = (about + self.pairs * (about**2 - common) / 2) / self.usual
        whole = self.meaning + self.letters + self.about
        mixed = (self.meaning * vectors + self.letters * letters + self.about * told) / whole
        compared: Numbers = ((mixed + self.offset) / (1 + self.offset)) ** self.power + 1
        return compared


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
            self._weights = stored["weights"].astype("float32")
            self._vectors = stored["vectors"].astype("float32")
            self._about = stored["about"].astype("float32") / 2
            starts, places, counts = (stored[name] for name in ("starts", "places", "counts"))
            self._kernel = Kernel(usual=float(stored["usual"]))
            rarity = stored["rarity"].astype("float64").tolist()
            self._rare = {str(gram): (n, rarity[n]) for n, gram in enumerate(stored["grams"])}
        self._squared = self._about**2
        self._postings = [
            (places[a:b].astype("int64"), counts[a:b].astype("float32")) for a, b in pairwise(starts)
        ]

    @property
    def dimensions(self) -> int:
        """How long a vector must be."""
        return int(self._vectors.shape[1])

    def shares(self, text: str, vector: Vector) -> Mapping[str, float]:
        """Category to 0..1 for a piece's text and its vector. Raises `ValueError` on another length."""
        import numpy

        values = numpy.asarray(vector, dtype="float32")
        if values.shape != (self.dimensions,):
            raise ValueError(f"a vector of {self.dimensions} numbers is needed, not {values.shape}")
        one = Views([text], values[None, :], self._rare)
        letters = numpy.zeros(len(self._vectors), dtype="float32")
        for gram, weight in one.letters[0]:
            places, counts = self._postings[gram]
            letters[places] += counts * weight
        about = one.about[0].astype("float32")
        compared = self._kernel.between(
            self._vectors @ one.vectors[0], letters, self._about @ about, self._squared @ about**2
        )
        scores = (compared @ self._weights + 1) / 2
        return dict(zip(self.categories, numpy.clip(scores, 0, 1).tolist(), strict=True))


def rarities(texts: Sequence[str], least: int) -> dict[str, tuple[int, float]]:
    """Each piece of a word that `least` texts have: its place and how rare it is."""
    import math

    known: Counter[str] = Counter()
    for text in texts:
        known.update(letters_of(text).keys())
    kept = sorted(gram for gram, count in known.items() if count >= least)
    return {gram: (n, 1 + math.log((1 + len(texts)) / (1 + known[gram]))) for n, gram in enumerate(kept)}


def _weighted(text: str, rare: Mapping[str, tuple[int, float]]) -> list[tuple[int, float]]:
    """Place and weight of each known piece of a word: log frequency times rarity, scaled to length one."""
    import math

    found = [(rare[gram], count) for gram, count in letters_of(text).items() if gram in rare]
    raw = [(place, (1 + math.log(count)) * rarity) for (place, rarity), count in found]
    length = math.sqrt(sum(weight * weight for _, weight in raw)) or 1.0
    return [(place, weight / length) for place, weight in raw]


def _about(text: str) -> list[float]:
    """1 for each concept that one word is about, 1.5 for several."""
    found = concepts().of(text)
    return [min(found[name], 2) / 2 + 0.5 if found[name] else 0.0 for name in concepts().names]
