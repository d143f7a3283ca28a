"""The name detector, in a bounded pool of processes: native code stays out of the event loop."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from typing import Final, TypeVar

from gateway.errors import PartUnavailable
from gateway.telemetry import NAMES_FOUND, log
from gateway.turns import NoRoom, Turns
from redaction import (
    EntityType,
    RedactionError,
    Span,
    ner_spans_in_worker,
    ner_version_in_worker,
    start_ner_worker,
)

from .settings import NamesSettings

T = TypeVar("T")
_WARM: Final = "Anna Schmidt lives in Berlin."
_DOOR: Final = "the door itself"
_SILENT: Final = "The name detector does not answer. Nothing was sent."
_BATCH: Final = 4
_START_S: Final = 60.0
"""Loading the model takes seconds, on a busy machine many."""


class NamePool:
    """Spans of names for texts. Fails closed: a text that was not looked at is an error.

    A text goes to a worker when one is free, so its time counts from there, and callers take turns: a
    request with many texts keeps nobody else waiting. A text whose caller has left is read to its end, and
    its worker is not free before. Nothing of a text is kept here.
    """

    def __init__(self, settings: NamesSettings, types: frozenset[EntityType] | None = None) -> None:
        """`types` is what the workers report, the settings' own without it."""
        self._settings = settings
        self._types = settings.types if types is None else types
        self._pool: ProcessPoolExecutor | None = None
        self._turns = Turns(settings.workers, settings.waiting_at_most)
        self._warm = not settings.enabled
        self._went_cold = asyncio.Event()
        self.version = ""
        """The detectors and what they report, from a worker that has loaded them; empty before."""
        self.generation = 0
        """How often workers were started: what was checked of the last ones says nothing of these."""

    @property
    def enabled(self) -> bool:
        """Whether names are looked for at all."""
        return self._settings.enabled

    @property
    def ready(self) -> bool:
        """Whether the workers have loaded their model."""
        return self._warm

    async def warm(self) -> None:
        """Start the workers and let each read a sentence. Raises `PartUnavailable`."""
        if self._settings.enabled:
            await asyncio.gather(*(self._one(_WARM, _DOOR) for _ in range(self._settings.workers)))
            self.version = await self._asked(ner_version_in_worker)
            self.generation += 1
            self._warm = True

    async def cold(self) -> None:
        """Wait until workers are to be started: at first, and whenever they had to be ended."""
        if self._warm:
            self._went_cold.clear()
            await self._went_cold.wait()

    async def read(
        self, texts: Sequence[str], *, whose: str = "", background: bool = False
    ) -> dict[str, list[Span]]:
        """Spans of each text; `whose` names who takes turns with others.

        Background work comes behind questions. Raises `PartUnavailable` when too many wait, or a worker is
        slow or broken.
        """
        if not self._settings.enabled:
            return {text: [] for text in texts}
        found: dict[str, list[Span]] = {}
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            read = [asyncio.ensure_future(self._one(text, whose, background)) for text in batch]
            try:
                found |= dict(zip(batch, await asyncio.gather(*read), strict=True))
            finally:
                for each in read:
                    each.cancel()
        NAMES_FOUND.labels("detector").inc(len(found))
        return found

    def close(self) -> None:
        """End the workers."""
        self._turns.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _one(self, text: str, whose: str, background: bool = False) -> list[Span]:
        try:
            return await self._turns.run(whose, partial(self._read, text), background=background)
        except NoRoom as error:
            raise PartUnavailable(
                "ner", "Too many texts wait for the name detector. Nothing was sent."
            ) from error

    async def _read(self, text: str) -> list[Span]:
        return await self._asked(ner_spans_in_worker, text)

    async def _asked(self, work: Callable[..., T], *arguments: str) -> T:
        """Ask a free worker. Once more, when it was another text for which the workers had to be ended."""
        for last in (False, True):
            pool = self._started()
            limit = self._settings.timeout_s if self._warm else max(self._settings.timeout_s, _START_S)
            try:
                asked = asyncio.get_running_loop().run_in_executor(pool, work, *arguments)
                return await asyncio.wait_for(asked, limit)
            except (BrokenExecutor, TimeoutError) as error:
                if isinstance(error, BrokenExecutor) and self._pool is not pool and not last:
                    continue
                log.error("names.broken", kind=type(error).__name__)
                self._replace(pool)
                raise PartUnavailable("ner", _SILENT) from error
            except RedactionError as error:
                raise PartUnavailable("ner", str(error)) from error
        raise AssertionError  # the loop returns or raises

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._settings.workers,
                multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._types,),
            )
        return self._pool

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        """Let the next text start new workers; one that hangs is ended, not waited for."""
        if self._pool is broken:
            self._pool = None
            self._warm = False
            self._went_cold.set()
            for process in list((broken._processes or {}).values()):
                process.kill()
            broken.shutdown(wait=False, cancel_futures=True)


def _start_worker(types: frozenset[EntityType]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the door ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start_ner_worker(types)


def _end_with_parent() -> None:
    """A door that is killed leaves no worker behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
