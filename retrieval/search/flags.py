"""Marks that the company has put on records, such as vip or litigation, for the rules of risk.

They are read whoever may see the record that carries them: that a customer is in a lawsuit holds the answer
about one of their cases also where the one who asks may see the case alone.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from retrieval.crm import CrmMap
from retrieval.crm.map import Row
from retrieval.records import Records

from .focus import Focus

SOURCE: Final = "source:"
"""Before a mark of a record that was only found, not asked about."""


async def flags_about(records: Records, focus: Focus, shown: Mapping[str, Row]) -> tuple[str, ...]:
    """The marks of the named records and of those that they belong to; of `shown` ones with `source:`."""
    crm_map = records.crm_map
    if not any(entity.flags for entity in crm_map.entities.values()):
        return ()
    asked = await _marks(records, focus.named)
    found = await _marks(records, shown)
    return tuple(sorted({*asked, *(f"{SOURCE}{flag}" for flag in found)}))


def marks_of(crm_map: CrmMap, kind: str, row: Row) -> frozenset[str]:
    """The marks that one row carries."""
    flags = crm_map.entities[kind].flags
    return frozenset(name for name, flag in flags.items() if row[flag.column] in flag.equals)


async def _marks(records: Records, rows: Mapping[str, Row]) -> set[str]:
    """Of these rows and of all that they belong to."""
    crm_map = records.crm_map
    found: set[str] = set()
    while rows:
        above: dict[str, dict[str, None]] = {}
        for ref, row in rows.items():
            kind = ref.partition(":")[0]
            found |= marks_of(crm_map, kind, row)
            for parent, key in _parents(crm_map, kind, row):
                above.setdefault(parent, {})[key] = None
        rows = {
            f"{kind}:{key}": row
            for kind, keys in above.items()
            for key, row in (await records.rows(kind, list(keys))).items()
        }
    return found


def _parents(crm_map: CrmMap, kind: str, row: Row) -> Iterable[tuple[str, str]]:
    """The record that a row belongs to, where it or one above it can carry a mark."""
    parent = crm_map.entities[kind].parent
    if parent and row[parent.column] is not None:
        above = (parent.entity, *crm_map.ancestors(parent.entity))
        if any(crm_map.entities[one].flags for one in above):
            yield parent.entity, str(row[parent.column])
