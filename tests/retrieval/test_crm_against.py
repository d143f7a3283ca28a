"""A map and a database that do not fit, and how changes of one that does can be followed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from retrieval.crm import CrmRefused, check_map_against, check_map_at, load_map, notes_at
from retrieval.crm.following import PUBLICATION

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text, role text, gone boolean DEFAULT false);
CREATE TABLE members (user_id int, team_id bigint);
CREATE TABLE accounts (
    id int PRIMARY KEY, name text, about text, owner_id int, deleted boolean, closed_on date,
    touched timestamptz, state text, vip boolean);
CREATE TABLE account_team (account_id int, team_id bigint, kind text);
CREATE TABLE papers (number text NOT NULL, title text);
CREATE UNIQUE INDEX papers_number ON papers (number);
CREATE VIEW open_accounts AS SELECT * FROM accounts WHERE NOT deleted;
"""
TEAMS = "ARRAY(SELECT team_id FROM account_team AS m WHERE m.account_id = t.id)"
MAP = f"""\
crm: shop
version: 1
users:
  table: users
  key: id
  login: email
  where: {{gone: false}}
  attributes:
    id: id
    role: role
    teams: {{table: members, user: user_id, value: team_id}}
entities:
  account:
    table: accounts
    key: id
    where: {{deleted: false}}
    label: "{{name}}"
    changed: touched
    as_of: touched
    retention: {{column: closed_on, days: 700}}
    follows:
      - {{table: account_team, column: account_id, where: {{kind: account}}, reads: [team_id]}}
    columns:
      name: {{class: identity, type: ORGANIZATION}}
      about: {{class: text}}
    flags: {{vip: vip, held: {{column: state, equals: held}}}}
    visible:
      - {{owner: owner_id}}
      - {{value_sql: "{TEAMS}", in: $user.teams}}
      - {{everyone: true, where_sql: "t.state = 'public' AND t.about LIKE '%x%'"}}
"""


@pytest.fixture
def dsn(postgres_dsn: str) -> str:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(SCHEMA)
    return postgres_dsn


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn) as connection:
        yield connection


def written(tmp_path: Path, *change: str) -> Path:
    path = tmp_path / "map.yaml"
    if change:
        right, wrong = change
        assert right in MAP
        path.write_text(MAP.replace(right, wrong), encoding="utf-8")
    else:
        path.write_text(MAP, encoding="utf-8")
    return path


def test_a_map_that_fits_has_no_fault(tmp_path: Path, connection: psycopg.Connection[Any]) -> None:
    assert check_map_against(load_map(written(tmp_path)), connection) == []
    # what was asked in between has left nothing behind, and the transaction may still write
    connection.execute("INSERT INTO members VALUES (1, 2)")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        ("{gone: false}", "{gone: 0}", 7, "users.gone is boolean and cannot be 0; correct"),
        ("{gone: false}", "{left: false}", 7, "the table users has no column left; name one of"),
        ("where: {deleted: false}", "where: {deleted: yes}", 16, "cannot be 'yes'; correct"),
        ("where: {deleted: false}", "where: {is_old: false}", 16, "no column is_old; name one of"),
        ("as_of: touched", "as_of: state", 19, "no point in time; name one"),
        ("column: closed_on, days", "column: vip, days", 20, "no point in time; name one"),
        ("table: account_team", "table: account_teams", 22, "no table account_teams that"),
        ("reads: [team_id]", "reads: [team]", 22, "account_team has no column team; name one of"),
        ("column: account_id, where", "column: kind, where", 22, "is text and accounts.id is whole"),
        ("where: {kind: account}", "where: {kind: 1}", 22, "cannot be 1; correct"),
        ("vip: vip,", "vip: state,", 26, "state is text and cannot be True; correct"),
        ("t.id)\"", "t.idx)\"", 29, "no column idx; name one of"),
        ("SELECT team_id", "SELECT kind", 29, "this gives text and members.team_id is whole number; cast"),
        ("SELECT team_id", "SELECT team", 29, "the database refuses this SQL: column \"team\" does not"),
        ("FROM account_team AS", "FROM nowhere AS", 29, "relation \"nowhere\" does not exist; correct"),
        ("t.state = 'public' AND t.about LIKE '%x%'", "t.state", 30, "this gives text; a condition is"),
        ("t.state = 'public' AND", "t.state = = 'a' AND", 30, "refuses this SQL"),
    ],
)  # fmt: skip
def test_what_does_not_fit_has_its_line_and_a_remedy(
    tmp_path: Path, dsn: str, right: str, wrong: str, line: int, words: str
) -> None:
    found = [str(problem) for problem in check_map_at(written(tmp_path, right, wrong), dsn)]
    assert any(f"line {line}:" in problem and words in problem for problem in found), found


