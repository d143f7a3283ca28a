"""The index: where pieces of rows are found by terms and by meaning, without their text."""

from .edge import EdgeIndex, Terms
from .embedding import Embedder, HashedWords
from .points import Counts, Hit, Index, IndexedChunk, IndexedRow, Known, Leg, Sparse, Waiting, point_id

__all__ = [
    "Counts",
    "EdgeIndex",
    "Embedder",
    "HashedWords",
    "Hit",
    "Index",
    "IndexedChunk",
    "IndexedRow",
    "Known",
    "Leg",
    "Sparse",
    "Terms",
    "Waiting",
    "point_id",
]
