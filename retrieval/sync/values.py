"""What is told of the sync to whoever looks after it: numbers, references and reasons, no content."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Drift(StrEnum):
    """How the index can differ from the CRM."""

    MISSING = "missing"
    GHOST = "ghost"
    STALE = "stale version"
    RIGHTS = "wrong rights"
    HALF_WRITTEN = "half-written"
    NO_VECTOR = "missing vector"
    UNPUBLISHED = "unpublished names"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParkedRecord(_Value):
    """A row that was set aside; tried again at `next_try`, and when it changes."""

    entity: str
    key: str
    stage: str
    reason: str
    since: datetime
    tries: int
    next_try: datetime


class ParkedRecords(_Value):
    """Rows that were set aside, the oldest first, and how many there are in all."""

    total: int
    rows: tuple[ParkedRecord, ...]


class VerifyQuestion(_Value):
    """A comparison of all rows, points and rights; with `dry_run` nothing is mended."""

    dry_run: bool = False


class VerifyReport(_Value):
    """How far a comparison is, and what it found: by kind, how many of each drift, and some of them by name.

    `found` is what two looks agreed on; `mended` is what was put right. Parked rows are neither.
    """

    running: bool
    dry_run: bool
    done: int
    total: int
    rate: float | None
    found: dict[str, dict[Drift, int]]
    mended: int
    parked: int
    examples: tuple[str, ...]
    began: datetime | None
    ended: datetime | None
    error: str | None

    @property
    def clean(self) -> bool:
        """Whether the index is what the CRM says."""
        return self.error is None and not any(self.found.values())


class Resolve(_Value):
    """What somebody decides about deletions that wait."""

    entity: str = Field(min_length=1, max_length=64)
    allow_deletes: bool


class Resolved(_Value):
    """How many rows were deleted, or are kept."""

    entity: str
    rows: int
    deleted: bool


class RebuildState(_Value):
    """A new generation of the index that is filled beside the one that is asked."""

    running: bool
    generation: str | None
    serving: str
    rows: int
    total: int
    vectors: int
    wanting: int
    copied: int
    error: str | None
