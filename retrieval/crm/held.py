"""Who may read a table: kept over its replacement, so that a running appliance goes on reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from retrieval.crm.database import Connection, sql, table_name


class HeldRight(NamedTuple):
    """A right of a role on a table, or on one column of it."""

    role: str
    privilege: str
    column: str | None


def rights_on(connection: Connection[Any], table: str) -> list[HeldRight]:
    """What roles other than the owner may do with ``table``."""
    rows = connection.execute(
        """
        SELECT coalesce(quote_ident(r.rolname), 'PUBLIC'), held.privilege_type, held.attname
          FROM pg_class c
         CROSS JOIN LATERAL (
               SELECT NULL::name AS attname, acl.* FROM aclexplode(c.relacl) AS acl
                UNION ALL
               SELECT a.attname, acl.* FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
                WHERE a.attrelid = c.oid AND NOT a.attisdropped) AS held
          LEFT JOIN pg_roles r ON r.oid = held.grantee
         WHERE c.oid = to_regclass(%s) AND held.grantee <> c.relowner
         ORDER BY 1, 2, 3
        """,
        [table_name(table).as_string(connection)],
    )
    return [HeldRight(*row) for row in rows.fetchall()]


def give_back(
    connection: Connection[Any], table: str, columns: Collection[str], rights: Iterable[HeldRight]
) -> None:
    """Grant again what was held, as far as the columns are still there."""
    for right in rights:
        if right.column is not None and right.column not in columns:
            continue
        on = sql.SQL("({})").format(sql.Identifier(right.column)) if right.column else sql.SQL("")
        connection.execute(
            sql.SQL("GRANT {} {} ON {} TO {}").format(
                sql.SQL(right.privilege), on, table_name(table), sql.SQL(right.role)
            )
        )
