"""What the doors know records by: identities, published before a passage that mentions them is written."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
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
from retrieval.crm import CrmMap, identities
from retrieval.crm.map import IdentityColumn, Row
from retrieval.settings import MAY_DELETE

from .build import Builder
from .family import Kin
from .parking import Parking, Stage
from .roster import Roster

_PUBLISH: Final = 2_000
_ASKED: Final = 1_000
_AT_ONCE: Final = 50
_FEW: Final = 3
_NAMELESS: Final = frozenset({Stage.IDENTITIES, Stage.PUBLISHING})
_UNREAD: Final = frozenset({Stage.READING, Stage.RENDERING})

Pair = tuple[Row, Kin]


class NamelessKin(CloisterError):
    """A row belongs to a record whose identities could not be published."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"It belongs to {ref}, whose names could not be published.")


class Publisher:
    """Publishes what rows are called, and no more what rows that are gone were called.

    What counts is what the database has, which is what the doors read: the index may be older or newer.
    """

    def __init__(
        self,
        crm_map: CrmMap,
        roster: Roster,
        builder: Builder,
        database: Database,
        envelope: Envelope,
        parking: Parking,
    ) -> None:
        self._map = crm_map
        self._roster = roster
        self._builder = builder
        self._database = database
        self._envelope = envelope
        self._parking = parking
        self._published: dict[str, str] = {}
        self.kinds = [
            kind
            for kind in self._map.parents_first
            if any(isinstance(column, IdentityColumn) for _, column in self._map.entities[kind].readable)
        ]
        """Kinds whose rows have identities, parents first."""

    async def learn(self, kind: str, pairs: Sequence[Pair]) -> list[Pair]:
        """Learn what rows are called; without those of which that cannot be known."""
        learnt: list[Pair] = []
        for number, (row, kin) in enumerate(pairs):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # a question may come in between
            try:
                self._roster.replace({kin.ref: identities(self._map, kind, row)})
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one row is not the others' fault
                self._parking.park(kind, kin.key, Stage.IDENTITIES, error)
            else:
                learnt.append((row, kin))
        return learnt

    async def settle(self) -> None:
        """Mask with what was learnt from here on."""
        await asyncio.to_thread(self._roster.settle)

    def with_published_kin(self, kind: str, pairs: Sequence[Pair]) -> list[Pair]:
        """Without the rows that belong to one whose names the doors cannot know: they may name it."""
        well: list[Pair] = []
        for pair in pairs:
            unknown = next((ref for ref in pair[1].refers_to if self.is_nameless(ref)), None)
            if unknown is None:
                well.append(pair)
            else:
                self._parking.park(kind, pair[1].key, Stage.BELONGING, NamelessKin(unknown))
        return well

    def is_nameless(self, ref: str) -> bool:
        """Whether the doors cannot know what this record is called: it was set aside before that was said."""
        kind, _, key = ref.partition(":")
        stage = self._parking.stage(kind, key)
        if stage is None or kind not in self.kinds:
            return False
        return stage in _NAMELESS or (stage in _UNREAD and not self._published.get(ref))

    async def withdraw(self, kind: str, keys: Sequence[str]) -> None:
        """Publish no more what rows that are gone were called; again, when that was cut off before."""
        for start in range(0, len(keys) if kind in self.kinds else 0, _ASKED):
            refs = [f"{kind}:{key}" for key in keys[start : start + _ASKED]]
            self._roster.forget(refs)
            for ref in refs:
                self._published.pop(ref, None)
            async with self._database.transaction() as session:
                if left := await published_otherwise(session, self._envelope, [], refs):
                    await publish_identities(session, self._envelope, [], sorted(left))

    async def withdraw_others(self, kind: str, known: Collection[str], *, allow_deletes: bool) -> None:
        """Publish no more of a kind than what is `known`, unless it would be too much to be right."""
        if kind not in self.kinds:
            return
        async with self._database.transaction() as session:
            published = await published_entities(session, kind)
        keys = [ref.partition(":")[2] for ref in published]
        left = [key for key in keys if key not in known]
        if allow_deletes or len(left) <= max(_FEW, MAY_DELETE * len(keys)):
            await self.withdraw(kind, left)
        else:
            log.warning("sync.identities_kept", entity=kind, gone=len(left), published=len(keys))

    async def recall(self, pairs: Sequence[Pair]) -> None:
        """Know again what is published: by the database, which is what the doors read."""
        for start in range(0, len(pairs), _ASKED):
            some = pairs[start : start + _ASKED]
            other = await self.other(some)
            for _, kin in some:
                known = "" if kin.ref in other else self._builder.names(kin.ref, kin.up)
                self._published[kin.ref] = known

    async def other(self, pairs: Sequence[Pair]) -> set[str]:
        """References of those of which something else is published than the CRM has."""
        async with self._database.transaction() as session:
            refs = [kin.ref for _, kin in pairs]
            return await published_otherwise(session, self._envelope, self._entries(pairs), refs)

    def _entries(self, pairs: Iterable[Pair]) -> list[PublishedIdentity]:
        return [
            PublishedIdentity(item.value, EntityType(item.type.value), kin.ref, item.field)
            for _, kin in pairs
            for item in self._roster.own_values(kin.ref, kin.up)
        ]

    async def publish(self, pairs: Iterable[Pair]) -> list[Pair]:
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
                kin = pairs[0][1]
                self._parking.park(kin.kind, kin.key, Stage.PUBLISHING, error)
                return []
        else:
            self._published |= {kin.ref: self._builder.names(kin.ref, kin.up) for _, kin in pairs}
            return list(pairs)
        half = len(pairs) // 2
        return await self._publish_portion(pairs[:half]) + await self._publish_portion(pairs[half:])
