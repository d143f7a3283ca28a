"""The sealer: gives committed events their sequence and hash, and anchors signed checkpoints.

Events are ordered by transaction, and only those older than every running transaction are taken, so
that none can appear later before one already sealed.
"""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.jwk import OKPKey
from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.principal import read_key
from gateway.settings import ExistingFile, Settings

from .chain import GENESIS, leaf, link
from .tables import AuditCheckpoint, AuditRow, AuditSeal

ALGORITHM: Final = "Ed25519"
CHECKPOINT_ENTRIES: Final = 256
CHECKPOINT_SECONDS: Final = 60
_LOCK: Final = 0x5EA1
_BATCH: Final = 1000
_UNSEALED: Final = text(
    """
    SELECT e.id FROM gateway.audit_event e
    WHERE e.txid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
      AND NOT EXISTS (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id)
    ORDER BY e.txid, e.at, e.id LIMIT :batch
    """
)


class AnchorSettings(Settings):
    """Where checkpoints are anchored, outside the database, and the key that signs them."""

    folder: Path
    key_file: ExistingFile


class Sealer:
    """Seals in batches; any number of processes may try, an advisory lock lets one through."""

    def __init__(self, database: Database, settings: AnchorSettings) -> None:
        self._database = database
        self._folder = settings.folder
        self._key = read_key(settings.key_file)
        self._anchored_at = 0.0

    async def seal(self) -> int:
        """Seal what is committed; gives the number of events. Anchors a checkpoint when one is due."""
        async with self._database.transaction() as session:
            if not (await session.exec(select(func.pg_try_advisory_xact_lock(_LOCK)))).one():
                return 0
            head = await _head(session)
            rows = await _unsealed(session)
            sequence, previous = (head.sequence, head.hash) if head else (0, GENESIS)
            for row in rows:
                sequence += 1
                leaf_hash = leaf(row)
                previous = link(previous, sequence, leaf_hash)
                session.add(AuditSeal(sequence=sequence, event_id=row.id, leaf=leaf_hash, hash=previous))
            await session.flush()
            if await self._is_due(session, sequence):
                await self._checkpoint(session, sequence, previous)
            return len(rows)

    async def _is_due(self, session: AsyncSession, sequence: int) -> bool:
        newest = select(AuditCheckpoint).order_by(col(AuditCheckpoint.sequence).desc()).limit(1)
        last = (await session.exec(newest)).first()
        behind = sequence - (last.sequence if last else 0)
        waited = time.monotonic() - self._anchored_at
        return behind >= CHECKPOINT_ENTRIES or (behind > 0 and waited >= CHECKPOINT_SECONDS)

    async def _checkpoint(self, session: AsyncSession, sequence: int, head: bytes) -> None:
        signed = sign_checkpoint(self._key, sequence, head)
        session.add(AuditCheckpoint(sequence=sequence, hash=head, signed=signed))
        await session.flush()
        _append_durably(
            self._folder / "checkpoints.jsonl", json.dumps({"sequence": sequence, "signed": signed})
        )
        self._anchored_at = time.monotonic()


def sign_checkpoint(key: OKPKey, sequence: int, head: bytes) -> str:
    """A compact JWS over the sequence, the head's hash and the time."""
    payload = {
        "sequence": sequence,
        "hash": head.hex(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return jws.serialize_compact({"alg": ALGORITHM}, json.dumps(payload), key, algorithms=[ALGORITHM])


async def _head(session: AsyncSession) -> AuditSeal | None:
    newest = select(AuditSeal).order_by(col(AuditSeal.sequence).desc()).limit(1)
    return (await session.exec(newest)).first()


async def _unsealed(session: AsyncSession) -> list[AuditRow]:
    found = await (await session.connection()).execute(_UNSEALED, {"batch": _BATCH})
    ids = [row.id for row in found]
    rows = {row.id: row for row in await session.exec(select(AuditRow).where(col(AuditRow.id).in_(ids)))}
    return [rows[key] for key in ids]


def _append_durably(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
