"""Checkpoints: the head of the sealed record is signed, while sealing goes on.

Nothing is written while the key service is asked, and no lock of the sealer's is held: it may be slow.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.keys import KeeperUnavailable
from gateway.telemetry import log

from .events import GatewayEvent, record
from .notes import VerifierKey, signers_of
from .settings import AnchorSettings
from .signing import open_signer
from .tree import root_of

CHECKPOINT_ENTRIES: Final = 256
_LOCK: Final = 0x5163
_BATCH: Final = 64
_SECONDS: Final = 10.0
_HEADS: Final = text(
    "SELECT coalesce((SELECT max(sequence) FROM gateway.audit_seal), 0) AS size,"
    " c.sequence, c.signed, extract(epoch FROM clock_timestamp() - c.at) AS seconds"
    " FROM (SELECT) AS one"
    " LEFT JOIN (SELECT * FROM gateway.audit_checkpoint ORDER BY sequence DESC LIMIT 1) c ON true"
)
_CHECKPOINT: Final = text(
    "INSERT INTO gateway.audit_checkpoint (sequence, hash, signed, at)"
    " VALUES (:sequence, :hash, :signed, clock_timestamp())"
)


class Checkpointing:
    """Signs what is due; any number of processes may try, an advisory lock lets one through."""

    def __init__(self, database: Database, settings: AnchorSettings) -> None:
        self._database = database
        self._signer = open_signer(settings)
        self._seconds = settings.every_s

    async def sign_due(self) -> int:
        """A checkpoint after every 256 events, and one over all when the last is old; gives their number.

        Raises `KeeperUnavailable` when the key service does not sign; what it has signed is kept.
        """
        total, last = 0, _BATCH
        while last == _BATCH:
            last = await self._sign_batch()
            total += last
        return total

    async def _sign_batch(self) -> int:
        failed: KeeperUnavailable | None = None
        notes: list[dict[str, Any]] = []
        async with self._database.transaction() as session:
            connection = await session.connection()
            lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
            if not (await connection.execute(lock, {"lock": _LOCK})).scalar_one():
                return 0
            last = (await connection.execute(_HEADS)).one()
            is_due = last.sequence is None or last.seconds >= self._seconds
            ends = monotonic() + _SECONDS
            try:
                for size in _sizes(last.sequence or 0, last.size, is_due=is_due):
                    root = await root_of(session, size)
                    notes.append(
                        {"sequence": size, "hash": root, "signed": await self._signer.sign(size, root)}
                    )
                    if monotonic() > ends:
                        break
            except KeeperUnavailable as error:
                failed = error
            if notes:
                await connection.execute(_CHECKPOINT, notes)
                _record_change(session, last.signed, await self._signer.verifier(), notes[0]["sequence"])
        if failed:
            raise failed
        return len(notes)


def _sizes(done: int, size: int, *, is_due: bool) -> Sequence[int]:
    """What to sign, 64 at most."""
    sizes = list(range(done + CHECKPOINT_ENTRIES, size + 1, CHECKPOINT_ENTRIES))[:_BATCH]
    if is_due and len(sizes) < _BATCH and size > (sizes[-1] if sizes else done):
        sizes.append(size)
    return sizes


def _record_change(session: AsyncSession, before: str | None, key: VerifierKey, size: int) -> None:
    """Another key signs than has signed last: that is in the record, and in the log."""
    signers = signers_of(before or "")
    if not signers or (key.name, key.id) in signers:
        return
    was, now = sorted(f"{name}+{each.hex()}" for name, each in signers), f"{key.name}+{key.id.hex()}"
    log.warning("audit.key_changed", size=size, was=was, now=now)
    record(session, GatewayEvent.KEY_CHANGED, "work", size=size, was=was, now=now)
