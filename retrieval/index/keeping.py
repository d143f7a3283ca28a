"""What an administrator does to the running index: look at it, optimise it, back it up, restore it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import CloisterError, Conflict, NotFound, log
from retrieval.settings import IndexSettings

from .copies import fill_from_copy
from .edge_store import EdgeStore
from .generations import Store
from .serving import Generations
from .values import Backup, GenerationState, IndexState


async def restore_index(settings: IndexSettings, source: Path) -> str:
    """Take a backup in place of an index that no process has open; the name of the generation it becomes.

    The next start brings it up to the CRM. Raises `PartUnavailable` when a process has it, `BackupUnusable`,
    `Conflict` when it lies on a server: nothing there tells that nobody uses it.
    """
    if settings.server:
        raise Conflict(
            "An index on a server is restored by its writer, which has to run: leave out --stopped."
        )
    store: Store = EdgeStore(settings.folder)
    await store.start()
    try:
        restored = await fill_from_copy(store, source)
        await store.switch(restored)
        for one in await store.generations():
            if one != restored:
                await store.drop(one)
    finally:
        await store.close()
    return restored.name


class Keeping:
    """Does one thing at a time, in the background; the state tells when it is done and what went wrong."""

    def __init__(self, generations: Generations, folder: Path, fill: Callable[[], object]) -> None:
        """Backups lie in `folder`; `fill` lets a restored generation be brought up to the CRM and asked."""
        self._generations = generations
        self._folder = folder
        self._fill = fill
        self._doing = ""
        self._error: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def state(self) -> IndexState:
        """How it is."""
        found = []
        for opened in self._generations.all:
            size = await opened.index.size()
            found.append(
                GenerationState(
                    name=opened.generation.name,
                    serving=opened is self._generations.serving,
                    points=size.points,
                    segments=size.segments,
                    bytes=size.bytes,
                    loose=size.loose,
                    optimised=size.optimised,
                )
            )
        backups = await asyncio.to_thread(self._backups)
        return IndexState(
            generations=tuple(found), backups=tuple(backups), doing=self._doing, error=self._error
        )

    def check_idle(self) -> None:
        """Raises `Conflict` while something is being done."""
        if self._doing:
            raise Conflict(f"The index is busy: {self._doing}. Try again when that is done.")

    def check_backup(self, name: str) -> None:
        """Raises `NotFound`."""
        if name not in {one.name for one in self._backups()}:
            raise NotFound("There is no such backup.")

    def optimise(self) -> None:
        """Build the serving generation's graphs anew. Raises `Conflict` while something is being done."""
        self._begin("optimising", self._generations.serving.index.tend(asked=True))

    def backup(self) -> None:
        """Write the serving generation into a new file. Raises `Conflict` while something is being done."""
        name = f"{self._generations.serving.generation.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}.gz"
        self._begin("backing up", self._back_up(self._folder / name))

    def restore(self, name: str) -> None:
        """Take a backup in place of the index; it is asked when it is up to the CRM.

        Raises `NotFound`, `Conflict` while something is being done.
        """
        self.check_backup(name)
        self._begin("restoring", self._restore(self._folder / name))

    async def stop(self) -> None:
        """Leave off what is being done."""
        while self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.5)

    def _begin(self, doing: str, work: Coroutine[Any, Any, object]) -> None:
        try:
            self.check_idle()
        except Conflict:
            work.close()
            raise
        self._doing, self._error = doing, None
        self._task = asyncio.create_task(self._do(work), name="index keeping")

    async def _do(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except CloisterError as error:
            self._error = error.sentence
        except Exception as error:  # noqa: BLE001 - the outermost of a task: what failed is told in the state
            log.error("index.keeping_failed", exc_info=error, doing=self._doing)
            self._error = "That failed; the reason is in the log of this process."
        finally:
            self._doing = ""

    async def _back_up(self, target: Path) -> None:
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        await self._generations.backup(target)

    async def _restore(self, source: Path) -> None:
        await self._generations.restore(source)
        self._fill()

    def _backups(self) -> list[Backup]:
        if not self._folder.is_dir():
            return []
        files = sorted(one for one in self._folder.iterdir() if one.suffix == ".gz")
        return [Backup(name=one.name, path=str(one), bytes=one.stat().st_size) for one in files]
