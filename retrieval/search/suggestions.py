"""Questions that somebody could ask: made of the map's words and of records that this caller may see."""

from typing import Final

from retrieval.crm import facts, title
from retrieval.crm.map import FactKind, Row
from retrieval.records import Records
from retrieval.rights import Visibility

from .focus import links_to
from .listing import state_column
from .wanted import plural_of
from .words import unfinished

_LOOKED_AT: Final = 40
_SHORT: Final = 24


async def suggest(records: Records, visibility: Visibility) -> list[str]:
    """Questions that have an answer for this caller: about what belongs to a customer, about a value of one,
    and about all of the caller's; none of a kind of which nothing may be seen."""
    crm_map = records.crm_map
    whose = [name for name in crm_map.parents_first if not crm_map.entities[name].open_to_everyone]
    for kind in whose:
        rows = await records.labelled(kind, "", visibility, _LOOKED_AT)
        children = [(child, column) for child, column in links_to(crm_map, kind) if child in whose]
        if rows:
            children.sort(key=lambda one: state_column(crm_map, one[0], visibility) is None)
            break
    else:
        return []
    rows = sorted(rows, key=lambda row: len(title(crm_map, kind, row)) > _SHORT)
    found = [await _of(records, visibility, kind, rows, child, column) for child, column in children]
    found = [*filter(None, found)][:1]
    found += [*filter(None, (_value_of(records, visibility, kind, row) for row in rows[::-1]))][:1]
    for child, _ in children[:1]:
        if any((await records.count(child, [], visibility)).values()):
            found.append(f"How many {plural_of(crm_map, child)} do I have?")
    return found


async def _of(
    records: Records, visibility: Visibility, kind: str, rows: list[Row], child: str, column: str
) -> str:
    """`Which cases of X are open?`: of the first that has such a one."""
    crm_map, state = records.crm_map, state_column(records.crm_map, child, visibility)
    if state is None:
        return ""
    key = crm_map.entities[kind].key
    tally = await records.tally(child, column, [str(row[key]) for row in rows], state, visibility)
    for row in rows:
        values = [value for value in tally.get(str(row[key]), {}) if value]
        if wanted := unfinished(values) or values:
            return f"Which {plural_of(crm_map, child)} of {title(crm_map, kind, row)} are {wanted[0]}?"
    return ""


def _value_of(records: Records, visibility: Visibility, kind: str, row: Row) -> str:
    """`What is the open balance of X?`: a value that changes, money before others."""
    told = facts(records.crm_map, kind, row, visibility.user.attributes)
    told = sorted(told, key=lambda fact: (not fact.live, fact.kind is not FactKind.MONEY))
    return f"What is the {told[0].label} of {title(records.crm_map, kind, row)}?" if told else ""
