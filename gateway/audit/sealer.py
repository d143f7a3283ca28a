"""The sealer: gives committed events their place in the record, and signs its head.

Events are ordered by transaction, and only those older than every running transaction are taken, so that none
can appear later before one already sealed.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.principal import read_key

from .chain import COLUMNS, GENESIS, entry_of, leaf_of, link
from .merkle import Frontier
from .notes import CheckpointSigner
from .settings import AnchorSettings
from .tree import Node, add_nodes, complete, frontier_of, stored

CHECKPOINT_ENTRIES: Final = 256
_LOCK: Final = 0x5EA1
_BATCH: Final = 2_000
_ROUNDS: Final = 20
_HEAD: Final = text(
    "SELECT s.sequence, s.hash, e.txid FROM gateway.audit_seal s"
    " JOIN gateway.audit_event e ON e.id = s.event_id ORDER BY s.sequence DESC LIMIT 1"
)
_SIGNED: Final = text(
    "SELECT sequence, extract(epoch FROM clock_timestamp() - at) AS seconds"
    " FROM gateway.audit_checkpoint ORDER BY sequence DESC LIMIT 1"
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
_SEAL: Final = text(
    "INSERT INTO gateway.audit_seal (sequence, event_id, leaf, hash)"
    " SELECT * FROM unnest(CAST(:sequences AS bigint[]), CAST(:events AS uuid[]),"
    " CAST(:leaves AS bytea[]), CAST(:hashes AS bytea[]))"
)
_CHECKPOINT: Final = text(
    "INSERT INTO gateway.audit_checkpoint (sequence, hash, signed, at)"
    " VALUES (:sequence, :hash, :signed, clock_timestamp())"
)


@dataclass
class _Head:
    """Where the record ends while a batch is appended to it."""

    sequence: int
    hash: bytes
    frontier: Frontier
    signed: int


class Sealer:
    """Seals in batches; any number of processes may try, an advisory lock lets one through."""

    def __init__(self, database: Database, settings: AnchorSettings) -> None:
        self._database = database
        self._signer = CheckpointSigner(settings.origin, read_key(settings.key_file))
        self._seconds = settings.every_s
        self._looked_back = False

    async def seal(self) -> int:
        """Seal what is committed, and sign a checkpoint when one is due; gives the number of events."""
        total = 0
        for _ in range(_ROUNDS):
            sealed = await self._seal_batch()
            total += sealed
            if sealed < _BATCH:
                break
        return total

    async def _seal_batch(self) -> int:
        async with self._database.transaction() as session:
            connection = await session.connection()
            lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
            if not (await connection.execute(lock, {"lock": _LOCK})).scalar_one():
                return 0
            last = (await connection.execute(_HEAD)).one_or_none()
            if not self._looked_back:
                await complete(session, last.sequence if last else 0)
            rows = await self._unsealed(session, last.txid if last else 0)
            signed = (await connection.execute(_SIGNED)).one_or_none()
            due = signed is None or signed.seconds >= self._seconds
            behind = (last.sequence if last else 0) - (signed.sequence if signed else 0) + len(rows)
            if not rows and not (due and behind):
                return 0
            head = _Head(
                last.sequence if last else 0,
                bytes(last.hash) if last else GENESIS,
                await frontier_of(session, last.sequence if last else 0),
                signed.sequence if signed else 0,
            )
            await self._append(session, head, rows)
            if due and head.sequence > head.signed:
                await self._sign(session, head)
            return len(rows)

    async def _unsealed(self, session: AsyncSession, newest: int) -> list[Any]:
        """Committed events in their order; what a restored database brought with it is looked for once."""
        connection = await session.connection()
        if not self._looked_back:
            rows = list((await connection.execute(_RESTORED, {"batch": _BATCH})).all())
            if rows:
                return rows
            self._looked_back = True
        current = text("SELECT (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint")
        begun = (await connection.execute(current)).scalar_one()
        mark = newest if newest < begun else 0  # all that is older than what was sealed last is sealed
        return list((await connection.execute(_COMMITTED, {"batch": _BATCH, "mark": mark})).all())

    async def _append(self, session: AsyncSession, head: _Head, rows: list[Any]) -> None:
        """Give each event its place; a checkpoint after every 256 since the last."""
        seals: list[tuple[int, Any, bytes, bytes]] = []
        nodes: list[Node] = []
        notes: list[dict[str, object]] = []
        for row in rows:
            head.sequence += 1
            leaf = leaf_of(entry_of(row))
            head.hash = link(head.hash, head.sequence, leaf)
            seals.append((head.sequence, row.id, leaf, head.hash))
            nodes += stored(head.frontier.append(leaf))
            if head.sequence - head.signed >= CHECKPOINT_ENTRIES:
                notes.append(self._note(head))
        if not seals:
            return
        connection = await session.connection()
        sequences, events, leaves, hashes = (list(column) for column in zip(*seals, strict=True))
        await connection.execute(
            _SEAL, {"sequences": sequences, "events": events, "leaves": leaves, "hashes": hashes}
        )
        await add_nodes(session, nodes)
        if notes:
            await connection.execute(_CHECKPOINT, notes)

    async def _sign(self, session: AsyncSession, head: _Head) -> None:
        await (await session.connection()).execute(_CHECKPOINT, [self._note(head)])

    def _note(self, head: _Head) -> dict[str, object]:
        root, head.signed = head.frontier.root(), head.sequence
        return {
            "sequence": head.sequence,
            "hash": root,
            "signed": self._signer.sign(head.sequence, root),
        }
