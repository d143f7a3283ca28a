from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from retrieval.crm import CrmMap, Entity, MapInvalid, check_map, load_map
from retrieval.crm.beside import incoherences_beside
from retrieval.crm.document import read_document

MAPS = Path(__file__).parents[2] / "retrieval" / "maps"

GOOD = """\
crm: shop
version: 1
users:
  table: users
  key: id
  login: email
  active: is_active
  attributes:
    id: id
    role: role
    teams: {table: members, user: user_id, value: team_id}
    areas: {table: team_areas, column: team_id, in: $user.teams, value: area_id}
entities:
  account:
    table: accounts
    key: id
    label: "{name}"
    url: "https://crm.example/{id}"
    columns:
      name: {class: identity, type: ORGANIZATION}
      balance: {class: fact, kind: money, currency: EUR, live: true}
      about: {class: text}
      password: {class: secret}
    visible:
      - {column: owner_id, in: $user.id}
      - {column: area_id, in: $user.areas, where: {restricted: false}}
    fields:
      balance: {roles: [lead]}
  case:
    table: cases
    key: id
    label: "{subject}"
    parent: {entity: account, column: account_id}
    columns:
      subject: {class: text}
      account_id: {class: key, entity: account}
    visible:
      - {parent: account}
"""


def problems_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in check_map(path)]


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_maps_that_ship_have_no_problem(path: Path) -> None:
    assert check_map(path) == []


def test_a_good_map_has_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, GOOD) == []


