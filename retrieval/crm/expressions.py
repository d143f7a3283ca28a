"""What a database says of SQL in a map, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrieval.crm.database import Connection, described, sql, table_name


@dataclass(frozen=True, slots=True)
class Told:
    """The type that SQL gives (an array's begins with an underscore), or why the database refuses it."""

    type_name: str = ""
    is_enum: bool = False
    refusal: str | None = None


def ask(connection: Connection[Any], table: str, expression: str) -> Told:
    """Have the database plan ``expression`` over the rows ``t`` of ``table``; no row is read."""
    statement = sql.SQL("SELECT ({}) FROM {} AS t WHERE false").format(
        sql.SQL(expression),  # the administrator's own words, from the map
        table_name(table),
    )
    oid, refusal = described(connection, statement)
    if refusal:
        return Told(refusal=refusal)
    row = connection.execute("SELECT typname, typtype = 'e' FROM pg_type WHERE oid = %s", [oid]).fetchone()
    return Told(*row) if row else Told(refusal="its type is unknown")
