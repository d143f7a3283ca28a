"""How a long step tells a person where it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    WAITING = "waiting"
    CHECKING = "checking"
    DOWNLOADING = "downloading"
    UNPACKING = "unpacking"
    INSTALLING = "installing"
    QUANTISING = "quantising"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long job; `done` and `total`, where known, are counted in `unit`."""

    phase: Phase
    text: str
    done: int | None = None
    total: int | None = None
    unit: str = "bytes"


OnProgress = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """The listener for callers who do not want to hear."""
