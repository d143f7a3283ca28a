"""The index: where pieces of rows are found by terms and by meaning, without their text."""

from .edge import EdgeIndex, Terms
from .points import Counts, Hit, Index, IndexedChunk, IndexedRow, Known, Leg, Sparse, Waiting, point_id

__all__ = [
    "Counts",
    "EdgeIndex",
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
