import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from retrieval.crm import AlreadyImported
from retrieval.demo import (
    EMPLOYEES,
    Company,
    QuestionKind,
    build_company,
    demo_questions,
    load_articles,
    seed_demo_company,
)

DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(7, DAY)


def test_the_company_is_large_enough(company: Company) -> None:
    counts = {name: len(rows) for name, rows in company.tables()}
    assert counts["accounts"] >= 200
    assert counts["contacts"] >= 600
    assert counts["cases"] >= 2000
    assert counts["orders"] >= 3000
    assert counts["articles"] >= 60
    assert sum(person.is_active for person in EMPLOYEES) == 24
    assert {person.role for person in EMPLOYEES} == {"rep", "lead", "officer", "auditor", "admin"}


def test_the_same_seed_and_day_make_the_same_company(company: Company) -> None:
    assert list(build_company(7, DAY).tables()) == list(company.tables())
    assert list(build_company(8, DAY).tables()) != list(company.tables())


def test_nothing_has_happened_after_the_day(company: Company) -> None:
    past = {"opened_on", "closed_on", "written_on", "sent_on", "ordered_on", "delivered_on", "last_order_on"}
    for name, rows in company.tables():
        for row in rows:
            assert all(row[key] is None or row[key] <= DAY for key in past & row.keys()), (name, row["id"])
            assert row.get("updated_at") is None or row["updated_at"].date() <= DAY


def test_open_cases_have_something_still_due(company: Company) -> None:
    still_open = [case for case in company.cases if case.row["status"] != "closed"]
    assert len(still_open) >= 100
    assert all(case.promised_for > DAY for case in still_open)
    assert all(case.row["closed_on"] is None for case in still_open)


def test_every_slot_of_every_phrase_is_filled(company: Company) -> None:
    texts = [note["body"] for case in company.cases for note in case.notes]
    texts += [mail["body"] for case in company.cases for mail in case.mails]
    fields = ("subject", "description", "resolution")
    texts += [case.row[key] or "" for case in company.cases for key in fields]
    texts += [account.row["summary"] for account in company.accounts]
    assert not [text for text in texts if re.search(r"[{}]|\bNone\b(?! of the three dates)", text)]


def test_notes_do_not_read_alike(company: Company) -> None:
    bodies = [note["body"] for case in company.cases for note in case.notes if not note["internal"]]
    assert len(set(bodies)) > 0.98 * len(bodies)
    openings = Counter(body[:18] for body in bodies)
    assert openings.most_common(1)[0][1] < 0.12 * len(bodies)


def test_a_promise_is_written_down_somewhere(company: Company) -> None:
    for case in company.cases:
        told = [note["body"] for note in case.notes] + [mail["body"] for mail in case.mails]
        assert any(case.promised_day in text for text in told), case.case_no


def test_people_without_consent_are_in_no_text(company: Company) -> None:
    silent = [contact for account in company.accounts for contact in account.contacts if not contact.consent]
    assert len(silent) > 10
    texts = "\n".join(
        text
        for case in company.cases
        for text in (*(note["body"] for note in case.notes), *(mail["body"] for mail in case.mails))
    )
    assert not [contact.id for contact in silent if contact.name in texts or contact.email in texts]


def test_nobody_can_be_reached_by_accident(company: Company) -> None:
    for account in company.accounts:
        for contact in account.contacts:
            assert contact.email.endswith(".example")


def test_restricted_accounts_stay_with_their_lead(company: Company) -> None:
    restricted = [account for account in company.accounts if account.restricted]
    assert restricted
    assert all(account.owner.role == "lead" for account in restricted)
    cases = [case for case in company.cases if case.account.restricted]
    assert all(case.row["team_id"] is None and case.agent is case.account.owner for case in cases)


def test_articles_are_as_long_as_articles() -> None:
    assert len({article.title for article in load_articles()}) == len(load_articles()) >= 60
    for article in load_articles():
        assert 80 <= len(article.body.split()) <= 200, article.title
        assert article.audience in ("public", "staff", "lead")


def test_there_are_enough_questions_and_their_gold_is_in_the_records(company: Company) -> None:
    questions = demo_questions(company)
    assert len(questions) >= 240
    assert {question.kind for question in questions} == set(QuestionKind)
    rows = {
        {"accounts": "account", "contacts": "contact", "orders": "order", "cases": "case",
         "case_notes": "note", "mails": "mail", "articles": "article"}.get(name, name):
        {row.get("id"): row for row in found}
        for name, found in company.tables()
    }  # fmt: skip
    logins = {person.login for person in EMPLOYEES if person.is_active}
    for question in questions:
        assert question.login in logins
        text = " ".join(str(value) for entity, key in question.refs for value in rows[entity][key].values())
        if question.kind in {QuestionKind.COUNT, QuestionKind.WHETHER}:
            continue  # how many there are, no record says
        for forms in question.gold:
            assert any(form in text for form in forms), question


def test_a_forbidden_question_is_forbidden_by_the_records(company: Company) -> None:
    by_login = {person.login: person for person in EMPLOYEES}
    for question in demo_questions(company):
        if question.kind is QuestionKind.FORBIDDEN:
            account = company.accounts[question.refs[0][1] - 1]
            person = by_login[question.login]
            assert account.row["owner_id"] != person.id
            assert account.restricted or account.territory not in person.teams


def test_a_count_is_that_of_the_records_which_a_rep_may_see(company: Company) -> None:
    by_login = {person.login: person for person in EMPLOYEES}
    for question in demo_questions(company):
        if question.kind is QuestionKind.COUNT:
            person = by_login[question.login]
            statuses = {company.cases[key - 1].row["status"] for _, key in question.refs}
            assert len(statuses) <= 1
            assert question.gold[0][1].startswith(f"{len(question.refs)} of ")
            assert person.role == "rep"


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


def test_seeding_writes_every_row_once(
    postgres_dsn: str, database: psycopg.Connection[Any], company: Company
) -> None:
    told: list[str] = []
    counts = seed_demo_company(postgres_dsn, 7, DAY, lambda table, _: told.append(table))
    assert counts == {name: len(rows) for name, rows in company.tables()}
    assert told == list(counts)
    for name, expected in counts.items():
        statement = psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(name))
        assert database.execute(statement).fetchone() == (expected,)
    with pytest.raises(AlreadyImported):
        seed_demo_company(postgres_dsn, 7, DAY)
    assert seed_demo_company(postgres_dsn, 7, DAY, replace=True) == counts


def test_a_change_moves_the_watermark(postgres_dsn: str, database: psycopg.Connection[Any]) -> None:
    seed_demo_company(postgres_dsn, 7, DAY)
    database.execute("UPDATE cases SET status = 'closed' WHERE id = 1")
    moved = database.execute(
        "SELECT updated_at > now() - interval '1 hour' FROM cases WHERE id = 1"
    ).fetchone()
    assert moved == (True,)
