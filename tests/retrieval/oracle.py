"""Who may see what at the demo company, written down a second time and as plainly as can be.

It shares nothing with the code under test: it reads whole tables and applies the rules of the map by hand.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

_TABLES = {
    "account": "accounts",
    "contact": "contacts",
    "case": "cases",
    "note": "case_notes",
    "mail": "mails",
    "order": "orders",
    "product": "products",
    "article": "articles",
}


@dataclass(frozen=True)
class Person:
    """One active user of the CRM."""

    id: int
    login: str
    role: str
    teams: frozenset[int]
    territories: frozenset[int]


class Oracle:
    """All rows and all users as they are now."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn, row_factory=dict_row) as connection:
            self.rows: dict[str, dict[int, Any]] = {
                kind: {row["id"]: row for row in connection.execute(f"SELECT * FROM {table}")}
                for kind, table in _TABLES.items()
            }
            teams = list(connection.execute("SELECT * FROM team_members"))
            areas = list(connection.execute("SELECT * FROM team_territories"))
            users = list(connection.execute("SELECT * FROM users WHERE is_active ORDER BY id"))
        self.people = []
        for user in users:
            member = frozenset(row["team_id"] for row in teams if row["user_id"] == user["id"])
            reached = frozenset(row["territory_id"] for row in areas if row["team_id"] in member)
            self.people.append(Person(user["id"], user["email"], user["role"], member, reached))

    def refs(self) -> list[str]:
        return [f"{kind}:{key}" for kind, rows in self.rows.items() for key in rows]

    def may_see(self, person: Person, ref: str) -> bool:
        kind, _, key = ref.partition(":")
        row = self.rows[kind].get(int(key))
        return row is not None and bool(getattr(self, f"_{kind}")(person, row))

    def _account(self, person: Person, row: Any) -> bool:
        if row["owner_id"] == person.id:
            return True
        return row["territory_id"] in person.territories and (not row["restricted"] or person.role == "lead")

    def _contact(self, person: Person, row: Any) -> bool:
        return bool(row["consent"]) and self._of(person, "account", row["account_id"])

    def _case(self, person: Person, row: Any) -> bool:
        if row["assigned_to"] == person.id or row["team_id"] in person.teams:
            return True
        return self._of(person, "account", row["account_id"])

    def _note(self, person: Person, row: Any) -> bool:
        return self._of(person, "case", row["case_id"]) and (not row["confidential"] or person.role == "lead")

    def _mail(self, person: Person, row: Any) -> bool:
        return self._of(person, "case", row["case_id"])

    def _order(self, person: Person, row: Any) -> bool:
        return self._of(person, "account", row["account_id"])

    def _product(self, person: Person, row: Any) -> bool:
        return True

    def _article(self, person: Person, row: Any) -> bool:
        return row["audience"] in ("public", "staff") or person.role in ("lead", "officer")

    def _of(self, person: Person, kind: str, key: int) -> bool:
        return self.may_see(person, f"{kind}:{key}")