def test_only_columns_that_the_map_needs_are_read(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(GOOD, encoding="utf-8")
    account = load_map(tmp_path / "map.yaml").entities["account"]
    assert account.read_columns == ("about", "area_id", "balance", "id", "name", "owner_id", "restricted")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        ("type: ORGANIZATION", "type: COMPANY", 20, "“COMPANY” is not known here"),
        ("about: {class: text}", "about: {class: prose}", 22, "“prose” is no class of columns"),
        ("about: {class: text}", "about: {}", 22, "has no class"),
        ("about: {class: text}", "about: {class: text, colour: red}", 22, "“colour” is not something"),
        ("    key: id\n    label: \"{name}\"", "    label: \"{name}\"", 14, "“key” is missing"),
        ("key: id\n    label: \"{name}\"", "key: name\n    label: \"{name}\"", 16, "the identity “name”"),
        ("key: id\n    label: \"{name}\"", "key: password\n    label: \"{name}\"", 16, "also the secret"),
        ("in: $user.areas", "in: $user.regions", 26, "there is no $user.regions"),
        ("in: $user.teams", "in: $user.groups", 12, "there is no attribute “groups”"),
        ("in: $user.teams", "in: $user.areas", 12, "depends on itself"),
        ('label: "{name}"', 'label: "{password}"', 17, "is secret or ignored"),
        ('label: "{name}"', 'label: "{nickname}"', 17, "is no mapped column"),
        ('label: "{name}"', 'label: "{balance}"', 17, "readable by some roles only"),
        ('label: "{name}"', 'label: "An account"', 17, "the same title"),
        ('"https://crm.example/{id}"', '"https://crm.example/{name}"', 18, "a link holds keys only"),
        ("currency: EUR, ", "", 21, "an amount of money"),
        ("{column: owner_id, in: $user.id}", "{column: password, in: $user.id}", 25, "is never read"),
        ("{column: owner_id, in: $user.id}", "{column: name, in: $user.id}", 25, "a column with a key"),
        ("{column: owner_id, in: $user.id}", "{column: owner_id}", 25, "belong together"),
        ("{column: owner_id, in: $user.id}", "{where: {a: 1}}", 25, "says nobody"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, parent: x}", 25, "one rule for each"),
        ("balance: {roles: [lead]}", "salary: {roles: [lead]}", 28, "is no text, fact or identity column"),
        ("    role: role\n", "", 27, "roles are compared with $user.role"),
        ("parent: {entity: account", "parent: {entity: acount", 33, "no entity “acount”"),
        ("parent: {entity: account", "parent: {entity: case", 33, "its own ancestor"),
        ("{parent: account}", "{parent: order}", 38, "is not the parent"),
        ("entity: account}\n    visible", "entity: acc}\n    visible", 36, "no entity “acc”"),
        ("table: cases", "table: accounts", 30, "map a table once"),
        ("table: cases", "table: accounts\n    where: {kind: case}", 30, "tell the rows of both apart"),
        ("    columns:", "    where: {password: x}\n    columns:", 19, "never read"),
        ("    columns:", "    as_of: password\n    columns:", 19, "never read"),
        ("{class: text}", "{class: text, split: thread}", 22, "use one of 'auto', 'prose'"),
        ("{class: text}", "{class: text, markup: rtf}", 22, "'plain' or 'html'"),
        ("    visible", "    retention: {column: closed_on, days: 0}\n    visible", 24, "at least 1"),
        ("    visible", "    retention: {column: password, days: 9}\n    visible", 24, "never read"),
        ("    visible", "    flags: {vip: password}\n    visible", 24, "never read"),
        ("    visible", "    follows: [{table: x}]\n    visible", 24, "“column” is missing"),
        ("    visible", "    lead: [about]\n    visible", 24, "is no fact or identity column"),
        ("    visible", "    lead: [balance]\n    visible", 24, "cannot head a passage"),
        ("    visible", "    body: \"{nickname}\"\n    visible", 24, "add it to columns"),
        ("    visible", "    body: \"{name}\"\n    visible", 24, "no text column is in the body"),
        ("    visible", "    body: \"{about} {balance}\"\n    visible", 24, "part of the body"),
        ("    visible", "    body: \"{about} {\"\n    visible", 24, "a brace is open"),
        ("{column: owner_id, in: $user.id}", "{owner: owner_id, team: team_id}", 25, "one rule for each"),
        ("{column: owner_id, in: $user.id}", "{owner: a, in: $user.id}", 25, "one rule for each"),
        ("{column: owner_id, in: $user.id}", "{role: a, roles: [b]}", 25, "say the same"),
        ("{column: owner_id, in: $user.id}", "{territory: a}", 25, "add “territories” to users.attributes"),
        ("{column: owner_id, in: $user.id}", "{column: a, value_sql: t.b, in: $user.id}", 25, "keep one"),
        ("{column: owner_id, in: $user.id}", "{value_sql: t.b}", 25, "belong together"),
        ("{column: owner_id, in: $user.id}", "{where_sql: t.a = 1}", 25, "says nobody"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, where_sql: a = 1}", 25, "columns as t.name"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, where_sql: t.a; DROP}", 25, "not one SQL"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, where_sql: (t.a}", 25, "not one SQL"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, where_sql: \"t.a = 'x\"}", 25, "quotation"),
        ("{column: owner_id, in: $user.id}", "{everyone: true, where_sql: t.a=$user.b}", 25, "the row alon"),
        ("{column: owner_id, in: $user.id}", "{value_sql: t.password, in: $user.id}", 25, "never read"),
        ("version: 1", "version: 1\nversion: 2", 3, "“version” is given twice"),
        ("version: 1", "version: zero", 2, "whole number"),
        ("version: 1", "version: [1", 3, "not valid YAML"),
    ],
)  # fmt: skip
def test_a_problem_names_its_line_and_what_to_do(
    tmp_path: Path, right: str, wrong: str, line: int, words: str
) -> None:
    assert GOOD.count(right) >= 1
    found = problems_of(tmp_path, GOOD.replace(right, wrong, 1))
    assert any(f"line {line}" in problem and words in problem for problem in found), found


def entity(tmp_path: Path, text: str, name: str = "account") -> Entity:
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    return load_map(tmp_path / "map.yaml").entities[name]


