"""The replication slot: how it is, and what was remembered of it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from gateway import Database
from retrieval.crm.database import AsyncConnection, dict_row
from retrieval.sync.feed import Loss
from retrieval.sync.tables import SyncRow

from .wire import lsn_of

_SLOT = """
SELECT s.plugin, s.database = current_database() AS here, s.active, s.wal_status, s.safe_wal_size,
       coalesce(to_jsonb(s) ->> 'invalidation_reason', '') AS invalidated,
       s.confirmed_flush_lsn::text AS confirmed,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint AS behind,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint AS retained
  FROM pg_replication_slots s WHERE s.slot_name = %(slot)s
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot as the CRM has it. `retained` bytes of log are kept for it, `safe` more may be written."""

    plugin: str
    here: bool
    active: bool
    wal_status: str
    invalidated: str
    confirmed: int
    retained: int | None
    safe: int | None

    @property
    def lost(self) -> Loss | None:
        """Why nothing can be read from it any more, None when it can."""
        if self.wal_status == "lost" or self.invalidated:
            because = self.invalidated or "max_slot_wal_keep_size"
            return Loss("given_up", f"the CRM gave up its log ({because})")
        if self.plugin != "pgoutput" or not self.here:
            return Loss("not_ours", "it is for another plugin or another database")
        return None


async def find_slot(connection: AsyncConnection[Any], name: str) -> Slot | None:
    """The slot of this name, if there is one."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SLOT, {"slot": name})
        row = await cursor.fetchone()
    if row is None:
        return None
    return Slot(
        plugin=row["plugin"] or "",
        here=bool(row["here"]),
        active=bool(row["active"]),
        wal_status=row["wal_status"] or "lost",
        invalidated=row["invalidated"],
        confirmed=lsn_of(row["confirmed"] or "0/0"),
        retained=row["retained"],
        safe=row["safe_wal_size"],
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where a kind is in the index, and through which slot of which CRM: kept for the next start.

    `prints` is what was published of the kind and how it is cut; `lsn` the position that was confirmed.
    """

    system: str
    slot: str
    prints: str
    lsn: int


async def read_marks(database: Database) -> dict[str, Mark]:
    """What was remembered, kind by kind; what cannot be read was not."""
    async with database.transaction() as session:
        rows = await session.exec(select(SyncRow.entity, SyncRow.slot))
        return {entity: mark for entity, slot in rows if slot and (mark := _mark(slot))}


def _mark(saved: str) -> Mark | None:
    try:
        return Mark(**json.loads(saved))
    except (ValueError, TypeError):
        return None


async def save_marks(database: Database, marks: Mapping[str, Mark], forgotten: Collection[str]) -> None:
    """Remember these, and nothing of the `forgotten` kinds."""
    values: list[dict[str, Any]] = [
        {"entity": kind, "slot": json.dumps(asdict(mark))} for kind, mark in marks.items()
    ]
    values += [{"entity": kind, "slot": None} for kind in forgotten]
    fresh = {"rows": 0, "points": 0, "vectors": 0, "complete": False}
    statement = insert(SyncRow).values([{**fresh, **value} for value in values])
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["entity"], set_={"slot": statement.excluded.slot})
        )
