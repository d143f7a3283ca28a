"""A map proposed from a live schema: true where it can be, undecided where it must be, and never a value."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redaction import Span, load_redactor
from retrieval import seed_demo_company
from retrieval.crm import CrmMap, CrmRefused, check_map, check_map_against, load_map, suggest_map_at
from retrieval.crm.load import NOBODY_DECIDED
from retrieval.crm.map import FactColumn, IdentityColumn, IdentityType
from retrieval.crm.suggest import LiveColumn, LiveSchema, LiveTable, propose
from retrieval.crm.suggest.schema import Reference, likely_references
from retrieval.crm.suggest.traits import Traits, traits_of

CANARY = "Zebulon Quackenbush"


@pytest.fixture(scope="module")
def demo_dsn(new_database: Callable[[], str]) -> str:
    dsn = new_database()
    seed_demo_company(dsn)
    return dsn


@pytest.fixture(scope="module")
def proposed(demo_dsn: str) -> str:
    return suggest_map_at(demo_dsn, "public", load_redactor(ner=False).detect)


def decided(text: str, tmp_path: Path) -> CrmMap:
    path = tmp_path / "map.yaml"
    path.write_text(text.replace("visible: []", "visible: [{owner: id}]"), encoding="utf-8")
    return load_map(path)


def test_the_demo_schema_is_understood(proposed: str, demo_dsn: str, tmp_path: Path) -> None:
    crm_map = decided(proposed, tmp_path)
    with psycopg.connect(demo_dsn) as connection:
        assert check_map_against(crm_map, connection) == []
    assert (crm_map.users.table, crm_map.users.login) == ("users", "email")
    assert set(crm_map.users.attributes) == {"id", "role", "teams", "territories"}
    entities = crm_map.entities
    assert {name: entity.parent.entity for name, entity in entities.items() if entity.parent} == {
        "contact": "account", "case": "account", "order": "account", "case_note": "case", "mail": "case",
    }  # fmt: skip
    account = entities["account"]
    kinds = {
        name: column.type for name, column in account.columns.items() if isinstance(column, IdentityColumn)
    }
    assert kinds["name"] is IdentityType.ORGANIZATION
    assert kinds["iban"] is IdentityType.IBAN
    assert kinds["address"] is IdentityType.ADDRESS
    assert account.columns["portal_password_hash"].kind_of == "secret"
    status = account.columns["status"]
    assert isinstance(status, FactColumn)
    assert (status.live, status.choice) == (True, True)
    assert entities["contact"].consent == "consent"
    assert [rule.attribute for rule in account.visible] == ["id", "territories"]


def test_nobody_sees_what_nothing_ties_to_a_user_until_somebody_decides(
    proposed: str, tmp_path: Path
) -> None:
    assert "everyone" not in proposed
    path = tmp_path / "map.yaml"
    path.write_text(proposed, encoding="utf-8")
    problems = check_map(path)
    assert {problem.where for problem in problems} == {
        "entities.article.visible", "entities.product.visible"
    }  # fmt: skip
    assert {problem.sentence for problem in problems} == {NOBODY_DECIDED}


def test_the_same_database_gives_the_same_map(proposed: str, demo_dsn: str) -> None:
    assert suggest_map_at(demo_dsn, "public", load_redactor(ner=False).detect) == proposed


def test_no_value_is_in_the_map(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("CREATE TABLE people (id int PRIMARY KEY, called text, about text)")
        connection.execute("INSERT INTO people VALUES (1, %s, %s)", [CANARY, CANARY * 9])
    seen: list[str] = []

    def detect(text: str) -> Sequence[Span]:
        seen.append(text)
        return load_redactor(ner=False).detect(text)

    text = suggest_map_at(postgres_dsn, "public", detect)
    assert seen == [CANARY]
    assert CANARY.split()[0] not in text
    assert "about: {class: text}" in text


def test_an_empty_schema_is_refused_with_a_remedy(postgres_dsn: str) -> None:
    with pytest.raises(CrmRefused, match=r"no table in the schema public .* grant SELECT"):
        suggest_map_at(postgres_dsn)


def test_another_schema_stands_in_the_map(postgres_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            """
            CREATE SCHEMA sales;
            CREATE TABLE sales.staff (id int PRIMARY KEY, login text, deleted smallint NOT NULL DEFAULT 0);
            CREATE TABLE sales."supportCase" (
                id uuid PRIMARY KEY, title text, "ownerId" int REFERENCES sales.staff,
                "deletedAt" timestamptz, state text, "updatedAt" timestamptz, fee numeric);
            """
        )
    text = suggest_map_at(postgres_dsn, "sales")
    crm_map = decided(text, tmp_path)
    case = crm_map.entities["support_case"]
    assert (case.table, case.changed, case.where) == (
        "sales.supportCase",
        "updatedAt",
        {"deletedAt": (None,)},
    )
    assert crm_map.users.where == {"deleted": (0,)}
    assert [rule.column for rule in case.visible] == ["ownerId"]
    with psycopg.connect(postgres_dsn) as connection:
        assert check_map_against(crm_map, connection) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["<p>Hello</p>", "<div>a<br>b</div>"], "html"),
        (["A: hi there\nB: hello\nA: bye\n"] * 3, "turns"),
        (["# Setup\n\nDo it.\n## Then\nDone."] * 3, "headings"),
        (["Hi,\nfine.\nOn Monday 3 May Ann wrote:\n> what?"] * 3, "mail"),
        (["nothing much"], "prose"),
    ],
)  # fmt: skip
def test_how_texts_are_written_is_seen(values: list[str], expected: str) -> None:
    traits = traits_of([*values, None, " "], None)
    assert traits.seen == len(values)
    assert ("html" if traits.is_html else traits.split) == expected


def test_values_decide_where_the_name_does_not() -> None:
    detect = load_redactor(ner=False).detect
    traits = traits_of(["ann@firm.example", "bob@firm.example", "nobody"], detect)
    assert traits.commonest == (IdentityType.EMAIL, 2)
    assert traits_of(["mail ann@firm.example about the long overdue matter"], detect).commonest is None


# ── Whatever the schema ─────────────────────────────────────────────────────────────────────────

NAMES = (
    "users", "staff", "accounts", "account", "cases", "notes", "teams", "team_members", "id", "name",
    "email", "owner_id", "team_id", "account_id", "deleted", "deletedAt", "updated_at", "password",
    "first_name", "last_name", "street", "city", "status", "body", "order", "true", "null", "no", "yes",
    "Größe", "a b", "x.y", "9lives", "a#b", 'quote"d', "line\nbreak", "{brace}", "$money", "*", "_", "a: b",
    "parent_id", "consent", "internal", "title", "key", "case", "class", "\u2028", "'", "- x", "&a", "NULL",
)  # fmt: skip
TYPES = (
    "int4",
    "int8",
    "text",
    "varchar",
    "bool",
    "date",
    "timestamptz",
    "numeric",
    "jsonb",
    "_text",
    "uuid",
)
LABELS = ((), (), (), ("a", "true", "b: c", "{", "", "'"))


def some_table(random: Random, name: str, others: Sequence[str]) -> LiveTable:
    columns = [
        LiveColumn(column, random.choice(TYPES), random.random() < 0.5, random.choice(LABELS))
        for column in random.sample(NAMES, random.randint(1, 9))
    ]
    references = [
        Reference(column.name, random.choice(others), random.random() < 0.5)
        for column in columns
        if random.random() < 0.3
    ]
    key = random.choice([None, *(column.name for column in columns)])
    return LiveTable(name, tuple(columns), key, tuple(references))


def some_schema(random: Random) -> LiveSchema:
    names = sorted(random.sample(NAMES, random.randint(1, 7)))
    tables = tuple(some_table(random, name, names) for name in names)
    return LiveSchema(random.choice(["public", "sales", "Große", "no"]), likely_references(tables))


def some_traits(random: Random) -> Traits:
    return Traits(
        seen=random.randint(0, 40),
        distinct=random.randint(0, 40),
        mean=random.randint(0, 200),
        looked_at=12,
        identities=random.choice([(), ((random.choice(list(IdentityType)), random.randint(1, 12)),)]),
        has_lines=random.random() < 0.2,
        is_html=random.random() < 0.2,
    )


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=40553)  # a table whose key is a part of a name
@example(seed=432147)  # a table of users whose key cannot stand in a map
def test_what_is_proposed_can_be_read_or_waits_for_who_may_see(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = Random(seed)  # noqa: S311

    def look(table: LiveTable) -> Mapping[str, Traits]:
        return {column.name: some_traits(random) for column in table.columns if column.is_text}

    text = propose(some_schema(random), look)
    path = tmp_path_factory.getbasetemp() / "proposed.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    problems = check_map(path)
    if "entities: {}" in text:
        assert [problem.where for problem in problems] == ["entities"]
        return
    assert {problem.sentence for problem in problems} <= {NOBODY_DECIDED}, (problems, text)
    assert "everyone" not in text.replace("who may see", "")
    if not problems:
        assert load_map(path).entities
