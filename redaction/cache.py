"""Where spans of names are kept, so that a passage is read by the slow detector once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

from .entities import Span


class SpanCache(Protocol):
    """Spans by a keyed hash. It never sees a text; spans hold positions and types only."""

    def get(self, digest: bytes) -> Sequence[Span] | None:
        """The spans put in before, None if there are none."""
        ...

    def put(self, digest: bytes, spans: Sequence[Span]) -> None:
        """Keep spans; they may be dropped at any time."""
        ...


class MemorySpanCache:
    """The `size` most recently used entries, in memory."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    def get(self, digest: bytes) -> Sequence[Span] | None:
        """See SpanCache."""
        spans = self._entries.get(digest)
        if spans is not None:
            self._entries.move_to_end(digest)
        return spans

    def put(self, digest: bytes, spans: Sequence[Span]) -> None:
        """See SpanCache."""
        self._entries[digest] = tuple(spans)
        self._entries.move_to_end(digest)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)


def span_digest(text: str, key: bytes, policy: str) -> bytes:
    """The hash of text, detector and policy under `key` (16 to 64 bytes), so that nobody can test guesses."""
    digest = blake2b(key=key, digest_size=32)
    digest.update(policy.encode() + b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.digest()