def test_columns_that_decide_are_read_too(tmp_path: Path) -> None:
    parts = """\
    where: {deleted: false}
    as_of: touched
    retention: {column: closed_on, days: 730}
    flags: {vip: is_vip, on_hold: {column: state, equals: [held, blocked]}}
    follows: [{table: member, column: account_id, where: {kind: a}, reads: [user_id]}]
    lead: [name]
    body: "{about}"
    visible:
      - {value_sql: '(SELECT array_agg(user_id) FROM member WHERE account_id = t."Id")', in: $user.id}
      - {everyone: true, where_sql: t.open AND lower(t.kind) = 't.no'}
"""
    account = entity(tmp_path, GOOD.replace("    visible:\n", parts, 1))
    assert set(account.read_columns) >= {
        "Id", "closed_on", "deleted", "is_vip", "kind", "open", "state", "touched"
    }  # fmt: skip
    assert account.follows[0].read_columns == ("account_id", "kind", "user_id")
    assert account.flags["on_hold"].equals == ("held", "blocked")


def test_short_rules_are_the_long_ones(tmp_path: Path) -> None:
    short = "{owner: owner_id, where: {restricted: false}}\n      - {team: team_id, role: lead}"
    long = (
        "{column: owner_id, in: $user.id, where: {restricted: false}}"
        "\n      - {column: team_id, in: $user.teams, roles: [lead]}"
    )
    right = "{column: owner_id, in: $user.id}"
    one, other = (entity(tmp_path, GOOD.replace(right, text)) for text in (short, long))
    assert one.visible == other.visible


def test_one_table_can_hold_several_entities_whose_rows_are_told_apart(tmp_path: Path) -> None:
    text = GOOD.replace(
        '    key: id\n    label: "{name}"', '    key: id\n    where: {kind: [a, b]}\n    label: "{name}"'
    )
    other = text.replace("table: cases\n", "table: accounts\n    where: {kind: KIND}\n")
    assert problems_of(tmp_path, other.replace("KIND", "c")) == []
    assert "tell the rows of both apart" in problems_of(tmp_path, other.replace("KIND", "b"))[0]


def test_a_schema_is_that_of_every_table_without_one(tmp_path: Path) -> None:
    text = GOOD.replace("version: 1", "version: 1\nschema: sales")
    text = text.replace("table: cases", "table: other.cases")
    text = text.replace("{restricted: false}", "{table: accounts}")
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    crm_map = load_map(tmp_path / "map.yaml")
    assert (crm_map.users.table, crm_map.users.attributes["teams"].table) == ("sales.users", "sales.members")
    assert [each.table for each in crm_map.entities.values()] == ["sales.accounts", "other.cases"]
    assert crm_map.entities["account"].visible[1].where == {"table": ("accounts",)}


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("class: text", "class: prose").replace("ORGANIZATION", "COMPANY")
    assert len(problems_of(tmp_path, text)) == 3


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("about: {class: text}", "about: {class: prose}", 22),
        ("{column: owner_id, in: $user.id}", "{colum: owner_id, in: $user.id}", 25),
        ("teams: {table: members,", "teams: {tabel: members,", 11),
        ('    label: "{name}"', '    lable: "{name}"', 17),
        ("    visible:\n", "    consent: [a]\n    visible:\n", 24),
        ("login: email", "login: [email]", 6),
        ("crm: shop", "crm: a shop", 1),
        ("crm: shop", "crm: shop\ncrm: other", 2),
        ("      name: {class", "      about: {class: text}\n      name: {class", 23),
    ],
)
def test_what_contradicts_itself_is_reported_beside_what_cannot_be_read(
    tmp_path: Path, right: str, wrong: str, line: int
) -> None:
    """Three rounds in one: what is given twice, what has the wrong form, and what names nothing."""
    assert right in GOOD
    text = GOOD.replace("entity: account}\n    visible", "entity: acc}\n    visible").replace(right, wrong, 1)
    found = problems_of(tmp_path, text)
    assert any(f"line {line}" in problem for problem in found), found
    assert any("there is no entity “acc”" in problem for problem in found), found
    assert all("acc”" in problem or f"line {line}" in problem or "missing" in problem for problem in found)


