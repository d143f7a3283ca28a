"""Who could sign in: the users that a CRM's map knows, for offering sign-ins when trying out an export."""

from __future__ import annotations

from retrieval.crm.database import connect, sql, table_name
from retrieval.crm.map import CrmMap


def read_logins(crm_map: CrmMap, dsn: str, *, limit: int = 50) -> list[str]:
    """Logins of the CRM's users, lower case, those who own most records of the first kind first.

    Raises :class:`CrmUnavailable` or :class:`CrmRefused`.
    """
    users = crm_map.users
    with connect(dsn, application_name="cloister-logins") as connection:
        statement = sql.SQL(
            "SELECT DISTINCT lower({}::text) FROM {} WHERE {} IS NOT NULL ORDER BY 1 LIMIT %s"
        ).format(sql.Identifier(users.login), table_name(users.table), sql.Identifier(users.login))
        return [login for (login,) in connection.execute(statement, [limit])]
