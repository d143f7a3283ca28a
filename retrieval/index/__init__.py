"""The index: where pieces of rows are found by terms and by meaning, without their text."""

from .asked import AskedGeneration
from .conformance import CheckOutcome
from .edge import EdgeIndex, Terms
from .edge_store import EdgeStore
from .embedding import Embedder, HashedWords, ReadsAhead
from .errors import BackupUnusable, IndexFailed
from .generations import Generation, Recipe, Store
from .points import (
    Counts,
    Hit,
    Index,
    IndexedChunk,
    IndexedRow,
    Known,
    Leg,
    Searches,
    Size,
    Sparse,
    Waiting,
    point_id,
)
from .server_store import ServerStore
from .serving import Generations, Opened
from .tending import tend
from .trial import try_engine

__all__ = [
    "AskedGeneration",
    "BackupUnusable",
    "CheckOutcome",
    "Counts",
    "EdgeIndex",
    "EdgeStore",
    "Embedder",
    "Generation",
    "Generations",
    "HashedWords",
    "Hit",
    "Index",
    "IndexFailed",
    "IndexedChunk",
    "IndexedRow",
    "Known",
    "Leg",
    "Opened",
    "ReadsAhead",
    "Recipe",
    "Searches",
    "ServerStore",
    "Size",
    "Sparse",
    "Store",
    "Terms",
    "Waiting",
    "point_id",
    "tend",
    "try_engine",
]
