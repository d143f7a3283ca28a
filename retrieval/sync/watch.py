"""How far the writer is, as a process sees it that only searches: by what the writer saved."""

import asyncio
from collections.abc import Iterable
from typing import Final

from sqlmodel import select

from gateway import CloisterError, Conflict, Database, log
from retrieval.search.values import EntitySync, Following, SyncStatus

from .progress import Progress, read_progress
from .tables import SyncRow

_LOOK_S: Final = 2.0
_STALE_S: Final = 45.0
"""The writer saves its progress every few seconds; later than this it is behind, or gone."""

ONLY_SEARCHES: Final = "This process only searches; ask the one that has the role of the writer."


class WriterWatch:
    """Reads the writer's progress again and again; nothing here changes anything."""

    def __init__(self, database: Database, kinds: Iterable[str]) -> None:
        self._database = database
        self._kinds = tuple(kinds)
        self._progress: dict[str, Progress] = {kind: Progress() for kind in self._kinds}
        self.missing: str | None = "record index"
        """The part that keeps this from working, None when nothing does."""

    @property
    def ready(self) -> bool:
        """Whether the writer has compared every kind with the CRM once."""
        return all(one.complete for one in self._progress.values())

    @property
    def stale(self) -> bool:
        """Whether the index is behind the CRM, or nobody says how far it is."""
        return self.missing is not None or any(
            one.lag_seconds is None or one.lag_seconds > _STALE_S for one in self._progress.values()
        )

    async def look(self) -> None:
        """Read the progress once. Raises `PartUnavailable`."""
        self._progress = await read_progress(self._database, self._kinds)
        self.missing = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except CloisterError as error:
                if self.missing != "database":
                    log.warning("writer.unseen", reason=type(error).__name__)
                self.missing = "database"
            await asyncio.sleep(_LOOK_S)

    def ask(self, *, allow_deletes: bool) -> None:
        """Raises `Conflict`: only the writer compares."""
        del allow_deletes
        raise Conflict(ONLY_SEARCHES)

    async def status(self) -> SyncStatus:
        """How far each kind is, as the writer saved it last."""
        async with self._database.transaction() as session:
            rows = {row.entity: row for row in await session.exec(select(SyncRow))}
        return SyncStatus(
            ready=self.ready,
            following=Following(mode="elsewhere", because=ONLY_SEARCHES),
            entities=tuple(
                EntitySync(
                    entity=kind,
                    rows=row.rows,
                    points=row.points,
                    vectors=row.vectors,
                    lag_seconds=self._progress[kind].lag_seconds,
                    last_sync=row.last_sync,
                    error=row.error,
                    running=False,
                    mode=row.mode,
                )
                for kind in self._kinds
                if (row := rows.get(kind) or SyncRow(entity=kind))
            ),
        )
