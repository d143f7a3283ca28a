"""When the engine does not do what it is asked."""

from gateway import PartUnavailable


class IndexFailed(PartUnavailable):
    """The engine refused or could not carry out an operation."""

    def __init__(self) -> None:
        super().__init__("record index", "The record index failed. Nothing was lost; try again in a moment.")
