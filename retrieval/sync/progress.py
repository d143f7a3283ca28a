"""How far each kind of record is: kept in memory, saved for the next start."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from gateway import Database
from retrieval.index import Counts

from .tables import SyncRow


@dataclass
class Progress:
    """One kind. `cursor` is the watermark in the CRM's clock up to which everything has been read.

    `gone` rows wait for a person's word and `kept` ones stay by it (see `Brake`); `mode` says how the kind is
    followed, by which replication `slot` if by one.
    """

    complete: bool = False
    running: bool = False
    cursor: datetime | None = None
    last_sync: datetime | None = None
    error: str | None = None
    mode: str | None = None
    slot: str | None = None
    gone: int = 0
    kept: int = 0

    def succeeded(self) -> None:
        """The index was compared with the CRM just now."""
        self.last_sync = datetime.now(UTC)
        self.error = None

    @property
    def lag_seconds(self) -> float | None:
        """Seconds since the index was last known to be up to the CRM."""
        return (datetime.now(UTC) - self.last_sync).total_seconds() if self.last_sync else None


async def read_progress(database: Database, kinds: Iterable[str]) -> dict[str, Progress]:
    """What was saved; a kind that was never synced is new."""
    async with database.transaction() as session:
        saved = {row.entity: row for row in await session.exec(select(SyncRow))}
    progress = {kind: Progress() for kind in kinds}
    for kind, one in progress.items():
        if row := saved.get(kind):
            one.complete, one.cursor = row.complete, row.cursor
            one.last_sync, one.error = row.last_sync, row.error
            one.gone, one.kept = row.gone, row.kept
    return progress


async def save_progress(
    database: Database,
    progress: dict[str, Progress],
    rows: dict[str, int],
    counts: dict[str, Counts],
) -> None:
    """Save all of it."""
    values = [
        {
            "entity": kind,
            "rows": rows[kind],
            "points": counts[kind].points,
            "vectors": counts[kind].vectors,
            "complete": one.complete,
            "cursor": one.cursor,
            "last_sync": one.last_sync,
            "error": one.error,
            "mode": one.mode,
            "gone": one.gone,
            "kept": one.kept,
        }
        for kind, one in progress.items()
    ]
    statement = insert(SyncRow).values(values)
    names = [name for name in values[0] if name != "entity"]
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["entity"], set_={name: statement.excluded[name] for name in names}
            )
        )
