"""What is sealed of an event: its canonical JSON, the leaf that is its hash, and how leaves are linked."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from .merkle import leaf_hash

GENESIS: Final = b"\0" * 32
COLUMNS: Final = (
    "id, at, event, actor, roles, conversation, run, subject, detail, correlation, txid, salt, origin, "
    "erased_at"
)
"""What of `gateway.audit_event` is needed for `entry_of`."""
_canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def entry_of(row: Any) -> dict[str, Any]:
    """What is sealed of an event, from a row with `COLUMNS`: JSON values alone.

    `salt` is random and goes when the content is erased, so that nobody can find it again by trying out what
    has the leaf's hash. What earlier versions did not record is left out, so that their leaves still hold.
    """
    at: datetime = row.at
    entry = {
        "id": str(row.id),
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "event": row.event,
        "actor": row.actor,
        "roles": row.roles,
        "conversation": row.conversation,
        "run": row.run,
        "subject": row.subject,
        "detail": row.detail,
        "correlation": row.correlation,
        "txid": row.txid,
    }
    if row.salt is not None:
        entry["salt"] = bytes(row.salt).hex()
    if row.origin is not None:
        entry["origin"] = row.origin
    return entry


def leaf_of(entry: Mapping[str, Any]) -> bytes:
    """The leaf: SHA-256(0x00 || canonical JSON), which has sorted keys, no spaces and ASCII alone."""
    return leaf_hash(_canonical(entry).encode())


def link(previous: bytes, sequence: int, leaf: bytes) -> bytes:
    """The chain's hash after a leaf: SHA-256(0x01 || previous || sequence in eight bytes || leaf)."""
    return sha256(b"\1" + previous + sequence.to_bytes(8, "big") + leaf).digest()


def as_id(text: str) -> uuid.UUID | None:
    """An event's id, None for what is not one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
