"""A CRM of a few rows in SQLite, through a map of its own."""

import sqlite3
from pathlib import Path

MAP = """
crm: tiny
version: 1
users:
  table: people
  key: id
  login: login
  attributes: {id: id, role: role}
entities:
  customer:
    table: customers
    key: id
    label: "{name}"
    consent: agreed
    columns:
      name: {class: identity, type: ORGANIZATION}
      plan: {class: fact}
    visible:
      - {column: owner, in: $user.id}
  note:
    table: notes
    key: id
    label: "Note {id}"
    parent: {entity: customer, column: customer_id}
    columns:
      body: {class: text}
    visible:
      - {parent: customer}
  rule:
    table: rules
    key: id
    label: "{title}"
    columns:
      title: {class: text}
      body: {class: text}
    visible:
      - everyone
"""
ROWS = """
CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT, role TEXT);
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, plan TEXT, owner INTEGER, agreed BOOLEAN);
CREATE TABLE notes (id INTEGER PRIMARY KEY, customer_id INTEGER, body TEXT);
CREATE TABLE rules (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
INSERT INTO people VALUES (1, 'alice', 'rep'), (2, 'bob', 'rep');
INSERT INTO customers VALUES (1, 'Quarzwerk Nord', 'gold', 1, 1), (2, 'Veltzner Mills', 'basic', 2, 1),
                             (3, 'Holmgard Dairy', 'gold', 1, 0);
INSERT INTO notes VALUES (1, 1, 'The compressor rattles in the evening.'),
                         (2, 2, 'The invoice lists a delivery twice.'),
                         (3, 1, 'They asked for a quieter fan.'),
                         (4, 3, 'The zeppelin is late.');
INSERT INTO rules VALUES (1, 'Returns', 'Unused goods may be sent back within thirty days.'),
                         (2, 'Refunds', 'Money goes back to the card that paid.');
"""


def tiny_crm(folder: Path) -> tuple[Path, str]:
    """Its map's file and its address."""
    file = folder / "tiny.yaml"
    file.write_text(MAP, "utf-8")
    database = folder / "crm.db"
    database.unlink(missing_ok=True)
    with sqlite3.connect(database) as connection:
        connection.executescript(ROWS)
    connection.close()
    return file, f"sqlite:///{database}"
