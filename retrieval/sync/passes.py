"""Bringing the index up to the CRM: by whole comparison, by what has changed, by what is gone.

Identities are always published before the passages that mention them are written. Every pass may be cut
off anywhere and run again: it writes what differs, under ids that are always the same. A row that cannot be
taken in is set aside and out of the index, unless so many are that it is hardly the rows; the others are not
kept waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from gateway import Database, Envelope
from retrieval.crm import CrmRefused
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

    async def learn_identities(self, *, all_of_them: bool = True) -> dict[str, CrmRefused]:
        """Read every identity of the CRM, and publish those that are not published yet.

        Raises `CrmRefused` when a table may not be read: without its names no text can be masked. Not
        `all_of_them`: what was learnt of such a table before is kept, and the refusals are given by kind.
        """
        family = self._family()
        pairs: list[Pair] = []
        refused: dict[str, CrmRefused] = {}
        for kind in self._publisher.kinds:
            try:
                pairs += await self._learnt(kind, family)
            except CrmRefused as error:
                if all_of_them:
                    raise
                refused[kind] = error
        async with self._turn:
            await self._publisher.settle()
            await self._publisher.recall(pairs)
            await self._publisher.publish(pairs)
        await self.parking.save()
        return refused

    async def _learnt(self, kind: str, family: Family) -> list[Pair]:
        pages, pairs = self._reader.pages(kind, self._page_rows), list[Pair]()
        while True:
            async with self._turn:
                if (page := await anext(pages, None)) is None:
                    return pairs
                pairs += await self._publisher.learn(kind, await family.pairs(kind, page))

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

    async def compare(self, kind: str, *, allow_deletes: bool = False, with_children: bool = False) -> None:
        """Compare every row of a kind with the index; changes may be applied between two pages.

        Rows that are gone leave the index as far as the brake lets them. What differs is brought up to date
        `with_children`, unless these are compared themselves.
        """
        key, seen = self._map.entities[kind].key, set[str]()

        async def write(page: Sequence[Row], family: Family) -> None:
            seen.update(str(row[key]) for row in page)
            await self._write(kind, page, family, (), with_children=with_children)

        await self._each_page(kind, write)
        async with self._turn:
            if kind in self._publisher.kinds or any(one not in seen for one in self._mirror.rows(kind)):
                seen.update(await self._records.keys(kind))  # some came meanwhile
            await self._remove(kind, seen, allow_deletes=allow_deletes, with_children=with_children)
            known = {*seen, *self._mirror.rows(kind)}
            await self._publisher.withdraw_others(kind, known, allow_deletes=allow_deletes)
        await self.parking.save()

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

    async def sweep(self, kind: str) -> list[str]:
        """Take out what is gone, as far as the brake lets it; gives keys that the index does not have."""
        async with self._turn:
            keys = await self._records.keys(kind)
            await self._remove(kind, set(keys), allow_deletes=False, with_children=True)
        known = self._mirror.rows(kind)
        return [key for key in keys if key not in known and self.parking.get(kind, key) is None]

    async def resolve(self, kind: str, *, allow_deletes: bool) -> int:
        """Delete what waits for a word, or keep it until the CRM has it again; how many rows it were."""
        async with self._turn:
            before = len(self._mirror.rows(kind))
            present = set(await self._records.keys(kind))
            await self._remove(kind, present, allow_deletes=allow_deletes, with_children=True)
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
            for one in await self._publisher.learn(kind, await family.pairs(kind, list(rows[kind].values())))
        ]
        await self._publisher.settle()
        await self._publisher.publish(pairs)
        return sum([await self._bring(kind, list(todo.get(kind, ())), family, force) for kind in self.kinds])

    async def _bring(
        self, kind: str, keys: Sequence[str], family: Family, force: Collection[str] = ()
    ) -> int:
        """Bring rows up to date, each after those that inherit from it; how many were written.

        When it is cut off in between, the row still differs, and its children are looked at again with it.
        """
        written = 0
        for start in range(0, len(keys), self._page_rows):
            some = keys[start : start + self._page_rows]
            present = await self._reader.rows(kind, some)
            self.brake.back(kind, present)
            missing = [key for key in some if key not in present]
            written += await self._lose(kind, missing, present, family)
            written += await self._write(kind, list(present.values()), family, force, with_children=True)
        return written

    async def _bring_children(
        self, kind: str, keys: Sequence[str], family: Family, *, linked: bool = False
    ) -> int:
        """Bring up to date what belongs to these rows, and with `linked` what refers to them by a column."""
        written = 0
        for child, entity in self._map.entities.items() if keys else ():
            columns = [entity.parent.column] if entity.parent and entity.parent.entity == kind else []
            if linked:
                columns += [column for column, of in entity.links.items() if of == kind]
            for column in dict.fromkeys(columns):
                inherited = await self._records.children_keys(child, column, keys)
                written += await self._bring(child, inherited, family)
        return written

    def _family(self) -> Family:
        def refused(kind: str, key: str, error: Exception) -> None:
            self.parking.park(kind, key, Stage.RENDERING, error)

        return Family(self._reader, refused)

    async def _write(
        self,
        kind: str,
        rows: Sequence[Row],
        family: Family,
        force: Collection[str],
        *,
        with_children: bool,
    ) -> int:
        """Write rows that differ, `with_children` after those that inherit from them; how many."""
        if not rows:
            return 0
        pairs = await family.pairs(kind, rows)
        if kind in self._publisher.kinds:
            pairs = await self._publisher.learn(kind, pairs)
            await self._publisher.settle()
            pairs = await self._publisher.publish(pairs)
        pairs = self._publisher.with_published_kin(kind, pairs)
        await self._first.give_way()
        built, refused = await asyncio.to_thread(self._build, kind, pairs)
        for key, error in refused:
            self.parking.park(kind, key, Stage.RENDERING, error)
        before = dict(self._mirror.rows(kind))
        well = {row.key for row in built}
        column = self._map.entities[kind].key
        unwell = [key for row in rows if (key := str(row[column])) not in well]
        out = self._leaving(kind, unwell, before)
        written = 0
        if with_children:
            reshaped = [key for key, row in ((row.key, row) for row in built)
                        if key not in before or before[key].shape != row.shape]  # fmt: skip
            written += await self._bring_children(kind, [*reshaped, *out], family)
            nameless = [key for key in unwell if self._publisher.is_nameless(f"{kind}:{key}")]
            written += await self._bring_children(kind, nameless, family, linked=True)
        put = await self._put(built, force)
        self.parking.free(kind, (row.key for row in put))
        self.parking.free(kind, [key for key in well if (parked := self.parking.get(kind, key))
                                 and parked.stage is not Stage.EMBEDDING
                                 and parked.stage is not Stage.WRITING])  # fmt: skip
        await self._mirror.drop(kind, out)
        if self._copies:
            await self._copies.keep(kind, [pair for pair in pairs if str(pair[0][column]) in well], out)
        self.rates.add(kind, len(rows))
        return written + len(put) + len(out)

    def _leaving(self, kind: str, unwell: Sequence[str], known: Collection[str]) -> list[str]:
        """Which rows that cannot be taken in leave the index.

        When so many are that it is hardly the rows, only those that may name somebody whom no door knows.
        """
        indexed = [key for key in unwell if key in known]
        if indexed and self.parking.too_many(kind, known):
            return [key for key in indexed if self.parking.stage(kind, key) is Stage.BELONGING]
        return indexed

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

    async def _remove(
        self, kind: str, present: Collection[str], *, allow_deletes: bool, with_children: bool
    ) -> None:
        """Take out what is not present, as far as the brake lets it."""
        known = self._mirror.rows(kind)
        gone = [key for key in known if key not in present]
        if allow_deletes:
            self.brake.lift(kind)
        else:
            gone = self.brake.allowed(kind, gone, len(known), whole=True)
        if with_children:
            await self._bring_children(kind, gone, self._family())
        await self._forget(kind, gone)
        if self._copies:
            await self._copies.keep_only(kind, {*present, *self._mirror.rows(kind)})

    async def _lose(self, kind: str, keys: Sequence[str], present: Collection[str], family: Family) -> int:
        """Take out rows that the CRM did not give, as far as the brake lets it; how many were written."""
        known = self._mirror.rows(kind)
        added = sum(key not in known for key in present)
        unread = [key for key in keys if self.parking.stage(kind, key) is Stage.READING]
        gone = [key for key in keys if key not in unread]
        leaving = [key for key in gone if key in known]
        allowed = self.brake.allowed(kind, leaving, len(known), added=added)
        out = [key for key in unread if key in known]
        written = await self._bring_children(kind, [*allowed, *out], family)
        nameless = [key for key in unread if self._publisher.is_nameless(f"{kind}:{key}")]
        written += await self._bring_children(kind, nameless, family, linked=True)
        await self._mirror.drop(kind, out)
        if self._copies:
            await self._copies.forget(kind, out)
        unknown = [key for key in gone if key not in known]
        await self._forget(kind, allowed)
        await self._publisher.withdraw(kind, unknown)  # told again when it was cut off after the row had left
        self.parking.free(kind, unknown)
        return written + len(allowed) + len(out)

    async def _forget(self, kind: str, keys: Sequence[str]) -> None:
        if not keys:
            return
        await self._mirror.drop(kind, keys)
        if self._copies:
            await self._copies.forget(kind, keys)
        self.parking.free(kind, keys)
        await self._publisher.withdraw(kind, keys)
