"""Records by their label, for the `@` of the composer."""

from collections.abc import Iterable

from retrieval.crm import title
from retrieval.records import Records
from retrieval.rights import Visibility

from .values import FoundEntities, FoundEntity


async def find_entities(records: Records, visibility: Visibility, typed: str, limit: int) -> FoundEntities:
    """At most `limit` visible records whose label contains `typed`; parents before what belongs to them."""
    wanted = " ".join(typed.split())
    found: list[FoundEntity] = []
    for kind in _kinds(records) if wanted else ():
        rows = await records.labelled(kind, wanted, visibility, limit - len(found))
        key = records.crm_map.entities[kind].key
        found += [
            FoundEntity(ref=f"{kind}:{row[key]}", label=title(records.crm_map, kind, row), kind=kind)
            for row in rows
        ]
        if len(found) >= limit:
            break
    return FoundEntities(entities=tuple(found))


def _kinds(records: Records) -> Iterable[str]:
    """Kinds that somebody would name: those with records of their own, or that belong to nobody else's."""
    entities = records.crm_map.entities
    parents = {target for entity in entities.values() for target in entity.links.values()}
    return [kind for kind in records.crm_map.parents_first if kind in parents]
