"""The name detector, in a bounded pool of processes: native code stays out of the event loop."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from typing import Final

from gateway.errors import PartUnavailable
from gateway.telemetry import log
from redaction import Analyzer, EntityType, RedactionError, Span, ner_spans_in_worker, start_ner_worker

from .settings import NamesSettings

_WARM: Final = "Anna Schmidt lives in Berlin."


class NamePool:
    """Spans of names for texts. Fails closed: a text that was not looked at is an error.

    Results are kept in the analyzer's cache by keyed hash; the text is not kept.
    """

    def __init__(self, settings: NamesSettings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0
        self._in_background = asyncio.Semaphore(settings.workers)
        self._warm = not settings.enabled

    @property
    def ready(self) -> bool:
        """Whether the workers have loaded their model."""
        return self._warm

    async def warm(self) -> None:
        """Start the workers and let each read a sentence. Raises `PartUnavailable`."""
        if self._settings.enabled:
            await asyncio.gather(*(self._one(_WARM) for _ in range(self._settings.workers)))
            self._warm = True

    async def prepare(
        self, analyzer: Analyzer, texts: Sequence[str], *, background: bool = False
    ) -> dict[str, list[Span]]:
        """Spans of each text, from the cache or from a worker.

        Background work takes turns, so that a question never waits behind a whole index. Raises
        `PartUnavailable` when the pool is full, slow or broken.
        """
        if not self._settings.enabled:
            return {text: [] for text in texts}
        known = {text: analyzer.cached_ner_spans(text) for text in texts}
        missing = [text for text, spans in known.items() if spans is None]
        read = self._in_turn if background else self._one
        found = dict(zip(missing, await asyncio.gather(*map(read, missing)), strict=True))
        for text, spans in found.items():
            analyzer.remember_ner_spans(text, spans)
        return {text: spans if spans is not None else found[text] for text, spans in known.items()}

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _in_turn(self, text: str) -> list[Span]:
        async with self._in_background:
            return await self._one(text)

    async def _one(self, text: str) -> list[Span]:
        if self._waiting >= self._settings.waiting_at_most:
            raise PartUnavailable("ner", "Too many texts wait for the name detector. Nothing was sent.")
        self._waiting += 1
        pool = self._started()
        try:
            work = asyncio.get_running_loop().run_in_executor(pool, ner_spans_in_worker, text)
            return await asyncio.wait_for(work, self._settings.timeout_s)
        except (BrokenExecutor, TimeoutError) as error:
            log.error("names.broken", kind=type(error).__name__)
            self._replace(pool)
            raise PartUnavailable("ner", "The name detector does not answer. Nothing was sent.") from error
        except RedactionError as error:
            raise PartUnavailable("ner", str(error)) from error
        finally:
            self._waiting -= 1

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._settings.workers,
                multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._settings.types,),
            )
        return self._pool

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        """Let the next text start new workers; one that hangs is ended, not waited for."""
        if self._pool is broken:
            self._pool = None
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
