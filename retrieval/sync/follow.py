"""Following the CRM: one task that keeps the index up to it for as long as the process lives."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from gateway import CloisterError, Database, PartUnavailable, log
from retrieval.crm import CrmError, CrmUnavailable
from retrieval.index import Index
from retrieval.records import Records
from retrieval.search.values import EntitySync, SyncStatus
from retrieval.settings import SyncSettings

from .errors import TooManyGone
from .mirror import Mirror
from .passes import Passes
from .progress import Progress, read_progress, save_progress

_BACK_OFF_S: Final = (1.0, 2.0, 5.0, 10.0)
_FLUSH_S: Final = 10.0


class _Poll(NamedTuple):
    """What one look at a watermark found; it counts once it has been applied."""

    fresh: list[str]
    found: dict[str, datetime]
    cursor: datetime


class Follower:
    """Compares everything at the start, then asks by watermark, and now and then compares again.

    Whatever fails is written into the status and tried again; nothing that fails here stops searching.
    """

    def __init__(
        self,
        records: Records,
        index: Index,
        mirror: Mirror,
        passes: Passes,
        database: Database,
        settings: SyncSettings,
    ) -> None:
        self._records = records
        self._map = records.crm_map
        self._index = index
        self.mirror = mirror
        self._passes = passes
        self._database = database
        self._settings = settings
        self._kinds = self._map.parents_first
        self._progress: dict[str, Progress] = {kind: Progress() for kind in self._kinds}
        self._seen: dict[str, dict[str, datetime]] = {kind: {} for kind in self._kinds}
        self._watermarks = {
            kind: column for kind in self._kinds if (column := self._map.entities[kind].changed)
        }
        self._again: dict[str, set[str]] = {}
        self._asked = asyncio.Event()
        self._allow_deletes = False
        self._swept = self._compared = self._flushed = 0.0
        self.missing: str | None = "record index"
        """The part that keeps this from working, None when nothing does."""
        self.caught_up = asyncio.Event()
        """Set when the first whole comparison of this process has ended."""

    @property
    def ready(self) -> bool:
        """Whether every kind has been compared with the CRM once and the index still has it."""
        return all(one.complete for one in self._progress.values())

    @property
    def stale(self) -> bool:
        """Whether the index is behind the CRM by more than a few polls."""
        limit = max(15.0, 5 * self._settings.poll_s)
        return self.missing is not None or any(
            one.lag_seconds is None or one.lag_seconds > limit for one in self._progress.values()
        )

    def ask(self, *, allow_deletes: bool) -> None:
        """Compare everything as soon as possible."""
        self._allow_deletes = self._allow_deletes or allow_deletes
        for one in self._progress.values():
            one.running = True
        self._asked.set()

    async def status(self) -> SyncStatus:
        """How far each kind is."""
        counts = await self._index.counts(self._kinds)
        return SyncStatus(
            ready=self.ready,
            entities=tuple(
                EntitySync(
                    entity=kind,
                    rows=len(self.mirror.rows(kind)),
                    points=counts[kind].points,
                    vectors=counts[kind].vectors,
                    lag_seconds=one.lag_seconds,
                    last_sync=one.last_sync,
                    error=one.error,
                    running=one.running,
                )
                for kind, one in self._progress.items()
            ),
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        begun = False
        while True:
            try:
                if not begun:
                    await self._begin()
                    begun = True
                await self._tick()
                self.missing, failures = None, 0
                await self._pause(self._settings.poll_s)
            except (CrmError, CloisterError) as error:
                self._failed(error)
                await self._pause(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                log.error("sync.failed", exc_info=error)
                self.missing = "record sync"
                await self._pause(_BACK_OFF_S[-1])

    async def _begin(self) -> None:
        await self.mirror.load()
        self._progress = await read_progress(self._database, self._kinds)
        for kind, one in self._progress.items():
            row_count = len(self.mirror.rows(kind))
            if row_count == 0:
                one.complete = False  # the index was deleted or is new: what was saved is no longer true
        await self._compare_all()

    def look_again(self, kind: str, keys: Iterable[str]) -> None:
        """Bring these rows up to date with the next poll, whatever their watermark says."""
        self._again.setdefault(kind, set()).update(keys)

    async def _tick(self) -> None:
        now = time.monotonic()
        if self._asked.is_set() or now - self._compared > self._settings.reconcile_s:
            self._asked.clear()
            await self._compare_all()
            return
        polls = {kind: await self._poll(kind, column) for kind, column in self._watermarks.items()}
        changed = {kind: list(poll.fresh) for kind, poll in polls.items()}
        for kind, keys in self._again.items():
            changed[kind] = [*changed.get(kind, ()), *keys]
        self._again = {}
        sweeping = now - self._swept > self._settings.sweep_s
        if sweeping:
            self._swept = now
            await self._sweep(changed)
        wrote = await self._passes.apply({kind: keys for kind, keys in changed.items() if keys})
        for kind, poll in polls.items():
            self._seen[kind], self._progress[kind].cursor = poll.found, poll.cursor
        for kind, one in self._progress.items():
            if kind in self._watermarks or sweeping:
                _keep_refusal(one)
        if wrote or sweeping:
            await self._save()
        await self._flush(now)

    async def _compare_all(self) -> None:
        allow, self._allow_deletes = self._allow_deletes, False
        for one in self._progress.values():
            one.running = True
        try:
            began = await self._records.now()
            await self._passes.learn_identities()
            for kind in self._kinds:
                await self._compare(kind, began, allow_deletes=allow)
        finally:
            for one in self._progress.values():
                one.running = False
        self._compared = self._swept = time.monotonic()
        await self._index.flush()
        await self._save()
        self.caught_up.set()

    async def _compare(self, kind: str, began: datetime, *, allow_deletes: bool) -> None:
        one = self._progress[kind]
        try:
            await self._passes.compare(kind, allow_deletes=allow_deletes)
        except TooManyGone as stopped:
            log.warning("sync.stopped", entity=kind)
            one.succeeded()
            one.error = str(stopped)
        else:
            one.succeeded()
        one.complete, one.cursor, one.running = True, began, False
        self._seen[kind] = {}
        log.info("sync.compared", entity=kind, rows=len(self.mirror.rows(kind)))

    async def _poll(self, kind: str, column: str) -> _Poll:
        """Keys whose watermark is new.

        A transaction may commit long after the time it writes, so a while before the cursor is read
        again; what was seen there with the same time is left out.
        """
        cursor = self._progress[kind].cursor or datetime.min.replace(tzinfo=UTC)
        since = cursor - timedelta(seconds=self._settings.overlap_s) if cursor.year > 1 else cursor
        found = await self._records.changed(kind, column, since)
        seen = self._seen[kind]
        fresh = [key for key, at in found.items() if seen.get(key) != at]
        return _Poll(fresh, found, max(found.values(), default=cursor))

    async def _sweep(self, changed: dict[str, list[str]]) -> None:
        """Take out what is gone, add what is new, and compare what has no watermark."""
        for kind in self._kinds:
            try:
                if kind in self._watermarks:
                    changed[kind] = [*changed.get(kind, []), *await self._passes.sweep(kind)]
                else:
                    await self._passes.compare(kind)
            except TooManyGone as stopped:
                self._progress[kind].error = str(stopped)

    async def _save(self) -> None:
        rows = {kind: len(self.mirror.rows(kind)) for kind in self._kinds}
        await save_progress(self._database, self._progress, rows, await self._index.counts(self._kinds))

    async def _flush(self, now: float) -> None:
        if now - self._flushed > _FLUSH_S:
            self._flushed = now
            await self._index.flush()

    def _failed(self, error: CrmError | CloisterError) -> None:
        self.missing = "CRM database" if isinstance(error, CrmUnavailable) else "record sync"
        if isinstance(error, PartUnavailable):
            self.missing = error.part
        for kind in self._kinds:
            self._seen[kind] = {}
            self._progress[kind].error = str(error)
            self._progress[kind].running = False
        log.warning("sync.waiting", part=self.missing, reason=type(error).__name__)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return


def _keep_refusal(one: Progress) -> None:
    """Up to date, though deletions that a person was asked about still wait for the answer."""
    refusal = one.error if one.error and "--allow-deletes" in one.error else None
    one.succeeded()
    one.error = refusal
