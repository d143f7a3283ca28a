"""From the CRM into the index: whole comparisons, changes, deletions, vectors."""

from .build import Builder
from .decoding import DecodingFeed
from .errors import TooManyGone
from .family import Family
from .fill import Filler
from .follow import Follower
from .mirror import Mirror
from .passes import Passes
from .roster import Roster
from .tables import ParkedRow, SyncRow

__all__ = [
    "Builder",
    "DecodingFeed",
    "Family",
    "Filler",
    "Follower",
    "Mirror",
    "ParkedRow",
    "Passes",
    "Roster",
    "SyncRow",
    "TooManyGone",
]
