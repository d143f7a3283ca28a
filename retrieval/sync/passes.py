"""Bringing the index up to the CRM: by whole comparison, by what has changed, by what is gone.

Identities are always published before the passages that mention them are written. Every pass may be cut
off anywhere and run again: it writes what differs, under ids that are always the same.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Final

from gateway import Database, Envelope, PublishedIdentity, publish_identities
from redaction import EntityType
from retrieval.crm import identities
from retrieval.crm.map import IdentityColumn, Row
from retrieval.index import IndexedRow
from retrieval.records import Records
from retrieval.settings import MAY_DELETE

from .build import Builder
from .errors import TooManyGone
from .family import Family, Kin
from .mirror import Mirror
from .roster import Roster

_FEW: Final = 3  # so few rows may always be gone, whatever share of a small table they are
_PUBLISH: Final = 2_000


class Passes:
    """The passes over one CRM and one index."""

    def __init__(
        self,
        records: Records,
        mirror: Mirror,
        roster: Roster,
        builder: Builder,
        database: Database,
        envelope: Envelope,
        page_rows: int,
    ) -> None:
        self._records = records
        self._map = records.crm_map
        self._mirror = mirror
        self._roster = roster
        self._builder = builder
        self._database = database
        self._envelope = envelope
        self._page_rows = page_rows
        self._published: dict[str, str] = {}
        self._named = [
            kind
            for kind in self._map.parents_first
            if any(isinstance(column, IdentityColumn) for _, column in self._map.entities[kind].readable)
        ]

    async def learn_identities(self) -> None:
        """Read every identity of the CRM, and publish those that are not published yet."""
        family = Family(self._records)
        kin: list[Kin] = []
        for kind in self._named:
            async for page in self._pages(kind):
                kin += await self._learn(kind, page, family)
        await asyncio.to_thread(self._roster.settle)
        await self._publish(kin)

    async def compare(self, kind: str, *, allow_deletes: bool = False) -> None:
        """Compare every row of a kind with the index. Raises `TooManyGone` after writing what is there."""
        family = Family(self._records)
        seen: set[str] = set()
        async for page in self._pages(kind):
            seen |= {str(row[self._map.entities[kind].key]) for row in page}
            await self._write(kind, page, family)
        await self._remove(kind, seen, allow_deletes=allow_deletes)

    async def sweep(self, kind: str) -> list[str]:
        """Take out what is gone; gives keys that the index does not have. Raises `TooManyGone`."""
        keys = await self._records.keys(kind)
        await self._remove(kind, set(keys), allow_deletes=False)
        known = self._mirror.rows(kind)
        return [key for key in keys if key not in known]

    async def apply(self, changed: Mapping[str, Collection[str]]) -> int:
        """Bring these rows up to date, and the rows that inherit from them; gives how many were written."""
        family = Family(self._records)
        todo = {kind: dict.fromkeys(keys) for kind, keys in changed.items()}
        rows = {kind: await self._records.rows(kind, list(keys)) for kind, keys in todo.items() if keys}
        kin = [
            one
            for kind in self._named
            if kind in rows
            for one in await self._learn(kind, list(rows[kind].values()), family)
        ]
        await asyncio.to_thread(self._roster.settle)
        await self._publish(kin)
        written = 0
        for kind in self._map.parents_first:
            keys = list(todo.get(kind, ()))
            touched: list[str] = []
            for start in range(0, len(keys), self._page_rows):
                some = keys[start : start + self._page_rows]
                present = await self._records.rows(kind, some)
                lost = [key for key in some if key not in present]
                gone = [key for key in lost if key in self._mirror.rows(kind)]
                await self._forget(kind, gone)
                written += len(gone)
                rows_written, reshaped = await self._write(kind, list(present.values()), family)
                written += rows_written
                touched += [*reshaped, *gone]
            for child, inherited in (await self._children(kind, touched)).items():
                todo.setdefault(child, {}).update(dict.fromkeys(inherited))
        return written

    async def _pages(self, kind: str) -> AsyncIterator[Sequence[Row]]:
        after = None
        while page := await self._records.page(kind, after, self._page_rows):
            yield page
            after = page[-1][self._map.entities[kind].key]

    async def _learn(self, kind: str, rows: Sequence[Row], family: Family) -> list[Kin]:
        kin = await family.kin(kind, rows)
        self._roster.replace(
            {one.ref: identities(self._map, kind, row) for one, row in zip(kin, rows, strict=True)}
        )
        return kin

    async def _write(self, kind: str, rows: Sequence[Row], family: Family) -> tuple[int, list[str]]:
        """Write rows that differ: how many, and the keys of those whose children must be looked at."""
        if not rows:
            return 0, []
        if kind in self._named:
            kin = await self._learn(kind, rows, family)
            await asyncio.to_thread(self._roster.settle)
            await self._publish(kin)
        else:
            kin = await family.kin(kind, rows)
        built = await asyncio.to_thread(self._build, kind, rows, kin)
        known = self._mirror.rows(kind)
        differing = [row for row in built if row.key not in known or known[row.key].version != row.version]
        reshaped = [row.key for row in differing if row.key not in known or known[row.key].shape != row.shape]
        if differing:
            await self._mirror.put(differing)
        return len(differing), reshaped

    def _build(self, kind: str, rows: Sequence[Row], kin: Sequence[Kin]) -> list[IndexedRow]:
        # rows of one customer after each other: what reading their texts takes is then made once
        order = sorted(zip(rows, kin, strict=True), key=lambda pair: pair[1].up[::-1])
        return [self._builder.row(kind, row, one) for row, one in order]

    async def _children(self, kind: str, keys: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if keys:
            for child, entity in self._map.entities.items():
                if entity.parent and entity.parent.entity == kind:
                    column = entity.parent.column
                    found[child] = await self._records.children_keys(child, column, keys)
        return found

    async def _remove(self, kind: str, present: Collection[str], *, allow_deletes: bool) -> None:
        known = self._mirror.rows(kind)
        gone = [key for key in known if key not in present]
        if len(gone) > max(_FEW, MAY_DELETE * len(known)) and not allow_deletes:
            raise TooManyGone(kind, len(gone), len(known))
        await self._forget(kind, gone)

    async def _forget(self, kind: str, keys: Sequence[str]) -> None:
        if not keys:
            return
        await self._mirror.drop(kind, keys)
        if kind in self._named:
            refs = [f"{kind}:{key}" for key in keys]
            self._roster.forget(refs)
            for ref in refs:
                self._published.pop(ref, None)
            async with self._database.transaction() as session:
                await publish_identities(session, self._envelope, [], refs)

    async def _publish(self, kin: Iterable[Kin]) -> None:
        """Publish what differs from what was published; in portions, as publications wait for each other."""
        portion: list[PublishedIdentity] = []
        names: dict[str, str] = {}
        for one in kin:
            current = self._builder.names(one.ref, one.up)
            if current == self._published_names(one.ref):
                continue
            names[one.ref] = current
            portion += [
                PublishedIdentity(item.value, EntityType(item.type.value), one.ref, item.field)
                for item in self._roster.own_values(one.ref, one.up)
            ]
            if len(portion) >= _PUBLISH:
                await self._publish_portion(portion, names)
                portion, names = [], {}
        await self._publish_portion(portion, names)

    def _published_names(self, ref: str) -> str:
        if ref in self._published:
            return self._published[ref]
        known = self._mirror.known(ref)
        return known.names if known else ""

    async def _publish_portion(self, portion: Sequence[PublishedIdentity], names: Mapping[str, str]) -> None:
        if not names:
            return
        async with self._database.transaction() as session:
            await publish_identities(session, self._envelope, portion, list(names))
        self._published |= names
