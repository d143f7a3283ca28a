"""From the CRM into the index: whole comparisons, changes, deletions, vectors."""

from .brake import Brake
from .build import Builder
from .decoding import DecodingFeed
from .family import Family
from .fill import Filler
from .first import QuestionsFirst
from .follow import Follower
from .heap import keep_collections_short
from .mirror import Mirror
from .open_texts import OpenText, OpenTexts
from .parking import Parked, Parking, Stage
from .passes import Passes
from .pulse import Pulse
from .rebuild import Rebuilder
from .role import Writer
from .roster import Roster
from .tables import ParkedRow, SyncRow
from .verify import Verifier
from .watch import ONLY_SEARCHES, WriterWatch

__all__ = [
    "ONLY_SEARCHES",
    "Brake",
    "Builder",
    "DecodingFeed",
    "Family",
    "Filler",
    "Follower",
    "Mirror",
    "OpenText",
    "OpenTexts",
    "Parked",
    "ParkedRow",
    "Parking",
    "Passes",
    "Pulse",
    "QuestionsFirst",
    "Rebuilder",
    "Roster",
    "Stage",
    "SyncRow",
    "Verifier",
    "Writer",
    "WriterWatch",
    "keep_collections_short",
]
