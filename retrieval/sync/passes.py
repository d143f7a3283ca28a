"""Bringing the index up to the CRM: by whole comparison, by what has changed, by what is gone.

Identities are always published before the passages that mention them are written. Every pass may be cut
off anywhere and run again: it writes what differs, under ids that are always the same. A row that cannot be
taken in is set aside and out of the index, unless so many are that it is hardly the rows; the others are not
kept waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from gateway import Database, Envelope
from retrieval.crm.map import Row
from retrieval.index import IndexedRow, IndexFailed
from retrieval.records import Records

from .brake import Brake
from .build import Builder
from .family import Family
from .first import QuestionsFirst
from .mirror import Mirror
from .open_texts import OpenTexts
from .parking import Parking, Stage
from .publishing import Pair, Publisher
from .rates import Rates
from .reading import Reader
from .roster import Roster


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
        first: QuestionsFirst | None = None,
        copies: OpenTexts | None = None,
    ) -> None:
        self._records = records
        self._map = records.crm_map
        self._mirror = mirror
        self._builder = builder
        self._page_rows = page_rows
        self._first = first or QuestionsFirst()
        self._copies = copies
        self.brake = Brake()
        self.rates = Rates()
        self.parking = Parking(database)
        self._publisher = Publisher(self._map, roster, builder, database, envelope, self.parking)
        self._reader = Reader(records, self.parking)
        self._turn = asyncio.Lock()  # a row is read and written before anybody else may
        self._applied = 0

    @property
    def kinds(self) -> list[str]:
        """The kinds of records, parents first."""
        return list(self._map.parents_first)

    async def learn_identities(self) -> None:
        """Read every identity of the CRM, and publish those that are not published yet."""
        family = self._family()
        pairs: list[Pair] = []
        for kind in self._publisher.kinds:
            pages = self._reader.pages(kind, self._page_rows)
            while True:
                async with self._turn:
                    if (page := await anext(pages, None)) is None:
                        break
                    pairs += self._publisher.learn(kind, await family.pairs(kind, page))
        async with self._turn:
            await self._publisher.settle()
            await self._publisher.recall(pairs)
            await self._publisher.publish(pairs)
        await self.parking.save()

    async def unpublished(self) -> dict[str, list[str]]:
        """Keys of rows, by kind, of which other identities are published than the CRM has."""
        found: dict[str, list[str]] = {}
        for kind in self._publisher.kinds:
            keys = found.setdefault(kind, [])

            async def look(
                page: Sequence[Row], family: Family, kind: str = kind, keys: list[str] = keys
            ) -> None:
                other = await self._publisher.other(await family.pairs(kind, page))
                keys += [key for ref in other if not self.parking.get(kind, key := ref.partition(":")[2])]

            await self._each_page(kind, look)
        return found

    async def compare(self, kind: str, *, allow_deletes: bool = False) -> list[str]:
        """Compare every row of a kind with the index; changes may be applied between two pages.

        Rows that are gone leave the index as far as the brake lets them. Gives the keys of those whose
        `children` must be looked at.
        """
        key, seen, moved = self._map.entities[kind].key, set[str](), list[str]()

        async def write(page: Sequence[Row], family: Family) -> None:
            seen.update(str(row[key]) for row in page)
            _, reshaped = await self._write(kind, page, family, ())
            moved.extend(reshaped)

        await self._each_page(kind, write)
        async with self._turn:
            if kind in self._publisher.kinds or any(one not in seen for one in self._mirror.rows(kind)):
                seen.update(await self._records.keys(kind))  # some came meanwhile
            moved += await self._remove(kind, seen, allow_deletes=allow_deletes)
            known = {*seen, *self._mirror.rows(kind)}
            await self._publisher.withdraw_others(kind, known, allow_deletes=allow_deletes)
        await self.parking.save()
        return moved

    async def look_through(self, kind: str, see: Callable[[list[IndexedRow]], None]) -> None:
        """Show every row of a kind that can be indexed as the index should have it, page by page."""

        async def build(page: Sequence[Row], family: Family) -> None:
            built, _ = await asyncio.to_thread(self._build, kind, await family.pairs(kind, page))
            self.rates.add(kind, len(page))
            see(built)

        await self._each_page(kind, build)

    async def expected_of(self, kind: str, keys: Sequence[str]) -> dict[str, IndexedRow]:
        """Those of these rows that there are and that can be indexed, by key."""
        async with self._turn:
            rows = list((await self._reader.rows(kind, keys)).values())
            pairs = await self._family().pairs(kind, rows)
            built, _ = await asyncio.to_thread(self._build, kind, pairs)
            return {row.key: row for row in built}

    async def _each_page(self, kind: str, work: Callable[[Sequence[Row], Family], Awaitable[None]]) -> None:
        """Work on pages of rows, on each while nobody else writes."""
        pages, family, applied = self._reader.pages(kind, self._page_rows), self._family(), self._applied
        while True:
            await self._first.give_way()
            async with self._turn:
                if (page := await anext(pages, None)) is None:
                    return
                if self._applied != applied:  # parents may have changed
                    family, applied = self._family(), self._applied
                await work(page, family)

    async def sweep(self, kind: str) -> tuple[list[str], list[str]]:
        """Take out what is gone, as far as the brake lets it.

        Gives the keys that the index does not have, and those of the rows that left it.
        """
        async with self._turn:
            keys = await self._records.keys(kind)
            left = await self._remove(kind, set(keys), allow_deletes=False)
        known = self._mirror.rows(kind)
        return [key for key in keys if key not in known and self.parking.get(kind, key) is None], left

    async def children(self, kind: str, keys: Sequence[str]) -> dict[str, list[str]]:
        """Keys, by kind, of the rows that belong to these. Raises `CrmUnavailable`."""
        found: dict[str, list[str]] = {}
        if keys:
            for child, entity in self._map.entities.items():
                if entity.parent and entity.parent.entity == kind:
                    column = entity.parent.column
                    found[child] = await self._records.children_keys(child, column, keys)
        return found

    async def resolve(self, kind: str, *, allow_deletes: bool) -> int:
        """Delete what waits for a word, or keep it until the CRM has it again; how many rows it were."""
        async with self._turn:
            before = len(self._mirror.rows(kind))
            await self._remove(kind, set(await self._records.keys(kind)), allow_deletes=allow_deletes)
            return before - len(self._mirror.rows(kind)) if allow_deletes else self.brake.keep(kind)

    async def apply(self, changed: Mapping[str, Collection[str]], force: Collection[str] = ()) -> int:
        """Bring these rows up to date, and the rows that inherit from them; gives how many were written.

        The references of `force` are written in any case.
        """
        async with self._turn:
            self._applied += 1
            written = await self._apply(changed, force)
        await self.parking.save()
        return written

    async def _apply(self, changed: Mapping[str, Collection[str]], force: Collection[str]) -> int:
        family = self._family()
        todo = {kind: dict.fromkeys(keys) for kind, keys in changed.items()}
        rows = {kind: await self._reader.rows(kind, list(keys)) for kind, keys in todo.items() if keys}
        pairs = [
            one
            for kind in self._publisher.kinds
            if kind in rows
            for one in self._publisher.learn(kind, await family.pairs(kind, list(rows[kind].values())))
        ]
        await self._publisher.settle()
        await self._publisher.publish(pairs)
        written = 0
        for kind in self._map.parents_first:
            keys = list(todo.get(kind, ()))
            touched: list[str] = []
            for start in range(0, len(keys), self._page_rows):
                some = keys[start : start + self._page_rows]
                present = await self._reader.rows(kind, some)
                self.brake.back(kind, present)
                gone = await self._lose(kind, [key for key in some if key not in present], present)
                rows_written, reshaped = await self._write(kind, list(present.values()), family, force)
                written += rows_written + len(gone)
                touched += [*reshaped, *gone]
            for child, inherited in (await self.children(kind, touched)).items():
                todo.setdefault(child, {}).update(dict.fromkeys(inherited))
        return written

    def _family(self) -> Family:
        def refused(kind: str, key: str, error: Exception) -> None:
            self.parking.park(kind, key, Stage.RENDERING, error)

        return Family(self._reader, refused)

    async def _write(
        self, kind: str, rows: Sequence[Row], family: Family, force: Collection[str]
    ) -> tuple[int, list[str]]:
        """Write rows that differ: how many, and the keys of those whose children must be looked at."""
        if not rows:
            return 0, []
        pairs = await family.pairs(kind, rows)
        if kind in self._publisher.kinds:
            pairs = self._publisher.learn(kind, pairs)
            await self._publisher.settle()
            pairs = await self._publisher.publish(pairs)
        pairs = self._publisher.with_published_kin(kind, pairs)
        await self._first.give_way()
        built, refused = await asyncio.to_thread(self._build, kind, pairs)
        for key, error in refused:
            self.parking.park(kind, key, Stage.RENDERING, error)
        before = dict(self._mirror.rows(kind))
        written = await self._put(built, force)
        well = {row.key for row in built}
        column = self._map.entities[kind].key
        out = [key for row in rows if (key := str(row[column])) not in well]
        self.parking.free(kind, (row.key for row in written))
        self.parking.free(kind, [key for key in well if (parked := self.parking.get(kind, key))
                                 and parked.stage is not Stage.EMBEDDING
                                 and parked.stage is not Stage.WRITING])  # fmt: skip
        out = [key for key in out if key in before]
        if out and self.parking.too_many(kind, before):
            out = []
        await self._mirror.drop(kind, out)
        if self._copies:
            await self._copies.keep(kind, [pair for pair in pairs if str(pair[0][column]) in well], out)
        reshaped = [row.key for row in written if row.key not in before or before[row.key].shape != row.shape]
        self.rates.add(kind, len(rows))
        return len(written) + len(out), [*reshaped, *out]

    async def _put(self, rows: Sequence[IndexedRow], force: Collection[str]) -> list[IndexedRow]:
        """Write what differs; a row that the engine refuses while it takes others is set aside."""
        try:
            return await self._mirror.bring(rows, force)
        except IndexFailed as error:
            if len(rows) == 1:
                kind, key = rows[0].kind, rows[0].key
                await self._mirror.prove(kind)  # raises when it is the engine and not the row
                self.parking.park(kind, key, Stage.WRITING, error)
                if not self.parking.too_many(kind, self._mirror.rows(kind)):
                    await self._mirror.drop(kind, [key])
                return []
        half = len(rows) // 2
        return await self._put(rows[:half], force) + await self._put(rows[half:], force)

    def _build(
        self, kind: str, pairs: Sequence[Pair]
    ) -> tuple[list[IndexedRow], list[tuple[str, Exception]]]:
        """The rows that can be built, and the keys of the others with what is wrong.

        Those of one customer come after each other: what reading takes is then made once for all.
        """
        built: list[IndexedRow] = []
        refused: list[tuple[str, Exception]] = []
        for row, kin in sorted(pairs, key=lambda pair: pair[1].up[::-1]):
            self._first.wait()
            try:
                built.append(self._builder.row(kind, row, kin))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one row is not the others' fault
                refused.append((kin.key, error))
        return built, refused

    async def _remove(self, kind: str, present: Collection[str], *, allow_deletes: bool) -> list[str]:
        """Take out what is not present, as far as the brake lets it; which rows left."""
        known = self._mirror.rows(kind)
        gone = [key for key in known if key not in present]
        if allow_deletes:
            self.brake.lift(kind)
        else:
            gone = self.brake.allowed(kind, gone, len(known), whole=True)
        await self._forget(kind, gone)
        if self._copies:
            await self._copies.keep_only(kind, {*present, *self._mirror.rows(kind)})
        return gone

    async def _lose(self, kind: str, keys: Sequence[str], present: Collection[str]) -> list[str]:
        """Take out rows that the CRM did not give, as far as the brake lets it; which ones left."""
        known = self._mirror.rows(kind)
        added = sum(key not in known for key in present)
        unread = [key for key in keys if self.parking.stage(kind, key) is Stage.READING]
        gone = [key for key in keys if key not in unread]
        leaving = [key for key in gone if key in known]
        allowed = self.brake.allowed(kind, leaving, len(known), added=added)
        out = [key for key in unread if key in known]
        await self._mirror.drop(kind, out)
        if self._copies:
            await self._copies.forget(kind, out)
        unknown = [key for key in gone if key not in known]
        await self._forget(kind, allowed)
        await self._publisher.withdraw(kind, unknown)  # told again when it was cut off after the row had left
        self.parking.free(kind, unknown)
        return [*allowed, *out]

    async def _forget(self, kind: str, keys: Sequence[str]) -> None:
        if not keys:
            return
        await self._mirror.drop(kind, keys)
        if self._copies:
            await self._copies.forget(kind, keys)
        self.parking.free(kind, keys)
        await self._publisher.withdraw(kind, keys)
