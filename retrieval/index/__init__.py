"""The index: where pieces of rows are found by terms and by meaning, without their text."""

from .edge import EdgeIndex, Terms
from .embedding import Embedder, HashedWords, ReadsAhead
from .errors import IndexFailed
from .points import Counts, Hit, Index, IndexedChunk, IndexedRow, Known, Leg, Sparse, Waiting, point_id
from .server import ServerIndex, connect_server

__all__ = [
    "Counts",
    "EdgeIndex",
    "Embedder",
    "HashedWords",
    "Hit",
    "Index",
    "IndexFailed",
    "IndexedChunk",
    "IndexedRow",
    "Known",
    "Leg",
    "ReadsAhead",
    "ServerIndex",
    "Sparse",
    "Terms",
    "Waiting",
    "connect_server",
    "point_id",
]
