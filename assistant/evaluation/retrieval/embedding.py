"""The embedding model of an appliance, in this process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from gateway import Principal
from models import load_encoder


class InProcess:
    """Makes vectors without a door: what it is given must be masked already."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled, EntryDamaged."""
        self._encoder = load_encoder(folder)

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: str) -> list[list[float]]:
        """One vector a text, in their order."""
        del principal, purpose
        encoded = await asyncio.to_thread(self._encoder.encode, list(texts))
        return [row.tolist() for row in encoded.vectors]
