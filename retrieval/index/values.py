"""What the HTTP face of the index tells."""

from pydantic import BaseModel, Field


class GenerationState(BaseModel):
    """One generation. None is what the engine does not tell."""

    name: str
    serving: bool
    points: int
    segments: int
    bytes: int | None
    loose: int | None
    optimised: str | None


class Backup(BaseModel):
    """A file with a whole generation."""

    name: str
    path: str
    bytes: int


class IndexState(BaseModel):
    """The index, and what is being done to it: nothing when `doing` is empty."""

    generations: tuple[GenerationState, ...]
    backups: tuple[Backup, ...]
    doing: str
    error: str | None


class RestoreQuestion(BaseModel):
    """The name of a file among the backups; no path, so that nothing else is ever read."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
