"""A small CRM in a database that is no PostgreSQL: its map, its tables, its rows."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrieval import CrmSettings

MAP = """\
crm: shop
version: 1
users:
  table: users
  key: id
  login: email
  active: {column: active, equals: [true]}
  where: {kind: staff}
  attributes:
    id: id
    role: role
    teams: {table: team_members, user: user_id, value: team_id}
entities:
  account:
    table: accounts
    key: code
    label: "{name} {town}"
    changed: updated_at
    where: {gone: false}
    columns:
      name: {class: identity, type: ORGANIZATION}
      town: {class: fact}
      balance: {class: fact, kind: money, currency: EUR, live: true}
      since: {class: fact, kind: date}
      vip: {class: fact, kind: boolean}
      phone: {class: identity, type: PHONE, of: extra.phone}
      owner_id: {class: key}
    visible:
      - {owner: owner_id}
      - {team: team_id, where: {level: [open, null]}}
      - {role: lead, where: {level: Open}}
  case:
    table: cases
    key: id
    label: "{subject}"
    changed: updated_at
    retention: {column: closed_on, days: 100}
    parent: {entity: account, column: account_code}
    follows:
      - {table: watchers, column: case_id, reads: [user_id]}
    columns:
      subject: {class: text}
      description: {class: text}
      status: {class: fact, live: true, choice: true}
    visible:
      - {parent: account}
      - {value_sql: "(SELECT w.user_id FROM watchers w WHERE w.case_id = t.id)", in: $user.id}
      - {everyone: true, where_sql: "t.status = 'known' AND t.priority > 8"}
  article:
    table: articles
    key: id
    label: "{title}"
    reference: true
    columns:
      title: {class: text}
      body: {class: text}
    visible:
      - everyone
"""

_tables = sa.MetaData()
USERS = sa.Table(
    "users",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(80)),
    sa.Column("role", sa.String(20)),
    sa.Column("kind", sa.String(20)),
    sa.Column("active", sa.Boolean),
)
MEMBERS = sa.Table(
    "team_members", _tables, sa.Column("user_id", sa.Integer), sa.Column("team_id", sa.Integer)
)
ACCOUNTS = sa.Table(
    "accounts",
    _tables,
    sa.Column("code", sa.String(20), primary_key=True),
    sa.Column("name", sa.String(80)),
    sa.Column("town", sa.String(80)),
    sa.Column("balance", sa.Numeric(10, 2)),
    sa.Column("since", sa.Date),
    sa.Column("vip", sa.Boolean),
    sa.Column("extra", sa.JSON),
    sa.Column("owner_id", sa.Integer),
    sa.Column("team_id", sa.Integer),
    sa.Column("level", sa.String(20)),
    sa.Column("gone", sa.Boolean),
    sa.Column("updated_at", sa.DateTime, index=True),
)
CASES = sa.Table(
    "cases",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_code", sa.String(20), index=True),
    sa.Column("subject", sa.String(200)),
    sa.Column("description", sa.Text),
    sa.Column("status", sa.String(20)),
    sa.Column("priority", sa.Integer),
    sa.Column("closed_on", sa.Date),
    sa.Column("updated_at", sa.DateTime, index=True),
)
WATCHERS = sa.Table(
    "watchers", _tables, sa.Column("case_id", sa.Integer, index=True), sa.Column("user_id", sa.Integer)
)
ARTICLES = sa.Table(
    "articles",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String(200)),
    sa.Column("body", sa.Text),
)


def now() -> datetime:
    """As an application writes it down: in UTC and without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Elsewhere:
    """A CRM: how its owner changes it, and how Cloister reads it."""

    engine: sa.Engine
    settings: CrmSettings

    def run(self, *statements: sa.Executable) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)

    async def change(self, *statements: sa.Executable) -> None:
        """Run them beside the event loop: in SQLite a writer waits for readers, and they are on the loop."""
        await asyncio.to_thread(self.run, *statements)

    def fill(self) -> None:
        """Two accounts of two people, a lead, a team, and what belongs to them."""
        today = date.today()  # noqa: DTZ011 - of this machine, as the CRM's application has it
        _tables.drop_all(self.engine)
        _tables.create_all(self.engine)
        people = [
            (1, "Maya@shop.example", "rep", "staff", True),
            (2, "tom@shop.example", "rep", "staff", True),
            (3, "lea@shop.example", "lead", "staff", True),
            (4, "left@shop.example", "lead", "staff", False),
            (5, "customer@shop.example", "lead", "portal", True),
            (6, "josé@shop.example", "rep", "staff", True),
        ]
        cases = [
            (1, "A-1", "Boiler leaks", "The boiler drips since Monday.", "open", 1, None),
            (2, "B-2", "Pump is loud", "The pump hums at night.", "waiting", 1, None),
            (3, "B-2", "Known fault", "The valve of the pump sticks.", "known", 9, None),
            (4, "A-1", "Long ago", "Nobody remembers.", "closed", 1, today - timedelta(days=200)),
            (5, "A-1", "Not long ago", "The fan was replaced.", "closed", 1, today - timedelta(days=20)),
        ]
        self.run(
            sa.insert(USERS).values(people),
            sa.insert(MEMBERS).values([(2, 7), (3, 7), (3, 8)]),
            sa.insert(ACCOUNTS).values([
                ("A-1", "Zimt GmbH", "Köln", Decimal("120.50"), date(2020, 2, 3), True,
                 {"phone": ["+49 221 5550100"]}, 1, 7, "shut", False, now()),
                ("B-2", "Anis AG", "50%_town", Decimal("0"), None, False, None, 2, 8, "open", False, now()),
                ("C-3", "Gone KG", "Bonn", None, None, None, None, 1, None, None, True, now()),
                ("D-4", "Mohn oHG", "Bonn", None, None, None, None, 6, 9, "Open", False, now()),
            ]),
            sa.insert(CASES).values([(*case, now()) for case in cases]),
            sa.insert(WATCHERS).values([(1, 2)]),
            sa.insert(ARTICLES).values([(1, "Descaling", "Use vinegar against lime.")]),
        )  # fmt: skip


@contextmanager
def in_sqlite(folder: Path) -> Iterator[Elsewhere]:
    path = folder / "the crm.db"
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), poolclass=sa.NullPool)
    crm = Elsewhere(engine, _settings(folder, f"sqlite:///{path}"))
    crm.fill()
    yield crm
    engine.dispose()


@contextmanager
def in_mariadb(server: Any, folder: Path) -> Iterator[Elsewhere]:
    engine = sa.create_engine(server.url(), poolclass=sa.NullPool)
    secret = folder / "reader"
    secret.write_text(server.password("reader"))
    url = server.url("reader", password=False).render_as_string().replace("+pymysql", "")
    crm = Elsewhere(engine, _settings(folder, url, password_file=secret))
    crm.fill()
    yield crm
    engine.dispose()


def _settings(folder: Path, url: str, **more: Any) -> CrmSettings:
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    limits = {"timeout_s": 5, "question_timeout_s": 2}
    return CrmSettings(map_file=folder / "map.yaml", url=url, **{**limits, **more})
