"""Generations of the index: each holds everything, by one model and one way to cut; one is asked.

Dimensions, models and cuts never mix: what needs another of them is a generation of its own, filled beside.
"""

import re
from dataclasses import dataclass
from typing import Final, Protocol, Self

from .points import LAYOUT, Index

_NAME: Final = re.compile(r"g(\d{4,})-(.+)-(\d+)-(\d+\.\d+)")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._]+")


@dataclass(frozen=True, slots=True, order=True)
class Recipe:
    """How the points of a generation are made. `shape` is the layout of points and the version of the cut."""

    model: str
    dimensions: int
    shape: str

    @classmethod
    def of(cls, model: str, dimensions: int, cut: int) -> Self:
        """A recipe with today's layout; of the model's name only what a folder's may hold."""
        return cls(_NOT_PLAIN.sub("-", model).strip("-"), dimensions, f"{LAYOUT}.{cut}")


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """A generation by its number; a later one has a higher number."""

    number: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """What its folder or collection is called: `g0003-<model>-<dimensions>-<shape>`."""
        recipe = self.recipe
        return f"g{self.number:04}-{recipe.model}-{recipe.dimensions}-{recipe.shape}"

    @classmethod
    def named(cls, name: str) -> Self | None:
        """The generation of a name; None when it is not the name of one."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        number, model, dimensions, shape = found.groups()
        return cls(int(number), Recipe(model, int(dimensions), shape))


class Store(Protocol):
    """Where generations are kept. One process writes.

    Every method raises `IndexFailed` when the engine refuses or does not answer.
    """

    async def start(self) -> None:
        """Take hold of the store, finish what was cut off. Raises `PartUnavailable` when another has it."""

    async def generations(self) -> list[Generation]:
        """All that there are, the oldest first; half-made ones are none."""

    async def current(self) -> Generation | None:
        """The one that is asked; None before the first `switch`."""

    async def create(self, recipe: Recipe) -> Generation:
        """Make an empty one with the next number; it is not asked before `switch`."""

    async def open(self, generation: Generation) -> Index:
        """Its points, to be closed by the caller. What cannot be read is put aside and begun empty."""

    async def switch(self, generation: Generation) -> None:
        """Make it the one that is asked: at once, and for good before this returns."""

    async def drop(self, generation: Generation) -> None:
        """Remove it with all it holds; it must be closed and not the current one (`ValueError`)."""

    async def close(self) -> None:
        """Let go of the store; generations are closed before."""
