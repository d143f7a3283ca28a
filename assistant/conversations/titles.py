"""Titles as their owner reads them, asked of the door once and not at every look at the list."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gateway import DoorClient, Principal

from .tables import Conversation

_KEPT_SECONDS: Final = 300
_KEPT: Final = 20_000
_PORTION: Final = 200

_Key = tuple[str, uuid.UUID, str]


class Titles:
    """Restored titles of this process's readers, in memory only.

    A title holds only what its owner typed, so no rights are asked. One that is kept may name somebody who
    was erased for five minutes more.
    """

    def __init__(self, door: DoorClient) -> None:
        self._door = door
        self._kept: OrderedDict[_Key, tuple[float, str]] = OrderedDict()

    async def of(self, principal: Principal, conversations: Sequence[Conversation]) -> list[str]:
        """The titles in the same order; those that are not known are restored in one call to the door."""
        keys = [(principal.id, one.id, one.title) for one in conversations]
        unknown = [key for key in dict.fromkeys(keys) if "<" in key[2] and self._known(key) is None]
        now = time.monotonic()
        for start in range(0, len(unknown), _PORTION):
            some = unknown[start : start + _PORTION]
            texts = await self._door.restore_typed(principal, [(place, title) for _, place, title in some])
            self._kept |= {key: (now, text) for key, text in zip(some, texts, strict=True)}
        titles = [self._known(key) or key[2] for key in keys]
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return titles

    def _known(self, key: _Key) -> str | None:
        at, title = self._kept.get(key, (0.0, None))
        return title if title is not None and time.monotonic() - at < _KEPT_SECONDS else None
