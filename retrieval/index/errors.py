"""When the engine does not do what it is asked."""

from gateway import BadInput, PartUnavailable


class IndexFailed(PartUnavailable):
    """The engine refused or could not carry out an operation."""

    def __init__(self) -> None:
        super().__init__("record index", "The record index failed. Nothing was lost; try again in a moment.")


class BackupUnusable(BadInput):
    """A file that was given as a backup of an index is none, or is not whole."""
