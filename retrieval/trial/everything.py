"""Who sees everything that may be processed at all: for measuring, when a query names nobody.

Nothing but a trial makes one, and a trial is opened with a CRM's own address, never through an API.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from retrieval.crm import CrmMap, CrmUser, exists_sql
from retrieval.crm.clauses import all_of
from retrieval.crm.coherence import ROLE
from retrieval.rights import Visibility


class Everything(Visibility):
    """Every key of the index and every row of the CRM, except those without consent."""

    __slots__ = ()

    def predicate(self, kind: str, source: sa.FromClause) -> sa.ColumnElement[bool]:
        """Consent alone, of what exists for Cloister."""
        entity = self.crm_map.entities[kind]
        consented = [source.c[entity.consent].is_(sa.true())] if entity.consent else []
        return all_of([*exists_sql(entity, source), *consented])

    def may_see_field(self, kind: str, field: str) -> bool:
        """Always."""
        return field in dict(self.crm_map.entities[kind].readable)


def everything(crm_map: CrmMap, keys: Iterable[str]) -> Everything:
    """Sees what has any of `keys`, and every field that some role may read."""
    roles = {
        role
        for entity in crm_map.entities.values()
        for right in entity.fields.values()
        for role in right.roles
    }
    attributes: dict[str, tuple[str, ...]] = {name: () for name in crm_map.users.attributes}
    attributes[ROLE] = tuple(sorted(roles))
    return Everything(crm_map, CrmUser(None, attributes), tuple(sorted(set(keys))))
