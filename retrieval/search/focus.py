"""Whom a question is about: the records it names, as far as the caller may see them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from retrieval.crm import CrmMap
from retrieval.crm.map import Row
from retrieval.records import Records
from retrieval.rights import Visibility

FOCUS_ROWS: Final = 8
"""Of so many named records the own records are looked up; a longer list is no question about somebody."""

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Focus:
    """Visible records that a question names, and those that they belong to; refs → live rows."""

    named: Mapping[str, Row]
    around: Mapping[str, Row]

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(ref.partition(":")[0] for ref in self.named)

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(self.named)


async def find_focus(records: Records, visibility: Visibility, refs: Iterable[str]) -> Focus:
    """Resolve references; `contact:3|contact:9` becomes those of them that may be seen.

    What does not exist and what is not the caller's is left out in the same way.
    """
    named = await visible_rows(records, visibility, refs)
    up = [ref for ref, row in named.items() for ref in links_of(records.crm_map, ref, row)]
    around = await visible_rows(records, visibility, [ref for ref in up if ref not in named])
    return Focus(named, around)


async def visible_rows(records: Records, visibility: Visibility, refs: Iterable[str]) -> dict[str, Row]:
    """The live rows of these references that may be seen, in the order asked; one statement a kind."""
    single = list(dict.fromkeys(one for ref in refs for one in ref.split("|")))
    by_kind: dict[str, list[str]] = {}
    for ref in single:
        kind, _, key = ref.partition(":")
        if kind in records.crm_map.entities and key:
            by_kind.setdefault(kind, []).append(key)
    found: dict[str, Row] = {}
    for kind, keys in by_kind.items():
        rows = await records.rows(kind, keys, visibility)
        found |= {f"{kind}:{key}": row for key, row in rows.items()}
    return {ref: found[ref] for ref in single if ref in found}


def links_of(crm_map: CrmMap, ref: str, row: Row) -> list[str]:
    """References of the records that a row names."""
    links = crm_map.entities[ref.partition(":")[0]].links
    return [f"{kind}:{row[column]}" for column, kind in links.items() if row[column] is not None]


def kinds_asked_for(crm_map: CrmMap, question: str) -> tuple[str, ...]:
    """Kinds of records that a question names by their own word or their table's: “open cases”."""
    words = {word.lower() for word in _WORD.findall(question)}
    words |= {word.removesuffix("s") for word in words} | {word.removesuffix("es") for word in words}
    words |= {f"{word.removesuffix('ies')}y" for word in words if word.endswith("ies")}
    found = []
    for kind, entity in crm_map.entities.items():
        table = entity.table.rpartition(".")[2].lower()
        if {kind, kind.replace("_", " "), table, table.removesuffix("s")} & words:
            found.append(kind)
    return tuple(found)


def kinds_beneath(crm_map: CrmMap, kinds: Iterable[str]) -> frozenset[str]:
    """`kinds` and every kind whose rows can belong to one of them, through however many steps."""
    beneath = set(kinds)
    while True:
        more = {
            kind
            for kind, entity in crm_map.entities.items()
            if kind not in beneath and beneath.intersection(entity.links.values())
        }
        if not more:
            return frozenset(beneath)
        beneath |= more


def links_to(crm_map: CrmMap, kind: str) -> Sequence[tuple[str, str]]:
    """(kind, column) of every column that names a record of `kind`."""
    return [
        (child, column)
        for child, entity in crm_map.entities.items()
        for column, target in entity.links.items()
        if target == kind
    ]
