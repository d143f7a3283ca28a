"""Our own queries over the demo company: each has an answer that its asker may see, or has none."""

from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest

from assistant.evaluation.retrieval import Query, own_queries
from assistant.evaluation.retrieval.own.company import Known
from assistant.evaluation.retrieval.own.events import EVENTS
from retrieval import build_company, seed_demo_company
from tests.retrieval.oracle import Oracle

DAY = date(2026, 2, 3)


@pytest.fixture(scope="module")
def queries() -> list[Query]:
    return own_queries(build_company(anchor=DAY))


@pytest.fixture(scope="module")
def oracle(new_database: Callable[[], str]) -> Oracle:
    dsn = new_database()
    seed_demo_company(dsn, anchor=DAY)
    return Oracle(dsn)


def test_there_are_enough_of_every_kind_in_both_parts(queries: list[Query]) -> None:
    assert len(queries) >= 300
    assert len({query.id for query in queries}) == len(queries)
    counts = Counter((query.kind, query.part) for query in queries)
    assert {kind for kind, _ in counts} == {
        *("fact", "how-to", "history", "multi-record", "follow-up", "unanswerable", "not-yours")
    }
    for kind, part in counts:
        assert counts[kind, part] >= 15, (kind, part)


def test_no_template_is_in_both_parts(queries: list[Query]) -> None:
    tuned = {(query.kind, query.template) for query in queries if query.part == "tuned"}
    held_out = {(query.kind, query.template) for query in queries if query.part == "held-out"}
    assert tuned
    assert not tuned & held_out


def test_they_are_the_same_on_another_day(queries: list[Query]) -> None:
    assert own_queries(build_company(anchor=date(2027, 5, 6))) == queries


def test_what_is_relevant_is_there_and_may_be_seen_by_who_asks(queries: list[Query], oracle: Oracle) -> None:
    people = {person.login: person for person in oracle.people}
    hidden = [
        (query.id, ref)
        for query in queries
        for ref in query.relevant
        if not oracle.may_see(people[str(query.login)], ref)
    ]
    assert hidden == []
    assert sum(len(query.relevant) for query in queries) > 700


def test_what_is_not_theirs_may_not_be_seen(queries: list[Query], oracle: Oracle) -> None:
    people = {person.login: person for person in oracle.people}
    theirs = [query for query in queries if query.kind == "not-yours"]
    seen = [
        (query.id, ref)
        for query in theirs
        for ref in query.forbidden
        if oracle.may_see(people[str(query.login)], ref)
    ]
    assert all(query.forbidden and not query.answerable for query in theirs)
    assert seen == []


def test_every_event_of_every_case_has_two_wordings() -> None:
    known = Known(build_company(anchor=DAY))
    happened = {known.event(case) for case in known.cases}
    assert happened
    for subject, number in happened:
        tuned, held_out = EVENTS[subject][number]
        assert tuned != held_out
