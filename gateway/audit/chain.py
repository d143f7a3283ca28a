"""The hash chain: what an event's leaf is, and how leaves are linked."""

import json
from datetime import UTC
from hashlib import sha256
from typing import Final

from .tables import AuditRow

GENESIS: Final = b"\0" * 32


def leaf(row: AuditRow) -> bytes:
    """SHA-256 of the event's canonical JSON (sorted keys, no spaces, UTC times)."""
    content = {
        "id": str(row.id),
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds") if row.at else None,
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
    return sha256(b"\0" + json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).digest()


def link(previous: bytes, sequence: int, leaf_hash: bytes) -> bytes:
    """The chain's hash after appending a leaf; prefixes keep leaves and links apart (RFC 6962)."""
    return sha256(b"\1" + previous + sequence.to_bytes(8, "big") + leaf_hash).digest()
