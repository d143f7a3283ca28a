"""Vectors that are kept by the digest of their text, so that measuring again need not embed again."""

from array import array
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from gateway import PartUnavailable, Principal
from retrieval.index import Embedder
from retrieval.index.embedding import Purpose

_DIGEST: Final = 16


class KeptVectors:
    """An embedder that keeps what it makes of records in a file; questions are embedded each time."""

    def __init__(
        self, embedder: Embedder, file: Path | None, dimensions: int, advance: Callable[[int], None]
    ) -> None:
        """`advance` is told how many texts have got their vectors, kept ones too."""
        self._embedder = embedder
        self._file = file
        self._size = _DIGEST + 4 * dimensions
        self._advance = advance
        self._kept: dict[bytes, bytes] = {}
        self.embedded = 0
        if file is not None and file.exists():
            self._kept = self._read(file.read_bytes())

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        """As the embedder does."""
        if purpose == "query":
            return await self._embedder.embed(principal, texts, purpose)
        digests = [blake2b(text.encode(), digest_size=_DIGEST).digest() for text in texts]
        missing = {
            digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._kept
        }
        if missing:
            made = await self._embedder.embed(principal, list(missing.values()), purpose)
            fresh = {
                digest: array("f", vector).tobytes() for digest, vector in zip(missing, made, strict=True)
            }
            self._kept |= fresh
            self.embedded += len(fresh)
            if self._file is not None:
                with self._file.open("ab") as file:
                    file.write(b"".join(digest + vector for digest, vector in fresh.items()))
        self._advance(len(texts))
        return [list(array("f", self._kept[digest])) for digest in digests]

    def _read(self, stored: bytes) -> dict[bytes, bytes]:
        whole = len(stored) - len(stored) % self._size  # a run that was cut off leaves a part at the end
        if whole != len(stored) and self._file is not None:
            with self._file.open("rb+") as file:
                file.truncate(whole)
        return {
            stored[start : start + _DIGEST]: stored[start + _DIGEST : start + self._size]
            for start in range(0, whole, self._size)
        }


class NoVectors:
    """An embedder where there is none: search goes on by words alone."""

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        """Raises `PartUnavailable`."""
        del principal, texts, purpose
        raise PartUnavailable("embedding model", "This trial was asked for without vectors.")
