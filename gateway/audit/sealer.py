"""The sealer: gives committed events their place in the record.

Events are ordered by transaction, and only those older than every running transaction are taken, so that none
can appear later before one already sealed.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database

from .chain import COLUMNS, GENESIS, entry_of, leaf_of, link
from .merkle import Frontier
from .tree import Node, add_nodes, complete, frontier_of, stored

_LOCK: Final = 0x5EA1
_BATCH: Final = 2_000
_ROUNDS: Final = 20
_HEAD: Final = text(
    "SELECT s.sequence, s.hash, e.txid FROM gateway.audit_seal s"
    " JOIN gateway.audit_event e ON e.id = s.event_id ORDER BY s.sequence DESC LIMIT 1"
)
# A number of a transaction that has not begun yet comes from the cluster this database was restored from.
_UNSEALED: Final = f"""
    WITH now AS MATERIALIZED (
        SELECT (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint AS oldest,
               (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint AS newest)
    SELECT {COLUMNS} FROM gateway.audit_event e
    WHERE NOT EXISTS (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id) AND {{which}}
    ORDER BY e.txid, e.at, e.id LIMIT :batch
    """  # noqa: S608 - constants
_COMMITTED: Final = text(
    _UNSEALED.format(which="e.txid >= :mark AND e.txid < (SELECT oldest FROM now)"),
)
_RESTORED: Final = text(_UNSEALED.format(which="e.txid >= (SELECT newest FROM now)"))
_BEGUN: Final = text("SELECT (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint")
_SEAL: Final = text(
    "INSERT INTO gateway.audit_seal (sequence, event_id, leaf, hash)"
    " SELECT * FROM unnest(CAST(:sequences AS bigint[]), CAST(:events AS uuid[]),"
    " CAST(:leaves AS bytea[]), CAST(:hashes AS bytea[]))"
)


@dataclass
class _Head:
    """Where the record ends while a batch is appended to it."""

    sequence: int
    hash: bytes
    frontier: Frontier


class Sealer:
    """Seals in batches; any number of processes may try, an advisory lock lets one through."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked_back = False

    async def seal(self) -> int:
        """Seal what is committed; gives the number of events."""
        total = 0
        for _ in range(_ROUNDS):
            sealed = await self._seal_batch()
            total += sealed
            if sealed < _BATCH:
                break
        return total

    async def _seal_batch(self) -> int:
        async with self._locked() as session:
            if session is None:
                return 0
            connection = await session.connection()
            last = (await connection.execute(_HEAD)).one_or_none()
            size = last.sequence if last else 0
            if not self._looked_back:
                await complete(session, size)
            rows = await self._unsealed(session, last.txid if last else 0)
            if rows:
                head = _Head(size, bytes(last.hash) if last else GENESIS, await frontier_of(session, size))
                await _append(session, head, rows)
            return len(rows)

    async def _unsealed(self, session: AsyncSession, newest: int) -> Sequence[Any]:
        """Committed events in their order; what a restored database brought with it is looked for once."""
        connection = await session.connection()
        if not self._looked_back:
            rows = (await connection.execute(_RESTORED, {"batch": _BATCH})).all()
            if rows:
                return rows
            self._looked_back = True
        begun = (await connection.execute(_BEGUN)).scalar_one()
        mark = newest if newest < begun else 0  # all that is older than what was sealed last is sealed
        return (await connection.execute(_COMMITTED, {"batch": _BATCH, "mark": mark})).all()

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[AsyncSession | None]:
        """A transaction that no other sealer is in; None while one is."""
        async with self._database.transaction() as session:
            lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
            free = (await (await session.connection()).execute(lock, {"lock": _LOCK})).scalar_one()
            yield session if free else None


async def _append(session: AsyncSession, head: _Head, rows: Sequence[Any]) -> None:
    """Give each event its place."""
    seals: list[tuple[int, Any, bytes, bytes]] = []
    nodes: list[Node] = []
    for row in rows:
        head.sequence += 1
        leaf = leaf_of(entry_of(row))
        head.hash = link(head.hash, head.sequence, leaf)
        seals.append((head.sequence, row.id, leaf, head.hash))
        nodes += stored(head.frontier.append(leaf))
    sequences, events, leaves, hashes = (list(column) for column in zip(*seals, strict=True))
    sealed = {"sequences": sequences, "events": events, "leaves": leaves, "hashes": hashes}
    await (await session.connection()).execute(_SEAL, sealed)
    await add_nodes(session, nodes)
