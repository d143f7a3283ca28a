"""What makes vectors of texts: the door, or a hashing of words where no model is to be had."""

import math
import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Literal, Protocol

from gateway import Principal

Purpose = Literal["index", "query"]
_WORD: Final = re.compile(r"\w+")


class Embedder(Protocol):
    """Makes unit vectors. `DoorClient` is one: it redacts what it is given before the model sees it."""

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        """One vector a text, in their order. Raises `PartUnavailable` and the door's other errors."""


class ReadsAhead(Protocol):
    """Looks for names in texts before they are asked for. `DoorClient` is one."""

    async def read_ahead(self, principal: Principal, texts: Sequence[str]) -> None:
        """Keep for all doors what is found. Raises `PartUnavailable` and the door's other errors."""


class HashedWords:
    """Texts that share words are near each other; nothing else is. Needs no model and no door.

    For tests and for measuring everything but the model; it finds what terms find.
    """

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        """One vector a text; the same for every principal and purpose."""
        del principal, purpose
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self._dimensions
        for word in _WORD.findall(text.lower()):
            number = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
            vector[number % self._dimensions] += 1.0 if number >> 63 else -1.0
        length = math.sqrt(sum(value * value for value in vector)) or 1.0
        return [value / length for value in vector] if any(vector) else [1.0, *vector[1:]]
