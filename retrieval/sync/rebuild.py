"""A new generation of the index: filled beside the one that is asked, and asked itself when it is full."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway import CloisterError, log
from retrieval.crm import CrmError
from retrieval.index import Generations, IndexFailed, Opened

from .fill import Filler
from .mirror import Mirror
from .passes import Passes
from .values import RebuildState

_BACK_OFF_S: Final = 15.0
_LOOK_S: Final = 1.0


class Rebuilder:
    """Fills a generation whenever there is one to fill: somebody asked, or the embedding model or the cut is
    another one than before."""

    def __init__(
        self,
        generations: Generations,
        mirror: Mirror,
        passes: Passes,
        kinds: list[str],
        filler_for: Callable[[Mirror], Filler] | None,
    ) -> None:
        """`filler_for` makes what gives vectors to a generation; without it none are made."""
        self._generations = generations
        self._mirror = mirror
        self._passes = passes
        self._kinds = kinds
        self._filler_for = filler_for
        self._asked = asyncio.Event()
        self._filler: Filler | None = None
        self._error: str | None = None
        self.idle = asyncio.Event()
        """Set while no generation is being filled."""

    def ask(self) -> None:
        """Begin a new generation, unless one is being filled."""
        if not self.asked:
            self._asked.set()
            self.idle.clear()

    @property
    def asked(self) -> bool:
        """Whether one is being filled, or will be."""
        return not self.idle.is_set() or self._asked.is_set()

    async def state(self) -> RebuildState:
        """How far it is."""
        filling = self._generations.filling
        beside = self._mirror.beside
        counts = (await beside.index.counts(self._kinds)).values() if beside else ()
        return RebuildState(
            running=not self.idle.is_set(),
            generation=filling.generation.name if filling else None,
            serving=self._generations.serving.generation.name,
            rows=sum(len(beside.rows(kind)) for kind in self._kinds) if beside else 0,
            total=sum(len(self._mirror.rows(kind)) for kind in self._kinds),
            vectors=sum(one.vectors for one in counts),
            wanting=len(await beside.index.waiting(1_000_000)) if beside else 0,
            copied=self._filler.copied if self._filler else 0,
            error=self._error,
        )

    async def run(self, may_begin: asyncio.Event) -> None:
        """Fill what there is to fill until cancelled, once `may_begin` is set."""
        await may_begin.wait()
        while True:
            if self._generations.filling is None and not self._asked.is_set():
                self.idle.set()
                await self._asked.wait()
            self.idle.clear()
            try:
                await self._fill(self._generations.filling or await self._generations.begin())
                self._asked.clear()
                self._error = None
            except (CrmError, CloisterError) as error:
                log.warning("rebuild.waiting", reason=type(error).__name__)
                self._error = str(error)
                await asyncio.sleep(_BACK_OFF_S)
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                log.error("rebuild.failed", exc_info=error)
                self._error = "The new generation cannot be filled; the reason is in the log of this process."
                await asyncio.sleep(_BACK_OFF_S)

    async def _fill(self, opened: Opened) -> None:
        """Everything that is written from now on is written to both; what is there already is compared."""
        beside = Mirror(opened.index)
        await beside.load()
        self._mirror.beside = beside
        try:
            await self._bring(beside)
            await self._decided()
            await beside.flush()
            if self._mirror.beside is not beside:  # it was let go: what missed a write is never asked
                raise IndexFailed
            await self._generations.switch(lambda: self._became(beside))
        finally:
            self._mirror.beside = None  # one that could not be filled must not hold up what is asked

    async def _bring(self, beside: Mirror) -> None:
        for (
            kind
        ) in self._kinds:  # what was taken out before it was written to as well: a backup's, a restart's
            await beside.drop(kind, [key for key in beside.rows(kind) if key not in self._mirror.rows(kind)])
        for kind in self._kinds:
            await self._passes.compare(kind)
        # a former one that questions' vectors do not fit finds words alone: then the new one is not worse
        if self._filler_for and self._generations.finds_meaning:
            self._filler = self._filler_for(beside)
            await self._filler.fill_all()

    async def _decided(self) -> None:
        """Wait while deletions wait for a word: what the CRM no longer has is not in the new generation."""
        brake = self._passes.brake
        while held := [kind for kind in self._kinds if brake.held(kind)]:
            self._error = (
                "The new generation is full. It is asked when somebody has decided on the deletions that "
                f"wait: see `cloister sync resolve` for {', '.join(held)}."
            )
            await asyncio.sleep(_LOOK_S)

    async def _became(self, beside: Mirror) -> None:
        await self._mirror.become(beside)
        self._asked.clear()
