"""A large CRM for measuring: the demo company several times over, each time with other people.

`python -m tests.retrieval.big DSN [COPIES]` writes it into an empty database. Every copy has the same cases
and notes under other names, numbers and addresses, so texts read as real ones do and no two customers
are the same. It is about 4,400 cases and notes and 10,800 rows a copy; 10 copies are
more than 100,000 pieces of prose.
"""

import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

import psycopg
from psycopg import sql

from retrieval import Company, build_company, seed_demo_company
from retrieval.demo.people import mail_name, slug

ANCHOR: Final = date(2026, 1, 31)
_SHIFT: Final = 1_000_000
_KEYS: Final = ("id", "account_id", "contact_id", "order_id", "case_id")
_TABLES: Final = ("accounts", "contacts", "orders", "cases", "case_notes", "mails")
_LOCALES: Final = {"Germany": "de_DE", "United States": "en_US", "United Kingdom": "en_GB"}

Row = dict[str, Any]


def fill_big(dsn: str, copies: int, seed: int = 7) -> dict[str, int]:
    """The demo company and `copies - 1` more of it, in an empty database; gives table → rows."""
    counts = seed_demo_company(dsn, seed, ANCHOR)
    company = build_company(seed, ANCHOR)
    with psycopg.connect(dsn) as connection:
        for copy in range(1, copies):
            for table, rows in zip(_TABLES, another(company, copy, seed), strict=True):
                counts[table] += _write(connection, table, rows)
        connection.execute("ANALYZE")
    return counts


def another(company: Company, copy: int, seed: int = 7) -> tuple[list[Row], ...]:
    """Rows of each table of `_TABLES`: the company with other people, under other keys."""
    tables = dict(company.tables())
    other = {account.id: _Renamed(account.row, _contacts(company, account.id), copy, seed)
             for account in company.accounts}  # fmt: skip
    account_of = {case.id: case.account.id for case in company.cases}

    def renamed(table: str) -> Iterator[Row]:
        for row in tables[table]:
            account = (
                row["id"] if table == "accounts" else row.get("account_id") or account_of[row["case_id"]]
            )
            yield other[account].row(table, row)

    return tuple(list(renamed(table)) for table in _TABLES)


def _contacts(company: Company, account: int) -> list[Row]:
    return [contact.row for one in company.accounts if one.id == account for contact in one.contacts]


class _Renamed:
    """One customer under other names: their rows, and every text that names them."""

    def __init__(self, account: Row, contacts: Sequence[Row], copy: int, seed: int) -> None:
        draw = random.Random(f"{seed}/{copy}/{account['id']}")  # noqa: S311 - invented data
        self._copy = copy
        self._new: dict[str, str] = {}
        locale = _LOCALES[account["country"]]
        people = [_person(locale, draw) for _ in contacts]
        name = f"{people[0][1]} {draw.choice(_TRADES)} {draw.choice(_FORMS)} {copy}{account['id']}"
        domain = f"{slug(name)}.example"
        for contact, (first, last) in zip(contacts, people, strict=True):
            self._new |= {
                f"{contact['first_name']} {contact['last_name']}": f"{first} {last}",
                contact["first_name"]: first,
                contact["last_name"]: last,
                contact["email"]: f"{mail_name(first, last)}@{domain}",
                contact["phone"]: _number(contact["phone"], draw),
                contact["mobile"]: _number(contact["mobile"], draw),
            }
        place = f"{account['postcode']} {account['city']}"
        line = f"{draw.choice(people)[1]} {draw.choice(_STREETS)} {draw.randint(1, 999)}"
        self._new |= {
            account["name"]: name,
            account["email"]: f"office@{domain}",
            account["phone"]: _number(account["phone"], draw),
            account["account_no"]: f"C{900_000 + copy * 10_000 + account['id']}",
            account["address_line"]: line,
            f"{account['address_line']}, {place}": f"{line}, {place}",
        }
        if account["website"]:
            self._new[account["website"]] = f"https://www.{domain}"
        if account["vat_id"]:
            self._new[account["vat_id"]] = re.sub(r"\d", lambda _: str(draw.randint(0, 9)), account["vat_id"])
        if account["iban"]:
            self._new[account["iban"]] = account["iban"][:4] + f"{draw.getrandbits(58):018d}"
        longest = sorted(map(re.escape, self._new), key=len, reverse=True)
        self._old = re.compile(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)")

    def row(self, table: str, row: Row) -> Row:
        made = {column: self._text(value) for column, value in row.items()}
        for key in _KEYS:
            if made.get(key) is not None:
                made[key] += self._copy * _SHIFT
        if table == "orders" and made["tracking_no"]:
            made["tracking_no"] = f"{made['tracking_no']}{self._copy}"
        return made

    def _text(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = self._old.sub(lambda found: self._new[found.group()], value)
        return _NUMBERED.sub(lambda found: f"{found.group()}{self._copy:02d}", text)


_NUMBERED: Final = re.compile(r"\b(?:CS|HT)-\d{5,6}\b|\bR20\d\d-\d{5}\b")
_STREETS: Final = ("Lane", "Road", "Straße", "Way")
_TRADES: Final = ("Catering", "Logistics", "Dental", "Gardens", "Interiors", "Brewing", "Joinery", "Fitness")
_FORMS: Final = ("Ltd", "GmbH", "Group", "& Sons", "KG", "Partners")


def _number(number: str, draw: random.Random) -> str:
    """Another number of the same form; the country stays."""
    head, tail = number[:4], number[4:]
    return head + re.sub(r"\d", lambda _: str(draw.randint(0, 9)), tail)


def _person(locale: str, draw: random.Random) -> tuple[str, str]:
    first, last = _names(locale)
    return draw.choice(first), draw.choice(last)


@cache
def _names(locale: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from faker import Faker

    faker = Faker(locale, use_weighting=False)
    faker.seed_instance(f"big/{locale}")
    first = {faker.first_name() for _ in range(4_000)}
    last = {faker.last_name() for _ in range(4_000)}
    return tuple(sorted(first)), tuple(sorted(last))


def _write(connection: psycopg.Connection[Any], table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        for row in rows:
            copying.write_row([row[column] for column in columns])
    return len(rows)


if __name__ == "__main__":
    print(fill_big(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12))
