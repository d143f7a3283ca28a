"""Which answers without risk a person reads all the same: by chance, the same for a run at every try."""

import hashlib
import hmac
import secrets
import uuid
from typing import Final

_BITS: Final = 64


def is_sampled(run: uuid.UUID, share: float, secret: bytes) -> bool:
    """Whether chance chose this run. Nobody who lacks the secret can tell in advance which it chooses."""
    digest = hmac.digest(secret, b"sampled" + run.bytes, hashlib.sha256)
    drawn = int.from_bytes(digest[: _BITS // 8], "big")
    return drawn < int(share * (1 << _BITS))


def is_drawn(share: float) -> bool:
    """Whether chance chooses, once: what is drawn is kept with the item."""
    return secrets.randbelow(1 << _BITS) < int(share * (1 << _BITS))
