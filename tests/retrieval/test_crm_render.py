from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retrieval.crm import (
    CrmMap,
    FactKind,
    fact_labels,
    facts,
    identities,
    lead,
    link,
    load_map,
    render,
    title,
)

MAP = """\
crm: shop
version: 1
users:
  table: users
  key: id
  login: email
  attributes: {id: id, role: role}
entities:
  customer:
    table: customers
    key: id
    label: "{name} ({city})"
    url: "https://crm.example/{id}"
    internal: is_internal
    lead: [balance, city, since]
    columns:
      name: {class: identity, type: PERSON, of: [first_name, last_name]}
      mails: {class: identity, type: EMAIL}
      home: {class: identity, type: ADDRESS, of: [address.street, address.town]}
      city: {class: fact}
      balance: {class: fact, kind: money, currency: EUR, live: true, label: open balance}
      limit: {class: fact, kind: money, currency: EUR}
      since: {class: fact, kind: date}
      vip: {class: fact, kind: boolean}
      about: {class: text}
      gossip: {class: text, internal: true}
      password: {class: secret}
    visible: [everyone]
    fields:
      limit: {roles: [lead]}
"""
ROW: dict[str, Any] = {
    "id": "a/b 1",
    "first_name": "Ada",
    "last_name": "Löw",
    "mails": ["ada@shop.example", "low@shop.example"],
    "address": {"street": "1 High Street", "town": "York", "zip": None},
    "city": "York",
    "balance": Decimal("1234.5"),
    "limit": Decimal(9000),
    "since": date(2024, 2, 29),
    "vip": False,
    "about": "  Likes tea.  ",
    "gossip": None,
    "is_internal": False,
    "password": "never",
}


@pytest.fixture(scope="module")
def crm_map(tmp_path_factory: pytest.TempPathFactory) -> CrmMap:
    path: Path = tmp_path_factory.mktemp("map") / "map.yaml"
    path.write_text(MAP, encoding="utf-8")
    return load_map(path)


def test_an_identity_may_be_made_of_several_columns_or_be_a_list(crm_map: CrmMap) -> None:
    found = identities(crm_map, "customer", ROW)
    assert [(value, kind.value, field) for value, kind, field in found] == [
        ("Ada Löw", "PERSON", "name"),
        ("ada@shop.example", "EMAIL", "mails"),
        ("low@shop.example", "EMAIL", "mails"),
        ("1 High Street, York", "ADDRESS", "home"),
    ]


def test_what_heads_a_passage_in_the_index_holds_no_live_fact(crm_map: CrmMap) -> None:
    assert lead(crm_map, "customer", ROW) == "city: York · since: 2024-02-29"


def test_parts_are_prose_or_label_and_value(crm_map: CrmMap) -> None:
    parts = {part.field: part for part in render(crm_map, "customer", ROW)}
    assert parts["about"].text == "Likes tea."
    assert parts["about"].kind == "text"
    name = parts["name"]
    assert name.text == "name: Ada Löw"
    assert name.text[name.value_start :] == "Ada Löw"
    assert parts["since"].text == "since: 2024-02-29"
    assert parts["vip"].text == "vip: no"


def test_live_facts_secrets_and_empty_fields_are_not_rendered(crm_map: CrmMap) -> None:
    parts = {part.field for part in render(crm_map, "customer", ROW)}
    assert not parts & {"balance", "gossip", "password"}


def test_a_restricted_field_needs_its_role_and_is_never_indexed(crm_map: CrmMap) -> None:
    def fields(user: dict[str, tuple[str, ...]] | None) -> set[str]:
        parts = {part.field for part in render(crm_map, "customer", ROW, user)}
        return parts | {fact.field for fact in facts(crm_map, "customer", ROW, user)}

    assert "limit" in fields({"role": ("lead",)})
    assert "limit" not in fields({"role": ("rep",)})
    assert "limit" not in fields(None)


def test_facts_keep_their_kind_and_value(crm_map: CrmMap) -> None:
    balance = next(fact for fact in facts(crm_map, "customer", ROW) if fact.field == "balance")
    assert (balance.label, balance.kind, balance.value) == ("open balance", FactKind.MONEY, Decimal("1234.5"))
    assert (balance.text, balance.live) == ("EUR 1,234.50", True)


def test_facts_are_named_as_the_map_calls_them_and_nothing_else_is(crm_map: CrmMap) -> None:
    assert fact_labels(crm_map) == {"city", "open balance", "limit", "since", "vip"}


def test_a_row_or_a_column_is_internal(crm_map: CrmMap) -> None:
    row = {**ROW, "gossip": "Owes money."}
    internal = {part.field: part.internal for part in render(crm_map, "customer", row)}
    assert internal["gossip"]
    assert not internal["about"]
    for flag in (True, None):
        assert all(part.internal for part in render(crm_map, "customer", {**row, "is_internal": flag}))


def test_titles_and_links_are_filled_and_quoted(crm_map: CrmMap) -> None:
    assert title(crm_map, "customer", ROW) == "Ada Löw (York)"
    assert link(crm_map, "customer", ROW) == "https://crm.example/a%2Fb%201"


def test_json_and_times_read_like_text(crm_map: CrmMap) -> None:
    row = {**ROW, "city": {"unit_price": 3, "sizes": ["S", "M"], "none": None}}
    parts = {part.field: part.text for part in render(crm_map, "customer", row)}
    assert parts["city"] == "city: unit price: 3; sizes: S, M"
    row["city"] = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    parts = {part.field: part.text for part in render(crm_map, "customer", row)}
    assert parts["city"] == "city: 2026-01-02 03:04+00:00"
