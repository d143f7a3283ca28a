"""Where spans of names are kept, so that a passage is read by the slow detector once."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Protocol

from .entities import EntityType, Source, Span

_TYPES: Final = tuple(EntityType)
_SOURCES: Final = tuple(Source)
_FORM: Final = "1/" + ",".join((*_TYPES, *_SOURCES))
_SPAN: Final = struct.Struct(">IIBBB")
_PERCENT: Final = 100


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
    digest.update(f"{policy}\0{_FORM}\0".encode() + text.encode("utf-8", "surrogatepass"))
    return digest.digest()


def pack_spans(spans: Sequence[Span]) -> bytes:
    """Eleven bytes a span: start, end, type, source and score in per cent.

    What the numbers of types and sources mean is part of every digest (see `span_digest`). Raises ValueError
    for a span that names a record: those are never kept.
    """
    if any(span.entity or span.entities or span.field for span in spans):
        raise ValueError("a span of a known record is not kept")
    return b"".join(
        _SPAN.pack(
            span.start,
            span.end,
            _TYPES.index(span.type),
            _SOURCES.index(span.source),
            round(span.score * _PERCENT),
        )
        for span in spans
    )


def unpack_spans(packed: bytes) -> list[Span]:
    """The opposite. Raises ValueError for bytes that `pack_spans` did not make."""
    try:
        return [
            Span(start, end, _TYPES[kind], score / _PERCENT, _SOURCES[source])
            for start, end, kind, source, score in _SPAN.iter_unpack(packed)
        ]
    except (struct.error, IndexError) as error:
        raise ValueError("these are no spans") from error
