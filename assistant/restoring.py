"""Show stored text to one viewer: tokens become what this viewer may read, at the moment of reading."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway import DoorClient, PartUnavailable, Principal, log
from retrieval import RetrievalClient

_GRANT_SECONDS: Final = 20
_AGAIN_SECONDS: Final = 3
_PORTION: Final = 256
_PORTION_CHARACTERS: Final = 200_000


class Viewer:
    """One viewer of one conversation. Rights are asked for anew every twenty seconds.

    When rights cannot be asked, only what the viewer typed is restored and the rest stays tokens.
    """

    def __init__(
        self, door: DoorClient, retrieval: RetrievalClient, principal: Principal, conversation: uuid.UUID
    ) -> None:
        self._door = door
        self._retrieval = retrieval
        self._principal = principal
        self._conversation = conversation
        self._grant: str | None = None
        self._granted_at = float("-inf")

    async def texts(self, texts: Sequence[str]) -> list[str]:
        """The texts as this viewer may read them, in the same order."""
        wanted = list(dict.fromkeys(text for text in texts if "<" in text))
        if not wanted:
            return list(texts)
        grant = await self._current_grant()
        shown = await restored_texts(self._door, self._principal, self._conversation, wanted, grant)
        return [shown.get(text, text) for text in texts]

    async def visible(self, records: frozenset[str]) -> frozenset[str]:
        """Those of some records that this viewer may see at this moment. Raises `PartUnavailable`."""
        return frozenset(await self._retrieval.visible(self._principal, tuple(sorted(records))))

    async def values(self, values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """JSON values with every text in them restored, in one call."""
        found: list[str] = []
        for value in values:
            _collect(value, found)
        shown = iter(await self.texts(found))
        return [_replace(value, shown) for value in values]

    def expect_new_tokens(self) -> None:
        """Ask for rights again at the next text: it may name entities the grant does not know."""
        self._granted_at = float("-inf")

    async def _current_grant(self) -> str | None:
        if time.monotonic() - self._granted_at < _GRANT_SECONDS:
            return self._grant
        entities = await self._door.entities(self._principal, self._conversation)
        self._grant = None
        if entities:
            try:
                answer = await self._retrieval.grant(
                    self._principal, str(self._conversation), entities=tuple(entities)
                )
                self._grant = answer.grant
            except PartUnavailable as error:
                log.warning("restore.without_rights", part=error.part)
                self._granted_at = time.monotonic() - _GRANT_SECONDS + _AGAIN_SECONDS
                return None
        self._granted_at = time.monotonic()
        return self._grant


async def restored_texts(
    door: DoorClient, principal: Principal, conversation: uuid.UUID, texts: Sequence[str], grant: str | None
) -> dict[str, str]:
    """Each text as the door restores it under a grant; as many calls as the door's limits ask for."""
    shown: dict[str, str] = {}
    for some in _portions(texts):
        restored = await door.restore(principal, conversation, some, grant)
        shown |= zip(some, restored.texts, strict=True)
    return shown


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """As many texts at a time as the door takes in one request."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if portion and (len(portion) == _PORTION or size + len(text) > _PORTION_CHARACTERS):
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    if portion:
        yield portion


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, found)


def _replace(value: Any, shown: Any) -> Any:
    if isinstance(value, str):
        return next(shown)
    if isinstance(value, Mapping):
        return {key: _replace(item, shown) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(item, shown) for item in value]
    return value