def test_what_may_come_of_a_fault_is_not_reported(tmp_path: Path) -> None:
    for right, wrong in (
        ("    columns:", "    colums:"),
        ("    parent:", "    parnet:"),
        ("entities:", "entity:"),
    ):
        text = GOOD.replace(right, wrong)
        for problem in problems_of(tmp_path, text):
            assert "is missing" in problem or "not something that can be said here" in problem, problem


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "the map is empty"), ("- a\n- b\n", "list of names"), ("a: &x [*x]\n", ""), ("a: b: c\n", "YAML"),
     ("? [1]\n: 2\n", "plain word"), ("a: \x07\n", "control characters"), ("[" * 60, "")],
)  # fmt: skip
def test_what_is_no_map_is_a_problem_and_no_exception(tmp_path: Path, text: str, words: str) -> None:
    found = problems_of(tmp_path, text)
    assert found
    assert words in found[0]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "there is no file" in str(check_map(tmp_path / "none.yaml")[0])
    assert "is a folder" in str(check_map(tmp_path)[0])
    (tmp_path / "latin.yaml").write_bytes("größe: 1".encode("latin-1"))
    assert "not text" in str(check_map(tmp_path / "latin.yaml")[0])


def test_loading_a_broken_map_raises_with_all_problems(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(GOOD.replace("$user.areas", "$user.no"), encoding="utf-8")
    with pytest.raises(
        MapInvalid, match=r"map.yaml has 1 problem:\n  .*/map.yaml:26: entities.account.visible.2"
    ):
        load_map(tmp_path / "map.yaml")


def test_norway_is_not_false(tmp_path: Path) -> None:
    text = GOOD.replace("{roles: [lead]}", "{roles: [NO, on]}")
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    assert load_map(tmp_path / "map.yaml").entities["account"].fields["balance"].roles == ("NO", "on")


JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "a b", "$user.id", "$x", [], ["x"], [1], [None], [[1]], {}, {"a": 1},
    {"column": "a"}, {"class": "fact"}, {"class": "text", "of": []}, "{x", "t.a", "2020-01-01", {"in": 3},
    10**30, "é", {"everyone": True}, {"class": "fact", "choice": [1]}, {"class": "fact", "choice": "x"},
)  # fmt: skip


def places(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    steps = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for step, inner in steps:
        yield from places(inner, (*place, step))


def spoiled(seed: int) -> Any:
    """A map that ships, with one part of it exchanged, renamed or taken out."""
    random = Random(seed)  # noqa: S311
    shipped = random.choice(sorted(MAPS.glob("*.yaml")))
    content = read_document(shipped.read_text(encoding="utf-8")).content
    *above, last = random.choice(list(places(content)))
    part = content
    for step in above:
        part = part[step]
    if random.random() < 0.7 or isinstance(part, list):
        part[last] = deepcopy(random.choice(JUNK))
    else:
        taken = part.pop(last)
        if random.random() < 0.5:
            part[random.choice(["foo", "Column", "where", "table", "in", "a b"])] = taken
    return content


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_has_a_line_and_a_remedy(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "wrong.yaml"
    path.write_text(yaml.safe_dump(spoiled(seed), allow_unicode=True, sort_keys=False), encoding="utf-8")
    for problem in check_map(path):
        assert problem.line >= 1
        assert "; " in problem.sentence or "must be" in problem.sentence, problem
        assert "Input should" not in problem.sentence, problem


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_part_of_the_wrong_form_makes_no_other_part_guilty(seed: int) -> None:
    """The map was good before, so whatever else is found comes of the one part."""
    content = spoiled(seed)
    faults = faults_of_form(content)
    assert not faults or list(incoherences_beside(content, faults)) == []


def faults_of_form(content: Any) -> list[tuple[int | str, ...]]:
    try:
        CrmMap.model_validate(content)
    except ValidationError as error:
        return [detail["loc"] for detail in error.errors()]
    return []
