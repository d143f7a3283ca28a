"""Writes the demo company into an empty PostgreSQL database."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

from retrieval.crm.database import connect, copy_rows, sql, table_name
from retrieval.crm.errors import AlreadyImported
from retrieval.demo.cases import Case, CaseBuilder
from retrieval.demo.company import Account, Builder, Order, static_rows

OnProgress = Callable[[str, int], None]
"""Called with a table's name and the number of rows in it, after each table."""

_TOUCHED = (
    "products",
    "accounts",
    "contacts",
    "orders",
    "order_lines",
    "cases",
    "case_notes",
    "mails",
    "articles",
)
_INDEXES = (
    ("accounts", "owner_id"),
    ("accounts", "territory_id"),
    ("contacts", "account_id"),
    ("orders", "account_id"),
    ("order_lines", "order_id"),
    ("cases", "account_id"),
    ("cases", "contact_id"),
    ("case_notes", "case_id"),
    ("mails", "case_id"),
)


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that a seed and a day make; pure values, nothing is written."""

    seed: int
    anchor: date
    accounts: tuple[Account, ...]
    orders: tuple[Order, ...]
    cases: tuple[Case, ...]

    def tables(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Table name and rows, in an order that respects the references."""
        yield from static_rows(self.anchor, random.Random(f"stock/{self.seed}"))  # noqa: S311  invented data
        yield "accounts", [account.row for account in self.accounts]
        yield "contacts", [contact.row for account in self.accounts for contact in account.contacts]
        yield "orders", [order.row for order in self.orders]
        yield "order_lines", [*_order_lines(self.orders)]
        yield "cases", [case.row for case in self.cases]
        yield "case_notes", [note for case in self.cases for note in case.notes]
        yield "mails", [mail for case in self.cases for mail in case.mails]


def build_company(seed: int = 7, anchor: date | None = None) -> Company:
    """The demo company as it is on the day ``anchor`` (default: today, UTC)."""
    day = anchor or datetime.now(UTC).date()
    builder = Builder(seed, day)
    builder.build()
    cases = CaseBuilder(seed, day, builder.accounts).build()
    return Company(seed, day, tuple(builder.accounts), tuple(builder.orders), tuple(cases))


def seed_demo_company(
    dsn: str,
    seed: int = 7,
    anchor: date | None = None,
    on_progress: OnProgress | None = None,
    *,
    replace: bool = False,
) -> dict[str, int]:
    """Create the tables of the demo company and fill them, in one transaction; returns table → rows.

    Raises :class:`AlreadyImported` when one of the tables exists and ``replace`` is false. With ``replace``
    those tables are dropped first, and nothing else.
    """
    company = build_company(seed, anchor)
    schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    counts: dict[str, int] = {}
    with connect(dsn, application_name="cloister-demo") as connection:
        names = [name for name, _ in company.tables()]
        _make_room(connection, names, replace)
        connection.execute(schema.encode())
        for name, rows in company.tables():
            columns = list(rows[0])
            counts[name] = copy_rows(
                connection, name, columns, ([row[key] for key in columns] for row in rows)
            )
            if on_progress:
                on_progress(name, counts[name])
        for table, column in _INDEXES:
            connection.execute(
                sql.SQL("CREATE INDEX ON {} ({})").format(table_name(table), sql.Identifier(column))
            )
        for table in _TOUCHED:
            connection.execute(
                sql.SQL("{} ON {} FOR EACH ROW EXECUTE FUNCTION touch_updated_at()").format(
                    sql.SQL("CREATE TRIGGER touch BEFORE UPDATE"), table_name(table)
                )
            )
        connection.execute("ANALYZE")
    return counts


def _make_room(connection: Any, names: list[str], replace: bool) -> None:
    found = [name for name in names if connection.execute("SELECT to_regclass(%s)", [name]).fetchone()[0]]
    if found and not replace:
        raise AlreadyImported(
            f"The database already has the table {found[0]}; "
            "give an empty database, or ask for a replacement."
        )
    for name in reversed(names):
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(table_name(name)))
    connection.execute("DROP FUNCTION IF EXISTS touch_updated_at()")


def _order_lines(orders: tuple[Order, ...]) -> Iterator[dict[str, Any]]:
    number = 0
    for order in orders:
        for product, quantity, price in order.lines:
            number += 1
            yield {
                "id": number,
                "order_id": order.id,
                "product_id": product.id,
                "quantity": quantity,
                "unit_price": price,
                "updated_at": order.row["updated_at"],
            }
