"""Which answers without risk a person reads all the same: by chance, the same for a run at every try."""

import hashlib
import hmac
import uuid
from typing import Final

_BITS: Final = 64


def is_sampled(run: uuid.UUID, share: float, secret: bytes) -> bool:
    """Whether chance chose this run. Nobody who lacks the secret can tell in advance which it chooses."""
    digest = hmac.digest(secret, b"sampled" + run.bytes, hashlib.sha256)
    drawn = int.from_bytes(digest[: _BITS // 8], "big")
    return drawn < int(share * (1 << _BITS))
