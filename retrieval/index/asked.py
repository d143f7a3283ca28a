"""The generation that is asked, for a process that only searches: whichever the writer switched to last."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from gateway import CloisterError, log
from retrieval.rights import Visibility

from .errors import IndexFailed
from .generations import Generation, Recipe, Store
from .points import Hit, Index, Leg

_LOOK_S: Final = 2.0


class AskedGeneration:
    """Searches the current generation and follows its switches. It makes, fills and drops none."""

    def __init__(self, store: Store, wanted: Recipe) -> None:
        self._store = store
        self._wanted = wanted
        self._generation: Generation | None = None
        self._index: Index | None = None
        self.error: str | None = "The index has not been looked for yet."
        """Why there is nothing to search."""

    @property
    def asked(self) -> str | None:
        """The name of the generation that is asked, None before it was found."""
        return self._generation.name if self._generation else None

    @property
    def finds_meaning(self) -> bool:
        """Whether questions' vectors, which the wanted model makes, fit the generation that is asked."""
        made = self._generation.recipe if self._generation else None
        return made is not None and (made.model, made.dimensions) == (
            self._wanted.model,
            self._wanted.dimensions,
        )

    async def look(self) -> None:
        """Open the generation that is asked now, if it is another one. Raises `IndexFailed`."""
        current = await self._store.current()
        if current is None:
            self.error = "No index has been made yet: its writer has not begun."
            return
        if current != self._generation:
            former, self._index = self._index, await self._store.open(current)
            self._generation = current
            log.info("index.asked", generation=current.name)
            if former is not None:
                await former.close()
        self.error = None

    async def run(self) -> None:
        """Look until cancelled; whatever fails is kept as `error` and tried again."""
        started = False
        while True:
            try:
                if not started:
                    await self._store.start()
                    started = True
                await self.look()
            except CloisterError as error:
                if self.error != error.sentence:
                    log.warning("index.unseen", reason=error.sentence)
                self.error = error.sentence
            await asyncio.sleep(_LOOK_S)

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        """Best hits of each leg; none for vectors that do not fit. A switch in mid-question is followed."""
        try:
            return await self._search(visibility, legs)
        except IndexFailed:
            asked = self._generation
            await self.look()
            if self._generation == asked:
                raise
            return await self._search(visibility, legs)

    async def rights(self, refs: Collection[str] | None = None) -> dict[str, frozenset[str]]:
        """The keys that let a user see each row, for checking: ref → keys; of `refs` alone when given."""
        return await self._opened().rights(refs)

    async def close(self) -> None:
        """Let go of the store."""
        if self._index is not None:
            await self._index.close()
        await self._store.close()

    async def _search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        fits = [leg.vector is None or self.finds_meaning for leg in legs]
        asked = [leg for leg, may in zip(legs, fits, strict=True) if may]
        found = iter(await self._opened().search(visibility, asked))
        return [next(found) if may else [] for may in fits]

    def _opened(self) -> Index:
        if self._index is None:
            raise IndexFailed
        return self._index