def test_an_export_without_users_is_told_which_file_to_add(tmp_path: Path, dsn: str) -> None:
    """As for the shop of tau2-bench, whose export has customers and orders alone."""
    text = MAP.replace("table: users", "table: staff").replace("id\n  login", "staff_id\n  login")
    text = text.replace("id: id\n    role", "id: staff_id\n    role").replace(
        "  where: {gone: false}\n  attr", "  attr"
    )
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    (found,) = check_map_at(path, dsn)
    assert (found.line, found.where) == (4, "users.table")
    assert "a file staff.csv with the columns staff_id, email, role into its folder" in found.sentence
    assert "--staff LOGIN:ROLE" in found.sentence
    assert found.in_file(path).startswith(f"{path}:4: users.table: there is no table staff")


def test_sql_that_this_role_may_not_run_is_named(tmp_path: Path, connection: psycopg.Connection[Any]) -> None:
    role = f"reader_{uuid4().hex[:8]}"
    connection.execute(f"CREATE ROLE {role}".encode())
    connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
    connection.execute(f"REVOKE SELECT ON account_team FROM {role}".encode())
    connection.execute(f"GRANT SELECT (account_id, team_id, kind) ON account_team TO {role}".encode())
    connection.execute(f"SET ROLE {role}".encode())
    fits = load_map(written(tmp_path))
    assert check_map_against(fits, connection) == []
    wider = load_map(written(tmp_path, "m.account_id = t.id", "m.xmin IS NOT NULL AND m.account_id = t.id"))
    (problem,) = check_map_against(wider, connection)
    assert "permission denied" in problem.sentence
    assert "grant SELECT" in problem.sentence


def test_sql_in_a_map_cannot_write(tmp_path: Path, connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE FUNCTION sneak(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql"
        " AS $$BEGIN DELETE FROM users; RETURN true; END$$"
    )
    crm_map = load_map(written(tmp_path, "t.state = 'public' AND t.about LIKE '%x%'", "t.vip AND sneak(1)"))
    connection.execute("INSERT INTO users VALUES (1)")
    check_map_against(crm_map, connection)
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def said(path: Path, dsn: str) -> list[str]:
    return [str(note) for note in notes_at(path, dsn)]


def test_what_hinders_following_is_noted_with_a_remedy(tmp_path: Path, dsn: str) -> None:
    text = (
        MAP
        + """\
  paper:
    table: papers
    key: number
    label: "{number}"
    columns:
      title: {class: text}
    visible: [everyone]
  open_account:
    table: open_accounts
    key: id
    label: "{id}"
    changed: touched
    columns:
      about: {class: text}
    visible: [everyone]
"""
    )
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    assert check_map_at(path, dsn) == []
    notes = said(path, dsn)
    with psycopg.connect(dsn) as connection:
        level = connection.execute("SELECT current_setting('wal_level')").fetchone()
    assert any("set it to logical" in note for note in notes) == (level != ("logical",))
    assert any(f"there is no publication {PUBLICATION}; " in note for note in notes)
    assert any(
        "line 22" in note and 'ALTER TABLE "account_team" REPLICA IDENTITY FULL' in note for note in notes
    )
    assert any("line 33" in note and "USING INDEX papers_number" in note for note in notes)
    assert any("line 31" in note and "no watermark" in note for note in notes)
    assert any("open_accounts is a view" in note for note in notes)
    assert not any("accounts is not known" in note or "no REPLICATION" in note for note in notes)
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE papers REPLICA IDENTITY USING INDEX papers_number")
        connection.execute("ALTER TABLE account_team REPLICA IDENTITY FULL")
        connection.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE accounts (id), papers".encode())
    notes = said(path, dsn)
    assert not any("REPLICA IDENTITY" in note for note in notes)
    (lacking,) = (note for note in notes if "the publication" in note)
    assert "lacks account_team (account_id)" in lacking


def test_a_role_without_replication_is_told_so(tmp_path: Path, dsn: str) -> None:
    role = f"reader_{uuid4().hex[:8]}"
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'".encode())
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
        try:
            reader = psycopg.conninfo.make_conninfo(dsn, user=role, password="p")
            assert any(
                f"the role {role} has no REPLICATION" in note for note in said(written(tmp_path), reader)
            )
        finally:
            owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_a_table_in_a_closed_schema_is_refused_with_a_reason(tmp_path: Path, dsn: str) -> None:
    role = f"reader_{uuid4().hex[:8]}"
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA closed; CREATE TABLE closed.accounts (id int)")
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'".encode())
        try:
            reader = psycopg.conninfo.make_conninfo(dsn, user=role, password="p")
            with pytest.raises(CrmRefused, match="permission denied for schema closed"):
                check_map_at(written(tmp_path, "table: accounts", "table: closed.accounts"), reader)
        finally:
            owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
