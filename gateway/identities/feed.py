"""The gazetteer of this door: loaded once, then followed by version; swapped, never changed."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Set
from typing import Any, Final

from sqlalchemy import Row, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database, listening
from gateway.errors import PartUnavailable
from gateway.keys import Envelope, Keeper
from gateway.telemetry import log
from redaction import EntityType, EntryTable, Gazetteer, GazetteerEntry

from .publish import HASH_PURPOSE, IDENTITY_CHANNEL, mac_of
from .tables import IdentityRow, IdentityVersionRow

_Key = tuple[str, str, bytes]
_Values = dict[str, set[tuple[str, bytes]]]  # by entity: field and keyed hash
_Found = Row[Any]  # entity, field, value_mac, type, sealed, removed
_BATCH: Final = 4000
_RESTS: Final = 5
"""How many times as long as building took nothing is built again: a large list takes seconds of processor."""
_RESTS_AT_MOST: Final = 60.0
_COMPACT_AT: Final = 5000
_POLL_SECONDS: Final = 2.0


class GazetteerFeed:
    """Who the customers are. `current` is complete up to `version`, or there is none yet.

    New values count at once, as a small delta. Removed ones leave with the next build, which a removal
    starts by itself: until then they are masked needlessly, never shown. Values are held once, in the
    gazetteer, in memory only.
    """

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper
        self._current: Gazetteer | None = None
        self._version = 0
        self._since_build: list[GazetteerEntry] = []
        self._gone: _Values = {}
        self._leaving: _Values = {}
        self._catching_up = asyncio.Lock()
        self._build_again_at = 0.0

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
        if self._current is None:
            await self._load_everybody()
            return
        async with self._catching_up, self._database.transaction() as session:
            await self._apply(session)
        now = asyncio.get_running_loop().time()
        if (self._gone or len(self._since_build) > _COMPACT_AT) and now >= self._build_again_at:
            await self._build()
            ended = asyncio.get_running_loop().time()
            self._build_again_at = ended + min(_RESTS_AT_MOST, _RESTS * (ended - now))

    async def _load_everybody(self) -> None:
        async with self._catching_up:
            table = EntryTable()
            async with self._database.transaction() as session:
                upto = await published_version(session)
                async for opened in self._published(session, upto):
                    for entry in opened.values():
                        if entry is not None:
                            table.append(entry)
            self._current = await asyncio.to_thread(Gazetteer.build, table, str(upto))
            self._version = upto
        log.info("gazetteer.built", entries=len(table), version=upto)

    async def _listen(self) -> None:
        async with listening(self._database.conninfo) as connection:
            await connection.execute(f"LISTEN {IDENTITY_CHANNEL}")
            while True:
                await self._load()
                async for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
                    break

    async def _apply(self, session: AsyncSession) -> None:
        upto = await published_version(session)
        changed: dict[_Key, GazetteerEntry | None] = {}
        async for opened in self._published(session, upto):
            changed |= opened
        current = self.current
        fresh = [entry for key, entry in changed.items() if entry and not self._knows(current, key, entry)]
        if fresh:
            current = await asyncio.to_thread(current.with_delta, fresh, str(upto))
        # Whoever waits here may hang up at any await: from now on there is none, so it is all or nothing.
        for (entity, field, mac), entry in changed.items():
            if entry is None:
                self._gone.setdefault(entity, set()).add((field, mac))
            else:
                for values in (self._gone, self._leaving):
                    values.get(entity, set()).discard((field, mac))
        self._since_build += fresh
        self._current = current
        self._version = upto

    def _knows(self, current: Gazetteer, key: _Key, entry: GazetteerEntry) -> bool:
        entity, field, mac = key
        left = any((field, mac) in values.get(entity, ()) for values in (self._gone, self._leaving))
        return not left and entry in current

    async def _published(
        self, session: AsyncSession, upto: int
    ) -> AsyncIterator[dict[_Key, GazetteerEntry | None]]:
        """What was published after this door's version, in pages: entries, and None for what is gone."""
        envelope = Envelope(self._keeper)  # its keys go with it: a full load must not keep every one of them
        after: _Key = ("", "", b"")
        while rows := await self._page(session, upto, after):
            yield await _opened(session, envelope, rows)
            after = _key(rows[-1])

    async def _page(self, session: AsyncSession, upto: int, after: _Key) -> list[_Found]:
        place = (col(IdentityRow.entity), col(IdentityRow.field), col(IdentityRow.value_mac))
        columns: Any = (*place, col(IdentityRow.type), col(IdentityRow.sealed), col(IdentityRow.removed))
        statement: Any = (
            select(*columns)  # rows, not objects: there are half a million of them
            .where(col(IdentityRow.version) > self._version, col(IdentityRow.version) <= upto)
            .where(tuple_(*place) > tuple_(*after))
            .order_by(*place)
            .limit(_BATCH)
        )
        return list(await session.exec(statement))

    async def _build(self) -> None:
        """Put everybody into one large part again, without those who are gone."""
        key = await self._keeper.hash_key(HASH_PURPOSE)
        old, version = self.current, str(self._version)
        gone = {entity: frozenset(values) for entity, values in self._gone.items()}
        self._gone, self._leaving, self._since_build = {}, self._gone, []
        try:
            built = await asyncio.to_thread(
                lambda: Gazetteer.build(EntryTable(_without(old, gone, key)), version)
            )
            async with self._catching_up:
                if self._since_build:  # published while this was being built
                    built = built.with_delta(self._since_build, str(self._version))
                self._current, self._leaving = built, {}
        finally:
            for entity, values in self._leaving.items():  # it failed: they have not left yet
                self._gone.setdefault(entity, set()).update(values)
            self._leaving = {}
        log.info("gazetteer.built", entries=len(built), version=self._version)


async def published_version(session: AsyncSession) -> int:
    """The newest committed publication, 0 before the first."""
    return (await session.exec(select(IdentityVersionRow.version))).first() or 0


async def _opened(
    session: AsyncSession, envelope: Envelope, rows: list[_Found]
) -> dict[_Key, GazetteerEntry | None]:
    """What rows say: an entry, or None for one that is gone; an erased one says nothing."""
    there = [row for row in rows if not row.removed and row.sealed is not None]
    values = await envelope.open_many(session, [(row.entity, bytes(row.sealed)) for row in there])
    opened: dict[_Key, GazetteerEntry | None] = {_key(row): None for row in rows if row.removed}
    for row, value in zip(there, values, strict=True):
        if value:
            opened[_key(row)] = GazetteerEntry(value, EntityType(row.type), row.entity, row.field)
    return opened


def _without(
    gazetteer: Gazetteer, gone: Mapping[str, Set[tuple[str, bytes]]], key: bytes
) -> Iterator[GazetteerEntry]:
    """All entries but those that are gone, and none twice of records that had some."""
    seen: set[GazetteerEntry] = set()
    for entry in gazetteer.entries():
        values = gone.get(entry.entity or "")
        if values is not None:
            if (entry.field, mac_of(key, entry.value)) in values or entry in seen:
                continue
            seen.add(entry)
        yield entry


def _key(row: _Found) -> _Key:
    return row.entity, row.field, bytes(row.value_mac)
