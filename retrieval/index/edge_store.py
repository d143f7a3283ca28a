"""Generations in a folder: one folder each, and a file that names the one that is asked."""

import asyncio
import fcntl
import re
import shutil
from pathlib import Path
from typing import Final

from gateway import PartUnavailable, log

from .edge import FIRST_SHARD, POINTER, EdgeIndex
from .files import sync_folder, write_durably
from .generations import Generation, Recipe
from .points import Index

_CURRENT: Final = "current"
_LOCK: Final = "lock"
_SINGLE: Final = re.compile(r"(.+)-(\d+)-1")
_SINGLE_SHAPE: Final = "1.1"
_ADOPTING: Final = ".adopting"
_DROPPED: Final = ".dropped"


class EdgeStore:
    """Generations of Qdrant Edge under one folder; one process owns it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self._folder / _LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise PartUnavailable(
                "record index",
                f"The index in {self._folder} is in use by another process. Stop that one first: "
                "one process owns the index.",
            ) from error
        await asyncio.to_thread(self._finish)

    async def generations(self) -> list[Generation]:
        return await asyncio.to_thread(self._listed)

    async def current(self) -> Generation | None:
        try:
            found = Generation.named((self._folder / _CURRENT).read_text().strip())
        except FileNotFoundError:
            return None
        return found if found in await self.generations() else None

    async def create(self, recipe: Recipe) -> Generation:
        there = await self.generations()
        generation = Generation(there[-1].number + 1 if there else 1, recipe)
        (self._folder / generation.name).mkdir(mode=0o700)
        sync_folder(self._folder)
        return generation

    async def open(self, generation: Generation) -> Index:
        folder, recipe = self._folder / generation.name, generation.recipe
        return await asyncio.to_thread(EdgeIndex, folder, model=recipe.model, dimensions=recipe.dimensions)

    async def switch(self, generation: Generation) -> None:
        await asyncio.to_thread(write_durably, self._folder / _CURRENT, generation.name)

    async def drop(self, generation: Generation) -> None:
        if generation == await self.current():
            raise ValueError(f"{generation.name} is in use")
        folder = self._folder / generation.name
        dropped = folder.rename(folder.with_name(f"{folder.name}{_DROPPED}"))
        await asyncio.to_thread(_remove, dropped)

    async def close(self) -> None:
        self._lock.close()

    def _finish(self) -> None:
        """Take away what was being dropped, and take over what a release without generations left here."""
        for left in self._folder.glob(f"*{_DROPPED}"):
            _remove(left)
        for begun in self._folder.glob(f"*{_ADOPTING}"):
            if (begun / FIRST_SHARD).exists():
                self._adopted(begun)
            else:
                begun.rmdir()
        first = 1 + max((one.number for one in self._listed()), default=0)
        singles = [(one, found) for one in self._folder.iterdir() if (found := _single(one))]
        for number, (folder, recipe) in enumerate(singles, first):
            begun = self._folder / f"{Generation(number, recipe).name}{_ADOPTING}"
            begun.mkdir(mode=0o700)
            folder.rename(begun / FIRST_SHARD)
            self._adopted(begun)

    def _adopted(self, begun: Path) -> None:
        write_durably(begun / POINTER, FIRST_SHARD)
        name = begun.name.removesuffix(_ADOPTING)
        begun.rename(begun.with_name(name))
        sync_folder(self._folder)
        write_durably(self._folder / _CURRENT, name)
        log.info("index.adopted", generation=name)

    def _listed(self) -> list[Generation]:
        found = (Generation.named(one.name) for one in self._folder.iterdir() if one.is_dir())
        return sorted(one for one in found if one)


def _remove(dropped: Path) -> None:
    """Remove what nobody asks any more; what cannot be removed now is tried again at the next start."""
    shutil.rmtree(dropped, ignore_errors=True)
    if dropped.exists():
        log.warning("index.not_removed", folder=str(dropped))


def _single(folder: Path) -> Recipe | None:
    """The recipe of the one shard that an index was before there were generations."""
    found = _SINGLE.fullmatch(folder.name)
    if found is None or Generation.named(folder.name) or not (folder / "edge_config.json").exists():
        return None
    return Recipe(found.group(1), int(found.group(2)), _SINGLE_SHAPE)
