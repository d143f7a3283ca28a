"""What a row says of the records it belongs to, and when its children must be looked at again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from retrieval.crm import CrmMap, covers, identities, load_map
from retrieval.crm.map import Row
from retrieval.index import IndexedRow, Terms
from retrieval.sync import Builder, Family, Roster

_MAP = """
crm: t
version: 1
users:
  table: users
  key: id
  login: login
  attributes: {id: id, role: role, teams: {table: members, user: user_id, value: team_id}}
entities:
  account:
    table: accounts
    key: id
    label: "{name} – {nickname}"
    columns: {name: {class: identity, type: ORGANIZATION}, nickname: {class: text}}
    visible: [{column: owner_id, in: $user.id}, {column: team_id, in: $user.teams}]
  contact:
    table: contacts
    key: id
    label: "{name} – {nickname}"
    consent: consent
    columns: {name: {class: identity, type: PERSON}, nickname: {class: text}}
    visible: [{column: owner_id, in: $user.id}]
  case:
    table: cases
    key: id
    label: "{subject}"
    parent: {entity: account, column: account_id}
    columns: {subject: {class: text}}
    visible: [{parent: account}, {column: assigned_to, in: $user.id}]
  mail:
    table: mails
    key: id
    label: "Mail {id}"
    parent: {entity: case, column: case_id}
    columns: {body: {class: text}}
    visible: [{parent: case, where: {open: false}}, {parent: case, where: {open: true}, roles: [lead]}]
  note:
    table: notes
    key: id
    label: "Note {id}"
    parent: {entity: contact, column: contact_id}
    columns: {body: {class: text}}
    visible: [everyone]
"""


class Rows:
    """Rows as a CRM would give them."""

    def __init__(self, crm_map: CrmMap) -> None:
        self.crm_map = crm_map
        self.roster = Roster()
        self.held: dict[str, dict[str, dict[str, Any]]] = {
            "account": {
                "1": {"id": 1, "name": "Nordwind GmbH", "nickname": "canary", "owner_id": 9, "team_id": 3}
            },
            "contact": {
                "1": {"id": 1, "name": "Ann Smith", "nickname": "canary", "consent": True, "owner_id": 9}
            },
            "case": {"1": {"id": 1, "account_id": 1, "subject": "Broken pump", "assigned_to": None}},
            "mail": {"1": {"id": 1, "case_id": 1, "body": "hello there", "open": False}},
            "note": {"1": {"id": 1, "contact_id": 1, "body": "hello there"}},
        }

    async def rows(self, kind: str, keys: Sequence[str]) -> dict[str, Row]:
        return {key: row for key, row in self.held[kind].items() if key in keys}

    def __getitem__(self, kind: str) -> dict[str, Any]:
        return self.held[kind]["1"]

    def built(self, kind: str) -> tuple[IndexedRow, str]:
        """The row, and all that is indexed and embedded of it."""
        ((row, kin),) = asyncio.run(Family(self).pairs(kind, [self[kind]]))
        builder = Builder(self.crm_map, self.roster, Terms(), b"k" * 16)
        texts = builder.texts(kind, row, kin).values() if kin.acl else ()
        return builder.row(kind, row, kin), "\n".join(f"{one.terms_text}\n{one.dense_text}" for one in texts)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    file = tmp_path / "map.yaml"
    file.write_text(_MAP, "utf-8")
    return Rows(load_map(file))


def test_a_note_says_nothing_of_a_contact_without_consent(rows: Rows) -> None:
    rows["contact"]["consent"] = False
    assert "canary" not in rows.built("note")[1]


def test_a_case_says_nothing_of_an_account_that_its_reader_may_not_see(rows: Rows) -> None:
    assert "canary" in rows.built("case")[1]
    assert "canary" in rows.built("mail")[1]
    rows["case"]["assigned_to"] = 5
    assert "canary" not in rows.built("case")[1]
    row, said = rows.built("mail")
    assert "canary" not in said
    assert "Broken pump" in said
    rows["mail"]["open"] = True  # for leads among the same readers
    assert row.acl != rows.built("mail")[0].acl
    assert "Broken pump" in rows.built("mail")[1]
    assert "canary" not in rows.built("mail")[1]


def test_the_reference_of_a_hidden_account_stays_so_that_the_case_is_found_by_its_customer(
    rows: Rows,
) -> None:
    rows.roster.replace({"account:1": identities(rows.crm_map, "account", rows["account"])})
    rows.roster.settle()
    rows["case"]["assigned_to"] = 5
    assert "account_1" in rows.built("case")[1]
    assert "canary" not in rows.built("case")[1]


def test_who_has_another_rule_with_the_same_meaning_is_told(rows: Rows) -> None:
    rows["case"]["assigned_to"] = 9  # the account's owner
    assert "canary" in rows.built("case")[1]


def test_children_are_looked_at_when_what_they_take_from_above_changes(rows: Rows) -> None:
    """Also where the row between them may not say it itself."""
    rows["case"]["assigned_to"] = 5
    first = rows.built("case")[0]
    rows["account"]["nickname"] = "sparrow"
    renamed = rows.built("case")[0]
    rows["account"]["owner_id"] = 5
    opened = rows.built("case")[0]
    assert len({first.shape, renamed.shape, opened.shape}) == 3
    assert len({first.version, renamed.version, opened.version}) == 3
    assert [chunk.digest for chunk in first.chunks] == [chunk.digest for chunk in renamed.chunks]


def test_keys_cover_others_that_ask_the_same_of_their_holder() -> None:
    assert covers(["everyone"], ["case.team_id~teams=3"])
    assert covers(["account.team_id~teams=3"], ["case.team_id~teams=3"])
    assert covers(["account#1~teams=3"], ["case.of team~teams=3"])
    assert covers(["account@lead"], ["case@lead"])
    assert covers(
        ["account.owner~id=1"], ["mail^@lead/case.owner~id=1", "note^@a,b/mail^@lead/case.owner~id=1"]
    )
    assert not covers([], ["everyone"])
    assert not covers([], [])
    assert not covers(["account.team_id~teams=3"], ["case.team_id~teams=4"])
    assert not covers(["account.team_id~teams=3"], ["case.team_id~territories=3"])
    assert not covers(["account.team_id~teams=3"], ["account.team_id~teams=3", "case.owner~id=1"])
    assert not covers(["account.team_id~teams@lead=3"], ["case.team_id~teams=3"])
    assert not covers(["account^@lead/x.owner~id=1"], ["x.owner~id=1"])
