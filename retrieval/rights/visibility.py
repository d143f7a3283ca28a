"""What one person may see, at the moment of one question.

`visibility_of` is the only maker of `Visibility`; it reads the CRM each time and nothing keeps the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from gateway import Principal
from retrieval.crm import (
    EVERYONE,
    CrmMap,
    CrmUser,
    grant_keys,
    may_see_field,
    parameters,
    roles_that_count,
    visible_sql,
)


@dataclass(frozen=True, slots=True)
class Visibility:
    """The rights of one CRM user, for the index as keys and for the CRM as SQL.

    It does not promise to hold a moment later: what is shown passes the SQL once more.
    """

    crm_map: CrmMap
    user: CrmUser
    grants: tuple[str, ...]

    def predicate(self, kind: str, source: sa.FromClause) -> sa.ColumnElement[bool]:
        """ "May see the row" over `source`, the rows of `kind`; to be run with `values`."""
        return visible_sql(self.crm_map, kind, self.user.attributes, source)

    @property
    def roles(self) -> frozenset[str]:
        """Whoever has the same has the same `predicate`, with other `values`."""
        return roles_that_count(self.crm_map, self.user.attributes)

    @property
    def values(self) -> Mapping[str, Any]:
        """The values with which statements with a `predicate` are run."""
        return parameters(self.crm_map, self.user.attributes)

    def may_see_field(self, kind: str, field: str) -> bool:
        """Whether the field of a visible row may be read."""
        return may_see_field(self.crm_map.entities[kind], field, self.user.attributes)


def visibility_of_anyone(crm_map: CrmMap) -> Visibility:
    """What everybody may see, for when nobody's rights can be read: the key of everyone, and no attribute."""
    nobody = CrmUser(None, {name: () for name in crm_map.users.attributes})
    return Visibility(crm_map, nobody, (EVERYONE,))


class UserSource(Protocol):
    """Where CRM users are read."""

    crm_map: CrmMap

    async def user(self, login: str) -> CrmUser | None: ...


async def visibility_of(source: UserSource, principal: Principal) -> Visibility | None:
    """The rights of the CRM user with this principal's login; None when there is no such active user.

    Raises `CrmUnavailable`, `AmbiguousUser`.
    """
    user = await source.user(principal.login)
    if user is None:
        return None
    return Visibility(source.crm_map, user, tuple(grant_keys(source.crm_map, user.attributes)))
