"""What a row inherits from the records it belongs to: rights, references and titles."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from retrieval.crm import CrmMap, acl_keys, title
from retrieval.crm.map import Row

_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Kin:
    """A row's own rights, the records it belongs to (nearest first), its title, and its parent."""

    ref: str
    acl: tuple[str, ...]
    up: tuple[str, ...]
    title: str
    above: "Kin | None" = None
    parent: str = ""
    """The reference of the record that it belongs to, also of one that cannot be read."""

    @property
    def refers_to(self) -> tuple[str, ...]:
        """Every record that it belongs to or names by a column."""
        return (*self.up, self.parent) if self.parent and self.parent not in self.up else self.up

    @property
    def kind(self) -> str:
        """The row's kind."""
        return self.ref.partition(":")[0]

    @property
    def key(self) -> str:
        """The row's key."""
        return self.ref.partition(":")[2]


class ReadsRows(Protocol):
    """Where parents are looked up."""

    @property
    def crm_map(self) -> CrmMap:
        """The map of the rows."""

    async def rows(self, kind: str, keys: Sequence[str], /) -> dict[str, Row]:
        """The rows with these keys. Raises `CrmUnavailable`."""


class Family:
    """Looks up parents in the CRM, each once. Made anew for every pass, so that nothing is kept stale.

    `refused` is told of a row (kind, key) that cannot be rendered; without it, that is raised.
    """

    def __init__(
        self, records: ReadsRows, refused: Callable[[str, str, Exception], None] | None = None
    ) -> None:
        self._records = records
        self._refused = refused
        self._kept: dict[str, Kin] = {}

    async def kin(self, kind: str, rows: Sequence[Row]) -> list[Kin]:
        """What each of `rows` is and inherits, in their order. Raises `CrmUnavailable`."""
        return [kin for _, kin in await self.pairs(kind, rows)]

    async def pairs(self, kind: str, rows: Sequence[Row]) -> list[tuple[Row, Kin]]:
        """Each row that can be rendered, with what it is and inherits. Raises `CrmUnavailable`."""
        crm_map = self._records.crm_map
        entity = crm_map.entities[kind]
        parents: dict[str, Kin] = {}
        if entity.parent:
            named = {str(row[entity.parent.column]) for row in rows if row[entity.parent.column] is not None}
            parents = await self._parents(entity.parent.entity, named)
        made = []
        for row in rows:
            above = parents.get(str(row[entity.parent.column])) if entity.parent else None
            try:
                made.append((row, _kin(crm_map, kind, row, above)))
            except Exception as error:
                if self._refused is None:
                    raise
                self._refused(kind, str(row[entity.key]), error)
        return made

    async def _parents(self, kind: str, keys: Iterable[str]) -> dict[str, Kin]:
        wanted = {key: f"{kind}:{key}" for key in keys}
        missing = [key for key, ref in wanted.items() if ref not in self._kept]
        if missing:
            rows = list((await self._records.rows(kind, missing)).values())
            if len(self._kept) > _KEPT:
                self._kept.clear()
                missing = list(wanted)
                rows = list((await self._records.rows(kind, missing)).values())
            self._kept |= {kin.ref: kin for kin in await self.kin(kind, rows)}
        return {key: self._kept[ref] for key, ref in wanted.items() if ref in self._kept}


def _kin(crm_map: CrmMap, kind: str, row: Row, above: Kin | None) -> Kin:
    entity = crm_map.entities[kind]
    own = [f"{kind_of}:{row[column]}" for column, kind_of in entity.links.items() if row[column] is not None]
    inherited = (above.ref, *above.up) if above else ()
    return Kin(
        f"{kind}:{row[entity.key]}",
        tuple(acl_keys(crm_map, kind, row, above.acl if above else ())),
        tuple(dict.fromkeys([*own, *inherited])),
        title(crm_map, kind, row),
        above,
        f"{entity.parent.entity}:{row[entity.parent.column]}"
        if entity.parent and row[entity.parent.column] is not None
        else "",
    )
