"""Envelope encryption: each subject has a data key of its own, wrapped by the keeper."""

import os
import time
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import NotFound

from .keeper import Keeper, KeeperUnavailable
from .tables import SubjectKey

CACHE_SECONDS: Final = 60
_NONCE: Final = 12


class SubjectErased(NotFound):
    """The subject's key has been destroyed: nothing sealed with it can be read again."""

    def __init__(self) -> None:
        super().__init__("This person's data has been erased.")


class Envelope:
    """Seals and opens values for subjects. Unwrapped keys live at most a minute in memory."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._open: dict[str, tuple[float, bytes]] = {}
        self._drop_at = 0.0
        self._hash_keys: dict[str, bytes] = {}

    async def seal(self, session: AsyncSession, subject: str, values: Sequence[str]) -> list[bytes]:
        """AES-256-GCM of each value under the subject's key, which is made at first use.

        Raises `SubjectErased` when the key was destroyed, `KeeperUnavailable`.
        """
        return await self.seal_many(session, [(subject, value) for value in values])

    async def seal_many(self, session: AsyncSession, items: Sequence[tuple[str, str]]) -> list[bytes]:
        """Seal (subject, value) pairs, the keys of all subjects being read in one statement."""
        keys = await self._keys(session, {subject for subject, _ in items}, create=True)
        return [_encrypt(keys[subject], value, subject) for subject, value in items]

    async def open_many(self, session: AsyncSession, items: Sequence[tuple[str, bytes]]) -> list[str | None]:
        """Open (subject, sealed) pairs; None where the subject has been erased."""
        keys = await self._keys(session, {subject for subject, _ in items}, create=False)
        return [
            _decrypt(keys[subject], sealed, subject) if subject in keys else None for subject, sealed in items
        ]

    async def destroy(self, session: AsyncSession, subject: str) -> bool:
        """Destroy a subject's key for good; True when there was one."""
        statement = (
            update(SubjectKey)
            .where(col(SubjectKey.subject) == subject, col(SubjectKey.wrapped).is_not(None))
            .values(wrapped=None, destroyed_at=func.now())
        )
        done = await session.exec(statement)
        self.forget(subject)
        return bool(getattr(done, "rowcount", 0))

    def forget(self, subject: str) -> None:
        """Drop an unwrapped key from memory."""
        self._open.pop(subject, None)

    async def hash_key(self, purpose: str) -> bytes:
        """The keeper's key for keyed hashes of one purpose."""
        if purpose not in self._hash_keys:
            self._hash_keys[purpose] = await self._keeper.hash_key(purpose)
        return self._hash_keys[purpose]

    async def _keys(self, session: AsyncSession, subjects: set[str], *, create: bool) -> dict[str, bytes]:
        now = time.monotonic()
        self._drop_expired(now)
        keys = {
            name: entry[1]
            for name in subjects
            if (entry := self._open.get(name)) is not None and entry[0] > now
        }
        missing = subjects - keys.keys()
        if not missing:
            return keys
        rows = await self._rows(session, missing)
        absent = sorted(missing - rows.keys())
        if create and absent:
            fresh = [
                {"subject": name, "wrapped": await self._keeper.wrap(os.urandom(32), name)} for name in absent
            ]
            await session.exec(insert(SubjectKey).on_conflict_do_nothing(), params=fresh)
            rows |= await self._rows(session, set(absent))  # another process may have been first
        if create and any(wrapped is None for wrapped in rows.values()):
            raise SubjectErased
        closed = [(wrapped, name) for name, wrapped in rows.items() if wrapped is not None]
        for (_, name), key in zip(closed, await self._keeper.unwrap_many(closed), strict=True):
            keys[name] = key
            self._open[name] = (now + CACHE_SECONDS, key)
        return keys

    def _drop_expired(self, now: float) -> None:
        """Look through all keys once a second at most: there may be as many as customers."""
        if now >= self._drop_at:
            self._open = {name: entry for name, entry in self._open.items() if entry[0] > now}
            self._drop_at = now + 1

    @staticmethod
    async def _rows(session: AsyncSession, subjects: set[str]) -> dict[str, str | None]:
        columns = select(SubjectKey.subject, SubjectKey.wrapped)
        return dict((await session.exec(columns.where(col(SubjectKey.subject).in_(subjects)))).all())


def _encrypt(key: bytes, value: str, subject: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, value.encode(), subject.encode())


def _decrypt(key: bytes, sealed: bytes, subject: str) -> str:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], subject.encode()).decode()
    except InvalidTag as error:
        raise KeeperUnavailable("does not hold the key that this data was sealed with") from error
