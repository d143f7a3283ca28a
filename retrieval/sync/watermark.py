"""The change feed of a CRM that has no log for us: its own times of change, asked for again and again."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from retrieval.crm import RowUnreadable
from retrieval.records import Records
from retrieval.settings import SyncSettings

from .feed import Batch, FeedState, Opened
from .progress import Progress

_WHOLE_SECOND: Final = timedelta(seconds=5)  # with room for clocks that differ


class WatermarkFeed:
    """Polls the columns that say when a row was changed. It hears of no deletion, so it covers no kind.

    A transaction may commit long after the time it writes, so a while before the cursor is read again;
    what was seen there with the same time is left out.
    """

    covered: frozenset[str] = frozenset()

    def __init__(
        self,
        records: Records,
        columns: Mapping[str, str],
        progress: Mapping[str, Progress],
        settings: SyncSettings,
        because: str = "",
    ) -> None:
        """`columns` are by kind; `progress` keeps the cursors; `because` says why nothing better is used."""
        self._records = records
        self._columns = columns
        self._progress = progress
        self._settings = settings
        self.because = because
        self.blind: set[str] = set()
        """Kinds whose times cannot be read at the moment: they must be compared."""
        self._seen: dict[str, dict[str, datetime]] = {}
        self._found: dict[str, datetime] = {}
        self._polled = 0.0
        self._position = 0

    async def open(self) -> Opened:
        """Begin; every kind must be compared, as nothing tells what was deleted meanwhile."""
        self._seen, self._found, self._polled = {}, {}, 0.0
        return Opened(frozenset(self._progress))

    def forget(self) -> None:
        """Poll at once, and look again at all that was seen within the overlap."""
        self._seen, self._polled = {}, 0.0

    async def next(self, max_wait: float) -> Batch:
        due = self._polled + self._settings.poll_s - time.monotonic()
        if due > 0:
            await asyncio.sleep(min(due, max_wait))
        if due > max_wait:
            return Batch(position=self._position)
        self._polled = time.monotonic()
        changes = {}
        for kind, column in self._columns.items():
            if fresh := await self._poll(kind, column):
                changes[kind] = fresh
        self._position += 1
        return Batch(changes, position=self._position)

    async def confirm(self, position: int, sound: frozenset[str]) -> None:  # noqa: ARG002 - no slot to keep
        if position == self._position:
            for kind, at in self._found.items():
                self._progress[kind].cursor = at

    async def state(self) -> FeedState:
        return FeedState(mode="watermark", because=self.because)

    async def close(self) -> None:
        self.forget()

    async def _poll(self, kind: str, column: str) -> frozenset[str]:
        cursor = self._progress[kind].cursor or datetime.min.replace(tzinfo=UTC)
        since = cursor - timedelta(seconds=self._settings.overlap_s) if cursor.year > 1 else cursor
        try:
            found = await self._records.changed(kind, column, since)
        except RowUnreadable:  # a time that is none
            self.blind.add(kind)
            return frozenset()
        self.blind.discard(kind)
        seen, now = self._seen.get(kind, {}), datetime.now(UTC)
        # of two changes within a second a time in whole seconds tells one: such rows are looked at again
        self._seen[kind] = {
            key: at for key, at in found.items() if at.microsecond or now - at > _WHOLE_SECOND
        }
        # a time in the future must not hide what is changed until then
        self._found[kind] = min(max(found.values(), default=cursor), max(now, cursor))
        return frozenset(key for key, at in found.items() if seen.get(key) != at)
