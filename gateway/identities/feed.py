"""The gazetteer of this door: loaded once, then followed by version; swapped, never changed."""

import asyncio
from typing import Final

import psycopg
from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.errors import PartUnavailable
from gateway.keys import Envelope, Keeper
from gateway.telemetry import log
from redaction import EntityType, Gazetteer, GazetteerEntry

from .publish import IDENTITY_CHANNEL
from .tables import IdentityRow, IdentityVersionRow

_Key = tuple[str, str, bytes]
_BATCH: Final = 2000
_COMPACT_AT: Final = 5000
_POLL_SECONDS: Final = 2.0


class GazetteerFeed:
    """Who the customers are. `current` is complete up to `version`, or there is none yet.

    New values count at once, as a small delta. Removed ones leave with the next build, which a removal
    starts by itself: until then they are masked needlessly, never shown.
    """

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper
        self._entries: dict[_Key, GazetteerEntry] = {}
        self._current: Gazetteer | None = None
        self._version = 0
        self._since_build: list[GazetteerEntry] = []
        self._stale = False
        self._catching_up = asyncio.Lock()

    @property
    def version(self) -> int:
        """The publication up to which this door knows everybody."""
        return self._version

    @property
    def current(self) -> Gazetteer:
        """The gazetteer. Raises `PartUnavailable` until it was loaded once."""
        if self._current is None:
            raise PartUnavailable("gazetteer", "The list of known customers is still being loaded.")
        return self._current

    async def catch_up(self, session: AsyncSession, published: int | None = None) -> Gazetteer:
        """Apply everything that has been published before this call, and give the gazetteer.

        `published` is the newest version where the caller has read it. Raises `PartUnavailable` (not
        loaded yet), `KeeperUnavailable`.
        """
        gazetteer = self.current
        newest = await published_version(session) if published is None else published
        if newest <= self._version:
            return gazetteer
        async with self._catching_up:
            await self._apply(session)
            return self.current

    async def follow(self) -> None:
        """Load, then stay current until cancelled. Failures are logged and tried again."""
        while True:
            try:
                await self._load()
                await self._listen()
            except Exception as error:  # noqa: BLE001 - the outermost loop: the door stays unready, and tries on
                log.error("gazetteer.behind", exc_info=error)
                await asyncio.sleep(_POLL_SECONDS)

    async def _load(self) -> None:
        async with self._catching_up, self._database.transaction() as session:
            await self._apply(session)
        if self._current is None or self._stale or len(self._since_build) > _COMPACT_AT:
            await self._build()

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._database.conninfo, autocommit=True, connect_timeout=5
        ) as connection:
            await connection.execute(f"LISTEN {IDENTITY_CHANNEL}")
            while True:
                await self._load()
                async for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
                    break

    async def _apply(self, session: AsyncSession) -> None:
        upto = await published_version(session)
        envelope = Envelope(self._keeper)  # its keys go with it: a full load must not keep every one of them
        changed: dict[_Key, GazetteerEntry | None] = {}
        after: _Key = ("", "", b"")
        while rows := await self._page(session, upto, after):
            changed |= await _opened(session, envelope, rows)
            last = rows[-1]
            after = (last.entity, last.field, last.value_mac)
            await asyncio.sleep(0)
        fresh = [entry for key, entry in changed.items() if entry and self._entries.get(key) != entry]
        current = self._current
        if current is not None and fresh:
            current = await asyncio.to_thread(current.with_delta, fresh, str(upto))
        # Whoever waits here may hang up at any await: from now on there is none, so it is all or nothing.
        for key, entry in changed.items():
            if entry is not None:
                self._entries[key] = entry
            elif self._entries.pop(key, None) is not None:
                self._stale = True
        self._since_build += fresh
        self._current = current
        self._version = upto

    async def _page(self, session: AsyncSession, upto: int, after: _Key) -> list[IdentityRow]:
        place = (col(IdentityRow.entity), col(IdentityRow.field), col(IdentityRow.value_mac))
        statement = (
            select(IdentityRow)
            .where(col(IdentityRow.version) > self._version, col(IdentityRow.version) <= upto)
            .where(tuple_(*place) > tuple_(*after))
            .order_by(*place)
            .limit(_BATCH)
        )
        return list(await session.exec(statement))

    async def _build(self) -> None:
        self._stale, self._since_build = False, []
        entries, version = list(self._entries.values()), str(self._version)
        built = await asyncio.to_thread(_built, entries, version)
        async with self._catching_up:
            if self._since_build:  # published while this was being built
                built = built.with_delta(self._since_build, str(self._version))
            self._current = built
        log.info("gazetteer.built", entries=len(built), version=self._version)


async def published_version(session: AsyncSession) -> int:
    """The newest committed publication, 0 before the first."""
    return (await session.exec(select(IdentityVersionRow.version))).first() or 0


async def _opened(
    session: AsyncSession, envelope: Envelope, rows: list[IdentityRow]
) -> dict[_Key, GazetteerEntry | None]:
    """What rows say: an entry, or None for one that is gone; an erased one says nothing."""
    there = [row for row in rows if not row.removed and row.sealed is not None]
    values = await envelope.open_many(session, [(row.entity, row.sealed or b"") for row in there])
    opened: dict[_Key, GazetteerEntry | None] = {_key(row): None for row in rows if row.removed}
    for row, value in zip(there, values, strict=True):
        if value:
            opened[_key(row)] = GazetteerEntry(value, EntityType(row.type), row.entity, row.field)
    return opened


def _built(entries: list[GazetteerEntry], version: str) -> Gazetteer:
    gazetteer = Gazetteer.build(entries, version)
    gazetteer.open_from("-")  # sorts its keys here rather than in the first answer
    return gazetteer


def _key(row: IdentityRow) -> _Key:
    return row.entity, row.field, bytes(row.value_mac)
