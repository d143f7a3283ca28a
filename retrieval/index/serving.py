"""The generations that are open: the one that is asked and, beside it, the one that is being filled."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway import Conflict, log
from retrieval.rights import Visibility

from .copies import fill_from_copy, write_copy
from .errors import BackupUnusable
from .generations import Generation, Recipe, Store
from .points import Hit, Index, Leg


@dataclass(eq=False)
class Opened:
    """An open generation, and how many searches are under way in it."""

    generation: Generation
    index: Index
    searches: int = 0
    unused: asyncio.Condition = field(default_factory=asyncio.Condition)


class Generations:
    """Opens what there is, begins what is wanted and is not there, and switches when it is told to.

    When and with what a generation is filled is for the sync to know. One task at a time changes anything.
    """

    def __init__(self, store: Store, wanted: Recipe) -> None:
        self._store = store
        self._wanted = wanted
        self._serving: Opened | None = None
        self._filling: Opened | None = None

    @property
    def filling(self) -> Opened | None:
        """The generation that takes the place of the other one when it is full."""
        return self._filling

    @property
    def serving(self) -> Opened:
        """The generation that is asked."""
        if self._serving is None:
            raise RuntimeError("open() comes first")
        return self._serving

    @property
    def asked(self) -> str:
        """The name of the generation that is asked."""
        return self.serving.generation.name

    @property
    def all(self) -> tuple[Opened, ...]:
        """All that must be written to, the serving one first."""
        return (self.serving, self.filling) if self.filling else (self.serving,)

    @property
    def finds_meaning(self) -> bool:
        """Whether questions' vectors, which the wanted model makes, fit the generation that is asked."""
        serving, wanted = self.serving.generation.recipe, self._wanted
        return (serving.model, serving.dimensions) == (wanted.model, wanted.dimensions)

    async def open(self) -> None:
        """Take hold of the store; what is of no use any more is dropped. Raises as `Store.start` does."""
        await self._store.start()
        current = await self._store.current()
        there = await self._store.generations()
        wanted = [one for one in there if one.recipe == self._wanted and one != current]
        if current is None:
            current = wanted.pop() if wanted else await self._store.create(self._wanted)
            await self._store.switch(current)
        self._serving = await self._opened(current)
        begun = wanted[-1] if wanted and current.recipe != self._wanted else None
        for one in there:
            if one not in (current, begun):
                await self._store.drop(one)
        if begun:
            self._filling = await self._opened(begun)
        elif current.recipe != self._wanted:
            await self.begin()

    async def begin(self) -> Opened:
        """Begin an empty generation as it is wanted now, in place of one that is being filled."""
        left, self._filling = self._filling, None
        if left:
            await left.index.close()
            await self._store.drop(left.generation)
        self._filling = await self._opened(await self._store.create(self._wanted))
        log.info("index.generation_begun", generation=self._filling.generation.name)
        return self._filling

    async def switch(self, switched: Callable[[], Awaitable[None]] | None = None) -> None:
        """Ask the generation that was being filled from now on, and drop the other one.

        Searches under way end in the one they began in. `switched` is done before the other one is dropped:
        until then both must be written to, from then on the new one alone.
        """
        if self.filling is None:
            raise RuntimeError("nothing is being filled")
        await self.filling.index.flush()
        await self._store.switch(self.filling.generation)
        former, self._serving, self._filling = self.serving, self._filling, None
        log.info("index.generation_switched", generation=self.serving.generation.name)
        if switched:
            await switched()
        async with former.unused:
            await former.unused.wait_for(lambda: former.searches == 0)
        await former.index.close()
        await self._store.drop(former.generation)

    async def backup(self, target: Path) -> None:
        """Write what is asked into a file; a switch meanwhile waits for it before it drops that."""
        opened = self.serving
        opened.searches += 1
        try:
            await write_copy(target, opened.generation.recipe, opened.index)
        finally:
            opened.searches -= 1
            async with opened.unused:
                opened.unused.notify_all()

    async def restore(self, source: Path) -> None:
        """Fill a generation from a backup, to be brought up to the CRM and then asked.

        Raises `BackupUnusable` when it was made with other settings, `Conflict` when one is being filled.
        """
        if self._filling:
            raise Conflict("Another generation is being filled. Try again when that is done.")
        generation = await fill_from_copy(self._store, source)
        begun = self._filling is not None
        if generation.recipe == self._wanted and not begun:
            self._filling = await self._opened(generation)
            return
        await self._store.drop(generation)
        if begun:
            raise Conflict("A new generation was begun meanwhile. Try again when it is asked.")
        raise BackupUnusable(
            f"{source.name} was made with another embedding model or another cut of records."
        )

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        """Best hits of each leg; none for vectors that do not fit the generation that is asked."""
        opened = self.serving
        fits = [leg.vector is None or self.finds_meaning for leg in legs]
        opened.searches += 1
        try:
            asked = [leg for leg, may in zip(legs, fits, strict=True) if may]
            found = iter(await opened.index.search(visibility, asked))
        finally:
            opened.searches -= 1
            async with opened.unused:
                opened.unused.notify_all()
        return [next(found) if may else [] for may in fits]

    async def vectors_for(self, vdigests: Sequence[str]) -> dict[str, list[float]]:
        """Vectors that any open generation of the wanted model has for these digests of embedded text."""
        found: dict[str, list[float]] = {}
        for opened in self.all:
            recipe, wanted = opened.generation.recipe, self._wanted
            if (recipe.model, recipe.dimensions) == (wanted.model, wanted.dimensions):
                found |= await opened.index.vectors_for([one for one in vdigests if one not in found])
        return found

    async def rights(self, refs: Collection[str] | None = None) -> dict[str, frozenset[str]]:
        """The keys that let a user see each row that is asked, for checking; of `refs` alone when given."""
        return await self.serving.index.rights(refs)

    async def _opened(self, generation: Generation) -> Opened:
        return Opened(generation, await self._store.open(generation))

    async def close(self) -> None:
        """Close all that is open, and the store."""
        for opened in self.all:
            await opened.index.close()
        await self._store.close()
