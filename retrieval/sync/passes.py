"""Bringing the index up to the CRM: by whole comparison, by what has changed, by what is gone.

Identities are always published before the passages that mention them are written. Every pass may be cut
off anywhere and run again: it writes what differs, under ids that are always the same. A row that cannot be
taken in is set aside and out of the index, unless so many are that it is hardly the rows; the others are not
kept waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy.exc import DBAPIError

from gateway import (
    BadInput,
    CloisterError,
    Database,
    Envelope,
    PublishedIdentity,
    log,
    publish_identities,
    published_entities,
    published_otherwise,
)
from redaction import EntityType
from retrieval.crm import identities
from retrieval.crm.map import IdentityColumn, Row
from retrieval.index import IndexedRow, IndexFailed
from retrieval.records import Records
from retrieval.settings import MAY_DELETE

from .brake import Brake
from .build import Builder
from .family import Family, Kin
from .first import QuestionsFirst
from .mirror import Mirror
from .open_texts import OpenTexts
from .parking import Parking, Stage
from .rates import Rates
from .reading import Reader
from .roster import Roster

_PUBLISH: Final = 2_000
_ASKED: Final = 1_000
_FEW: Final = 3

Pair = tuple[Row, Kin]


class NamelessKin(CloisterError):
    """A row belongs to a record whose identities could not be published."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"It belongs to {ref}, whose names could not be published.")


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
        self._roster = roster
        self._builder = builder
        self._database = database
        self._envelope = envelope
        self._page_rows = page_rows
        self._first = first or QuestionsFirst()
        self._copies = copies
        self.brake = Brake()
        self.rates = Rates()
        self.parking = Parking(database)
        self._reader = Reader(records, self.parking)
        self._turn = asyncio.Lock()  # a row is read and written before anybody else may
        self._applied = 0
        self._published: dict[str, str] = {}  # what is in the database: the index may be older or newer
        self._named = [
            kind
            for kind in self._map.parents_first
            if any(isinstance(column, IdentityColumn) for _, column in self._map.entities[kind].readable)
        ]

    @property
    def kinds(self) -> list[str]:
        """The kinds of records, parents first."""
        return list(self._map.parents_first)

    async def learn_identities(self) -> None:
        """Read every identity of the CRM, and publish those that are not published yet."""
        family = self._family()
        pairs: list[Pair] = []
        for kind in self._named:
            pages = self._reader.pages(kind, self._page_rows)
            while True:
                async with self._turn:
                    if (page := await anext(pages, None)) is None:
                        break
                    pairs += self._learn(kind, await family.pairs(kind, page))
        async with self._turn:
            await asyncio.to_thread(self._roster.settle)
            await self._recall(pairs)
            await self._publish(pairs)
        await self.parking.save()

    async def unpublished(self) -> dict[str, list[str]]:
        """Keys of rows, by kind, of which other identities are published than the CRM has."""
        found: dict[str, list[str]] = {}
        for kind in self._named:
            keys = found.setdefault(kind, [])

            async def look(
                page: Sequence[Row], family: Family, kind: str = kind, keys: list[str] = keys
            ) -> None:
                other = await self._other(await family.pairs(kind, page))
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
            if kind in self._named or any(one not in seen for one in self._mirror.rows(kind)):
                seen.update(await self._records.keys(kind))  # some came meanwhile
            moved += await self._remove(kind, seen, allow_deletes=allow_deletes)
            await self._withdraw_others(kind, seen, allow_deletes=allow_deletes)
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
            for kind in self._named
            if kind in rows
            for one in self._learn(kind, await family.pairs(kind, list(rows[kind].values())))
        ]
        await asyncio.to_thread(self._roster.settle)
        await self._publish(pairs)
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

    def _learn(self, kind: str, pairs: Sequence[Pair]) -> list[Pair]:
        """Learn what rows are called; without those of which that cannot be known."""
        learnt: list[Pair] = []
        for row, kin in pairs:
            try:
                self._roster.replace({kin.ref: identities(self._map, kind, row)})
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one row is not the others' fault
                self.parking.park(kind, _key(kin), Stage.IDENTITIES, error)
            else:
                learnt.append((row, kin))
        return learnt

    async def _write(
        self, kind: str, rows: Sequence[Row], family: Family, force: Collection[str]
    ) -> tuple[int, list[str]]:
        """Write rows that differ: how many, and the keys of those whose children must be looked at."""
        if not rows:
            return 0, []
        pairs = await family.pairs(kind, rows)
        if kind in self._named:
            pairs = self._learn(kind, pairs)
            await asyncio.to_thread(self._roster.settle)
            pairs = await self._publish(pairs)
        pairs = self._with_published_kin(kind, pairs)
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

    def _with_published_kin(self, kind: str, pairs: Sequence[Pair]) -> list[Pair]:
        """Without the rows that belong to one whose names the doors cannot know: they may name it."""
        well: list[Pair] = []
        for pair in pairs:
            unknown = next((ref for ref in pair[1].up if self.parking.is_nameless(ref)), None)
            if unknown is None:
                well.append(pair)
            else:
                self.parking.park(kind, _key(pair[1]), Stage.BELONGING, NamelessKin(unknown))
        return well

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
                refused.append((_key(kin), error))
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
        await self._withdraw(kind, unknown)  # told again when it was cut off after the row had left
        self.parking.free(kind, unknown)
        return [*allowed, *out]

    async def _forget(self, kind: str, keys: Sequence[str]) -> None:
        if not keys:
            return
        await self._mirror.drop(kind, keys)
        if self._copies:
            await self._copies.forget(kind, keys)
        self.parking.free(kind, keys)
        await self._withdraw(kind, keys)

    async def _withdraw(self, kind: str, keys: Sequence[str]) -> None:
        """Publish no more what rows that are gone were called; again, when that was cut off before."""
        for start in range(0, len(keys) if kind in self._named else 0, _ASKED):
            refs = [f"{kind}:{key}" for key in keys[start : start + _ASKED]]
            self._roster.forget(refs)
            for ref in refs:
                self._published.pop(ref, None)
            async with self._database.transaction() as session:
                if left := await published_otherwise(session, self._envelope, [], refs):
                    await publish_identities(session, self._envelope, [], sorted(left))

    async def _withdraw_others(self, kind: str, present: Collection[str], *, allow_deletes: bool) -> None:
        """Publish no more what neither the CRM nor the index has, unless it is too much to be right."""
        if kind not in self._named:
            return
        async with self._database.transaction() as session:
            published = await published_entities(session, kind)
        keys = [ref.partition(":")[2] for ref in published]
        left = [key for key in keys if key not in present and key not in self._mirror.rows(kind)]
        if allow_deletes or len(left) <= max(_FEW, MAY_DELETE * len(keys)):
            await self._withdraw(kind, left)
        else:
            log.warning("sync.identities_kept", entity=kind, gone=len(left), published=len(keys))

    async def _recall(self, pairs: Sequence[Pair]) -> None:
        """Know again what is published: by the database, which is what the doors read."""
        for start in range(0, len(pairs), _ASKED):
            some = pairs[start : start + _ASKED]
            other = await self._other(some)
            for _, kin in some:
                known = "" if kin.ref in other else self._builder.names(kin.ref, kin.up)
                self._published[kin.ref] = known

    async def _other(self, pairs: Sequence[Pair]) -> set[str]:
        async with self._database.transaction() as session:
            refs = [kin.ref for _, kin in pairs]
            return await published_otherwise(session, self._envelope, self._entries(pairs), refs)

    def _entries(self, pairs: Iterable[Pair]) -> list[PublishedIdentity]:
        return [
            PublishedIdentity(item.value, EntityType(item.type.value), kin.ref, item.field)
            for _, kin in pairs
            for item in self._roster.own_values(kin.ref, kin.up)
        ]

    async def _publish(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Publish what differs from what was published; gives the rows that may be written now.

        In portions, as publications wait for each other.
        """
        well: list[Pair] = []
        portion: list[Pair] = []
        size = 0
        for pair in pairs:
            kin = pair[1]
            if self._builder.names(kin.ref, kin.up) == self._published.get(kin.ref, ""):
                well.append(pair)
                continue
            portion.append(pair)
            size += len(self._roster.of(kin.ref))
            if size >= _PUBLISH:
                well += await self._publish_portion(portion)
                portion, size = [], 0
        return well + await self._publish_portion(portion)

    async def _publish_portion(self, pairs: Sequence[Pair]) -> list[Pair]:
        if not pairs:
            return []
        entries = self._entries(pairs)
        try:
            async with self._database.transaction() as session:
                await publish_identities(session, self._envelope, entries, [kin.ref for _, kin in pairs])
        except (BadInput, DBAPIError) as error:
            if len(pairs) == 1:
                kind, _, key = pairs[0][1].ref.partition(":")
                self.parking.park(kind, key, Stage.PUBLISHING, error)
                return []
        else:
            self._published |= {kin.ref: self._builder.names(kin.ref, kin.up) for _, kin in pairs}
            return list(pairs)
        half = len(pairs) // 2
        return await self._publish_portion(pairs[:half]) + await self._publish_portion(pairs[half:])


def _key(kin: Kin) -> str:
    return kin.ref.partition(":")[2]
