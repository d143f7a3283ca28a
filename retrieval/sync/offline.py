"""The identities that a sync would publish, taken from rows in memory instead of a database."""

from collections.abc import Mapping, Sequence

from redaction import EntityType, GazetteerEntry
from retrieval.crm import CrmMap, identities
from retrieval.crm.map import Row

from .roster import Roster


def identities_in(crm_map: CrmMap, tables: Mapping[str, Sequence[Row]]) -> list[GazetteerEntry]:
    """What the CRM knows, by the rows of its tables: each value under the record that publishes it.

    A value that a record shares with the one it belongs to is published for the latter alone, as in a sync.
    Tables that the map does not name are left out, and a table that is not given has no rows.
    """
    roster = Roster()
    above: dict[str, tuple[str, ...]] = {}
    found: list[GazetteerEntry] = []
    for kind in crm_map.parents_first:
        entity = crm_map.entities[kind]
        for row in tables.get(entity.table, ()):
            ref = f"{kind}:{row[entity.key]}"
            up: tuple[str, ...] = ()
            if entity.parent and row[entity.parent.column] is not None:
                parent = f"{entity.parent.entity}:{row[entity.parent.column]}"
                up = (parent, *above.get(parent, ()))
            links = [
                f"{kind_of}:{row[column]}"
                for column, kind_of in entity.links.items()
                if row[column] is not None
            ]
            above[ref] = tuple(dict.fromkeys([*links, *up]))
            roster.replace({ref: identities(crm_map, kind, row)})
            found += [
                GazetteerEntry(item.value, EntityType(item.type.value), ref, item.field)
                for item in roster.own_values(ref, above[ref])
            ]
    return found
