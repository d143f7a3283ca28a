"""Lists out of the CRM: what a question is understood to ask for, and whom the answer lets through."""

from typing import Any

import pytest

from retrieval import is_whether, load_map
from retrieval.records import Match, Records
from retrieval.rights import visibility_of
from retrieval.search.focus import Focus
from retrieval.search.listing import LISTED, choices_of, find_listing
from retrieval.search.reading import in_words_of_map, words_of_map
from retrieval.search.wanted import Wanted, may_be_list, read_list

from .oracle import Oracle, Person
from .stand import DEMO_MAP, Running, Stand, principal

MAP = load_map(DEMO_MAP)
VALUES = {
    kind: {
        name: list(column.choice)
        if isinstance(column.choice, tuple)
        else ["Germany", "wrong invoice", "Gold"]
        for name, column in choices_of(MAP, kind).items()
    }
    for kind in MAP.entities
}


def read(question: str) -> Wanted | None:
    return read_list(MAP, in_words_of_map(MAP, question), VALUES)


def test_a_state_that_is_called_like_open_ones_is_that_state_alone() -> None:
    shop = load_map(DEMO_MAP.with_name("retail.yaml"))
    values = {"order": {"status": ["pending", "processed", "delivered", "cancelled"]}}
    found = {
        question: read_list(shop, question, values)
        for question in ("How many orders are pending?", "How many orders are open?")
    }
    assert [one and one.conditions[0][1].values for one in found.values()] == [
        ("pending",),
        ("pending", "processed"),
    ]


def states(*values: str, refused: bool = False) -> tuple[str, Match]:
    return "case", Match("status", values, refused)


@pytest.mark.parametrize(
    ("question", "kind", "condition"),
    [
        ("Which cases are escalated?", "case", states("escalated")),
        ("How many open cases do I have?", "case", states("open", "waiting", "escalated")),
        ("cases not closed", "case", states("closed", refused=True)),
        ("Which of my cases aren't closed yet?", "case", states("closed", refused=True)),
        ("Does have any escalated case?", "case", states("escalated")),
        ("Show me all urgent tickets", "case", ("case", Match("priority", ("urgent",)))),
        ("List my customers on hold", "account", ("account", Match("status", ("on hold",)))),
        ("Welche eskalierten Fälle habe ich?", "case", states("escalated")),
        ("Welche Fälle sind nicht geschlossen?", "case", states("closed", refused=True)),
        ("Welche Kunden sind gesperrt?", "account", ("account", Match("status", ("on hold",)))),
        ("Is there an open case?", "case", states("open", "waiting", "escalated")),
        ("Does have an escalated case?", "case", states("escalated")),
        ("Gibt es einen eskalierten Fall?", "case", states("escalated")),
        ("Which cases have I got open?", "case", states("open", "waiting", "escalated")),
        ("Which cases do I have open?", "case", states("open", "waiting", "escalated")),
        ("Haben wir eskalierte Fälle?", "case", states("escalated")),
        ("Which cases have been closed?", "case", states("closed")),
        ("Have all orders been delivered?", "order", ("order", Match("status", ("delivered",)))),
        ("Is every case closed?", "case", states("closed")),
        (
            "Which customers have the account status on hold?",
            "account",
            ("account", Match("status", ("on hold",))),
        ),
        ("Which cases have the status closed?", "case", states("closed")),
        ("How many cases have the status open?", "case", states("open")),
        ("How many cases have the status waiting?", "case", states("waiting")),
        ("Which cases are closed or waiting?", "case", states("waiting", "closed")),
    ],
)
def test_a_list_is_read_off_the_words_of_the_map(
    question: str, kind: str, condition: tuple[str, Match]
) -> None:
    wanted = read(question)
    assert wanted is not None
    assert (wanted.kind, wanted.conditions) == (kind, (condition,))


@pytest.mark.parametrize(
    "question",
    [
        "Which cases were closed in May?",
        "Which cases of Globex are open?",
        "Which customers do not have open cases?",
        "Which customers are without open cases?",
        "What does case CS-30517 say?",
        "How long is the warranty on a heat pump?",
        "How do I escalate a case?",
        "What is the open balance?",
        "When is a customer put on hold?",
        "Which cases are not open or waiting?",
        "Which cases are open and not urgent?",
        "Which cases are high or open?",
        "Which cases and orders do I have?",
        "Which cases have I been assigned?",
        "Which cases belonging to me are open?",
        "How many cases have I closed?",
        "How many cases did we open?",
        "Did we open cases?",
        "Which cases has closed?",
        "Which cases were closed by me?",
        "Welche Fälle habe ich geschlossen?",
        "Welche Fälle sind von mir geschlossen?",
        "In that case what do I do?",
        "Please note",
        "What is the status of the order?",
        "Was ist der Status des Falls?",
        "Can I see their case?",
        "Is it open in any case?",
        "Was ist der Fall?",
        "Is the case closed?",
        "Is my order delivered?",
        "Does have a case?",
        "Did all customers get orders delivered?",
        "Which customers have more than one open case?",
        "How do cases get closed?",
    ],
)
def test_a_question_that_is_not_understood_to_its_last_word_is_no_list(question: str) -> None:
    assert read(question) is None


@pytest.mark.parametrize("question", ["How many cases have I got?", "Show me my orders", "Count the tickets"])
def test_a_list_needs_no_condition(question: str) -> None:
    wanted = read(question)
    assert wanted is not None
    assert wanted.conditions == ()


@pytest.mark.parametrize(
    ("question", "may"),
    [
        ("Which customers are in Germany?", True),
        ("How many days does a customer have to return an order that came broken in June?", False),
        ("What is the status of the order?", False),
        ("How do I close cases?", False),
    ],
)
async def test_the_crm_is_asked_for_values_only_where_a_list_may_be_meant(
    running: Running, stand: Stand, question: str, may: bool
) -> None:
    asked: list[str] = []

    class Listening(Records):
        async def values(self, kind: str, *more: Any) -> dict[str, list[str]]:
            asked.append(kind)
            return await super().values(kind, *more)

    person = next(one for one in Oracle(stand.crm_dsn).people if one.role == "rep")
    records = Listening(MAP, stand.settings.crm, 5.0)
    await records.open()
    try:
        visibility = await visibility_of(records, principal(person.login))
        assert visibility is not None
        await find_listing(records, visibility, question, Focus({}, {}), named=False)
    finally:
        await records.close()
    assert bool(asked) is may
    assert may_be_list(MAP, in_words_of_map(MAP, question)) is may


def test_whether_is_read_off_the_first_word() -> None:
    assert is_whether("Does <ORGANIZATION_1> have one?")
    assert not is_whether("What does it have?")


def test_customers_can_be_asked_for_by_their_cases() -> None:
    wanted = read("Which of my customers have escalated cases?")
    assert wanted == Wanted("case", (states("escalated"),), "account", "account_id")


def test_other_words_become_those_of_the_map() -> None:
    assert words_of_map(MAP, "Wie lange ist die Garantie auf eine Wärmepumpe?") == ("warranty", "heat pump")
    assert words_of_map(MAP, "How long is the warranty?") == ()


async def test_a_list_is_whole_or_says_what_is_missing_and_has_only_the_callers(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    for person in oracle.people[:8]:
        mine = [row for row in oracle.rows["case"].values() if oracle.may_see(person, f"case:{row['id']}")]
        open_ones = {f"case:{row['id']}" for row in mine if row["status"] != "closed"}
        found = await running.client.search(principal(person.login), "Which cases are not closed?")
        assert found.listing is not None
        assert (found.listing.total, found.listing.of) == (len(open_ones), len(mine))
        assert sum(count for _, count in found.listing.counts) == len(open_ones)
        assert set(found.listing.records) <= open_ones
        assert len(found.listing.records) == min(LISTED, len(open_ones))
        assert [passage.entity for passage in found.passages] == list(found.listing.records)
        assert found.facts[0].value == f"{len(open_ones)} of {len(mine)}"


async def test_a_list_of_a_named_customer_keeps_to_it(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, account = _someone_with_cases(oracle)
    cases = {f"case:{row['id']}" for row in oracle.rows["case"].values() if row["account_id"] == account}
    found = await running.client.search(principal(person.login), f"Which cases of [account:{account}]?")
    assert found.listing is not None
    assert found.listing.of == len(cases)
    assert set(found.listing.records) <= cases
    mine = await running.client.search(
        principal(person.login), "How many cases do I have in all?", entities=(f"account:{account}",)
    )
    assert mine.listing is not None
    assert mine.listing.of > len(cases)


@pytest.mark.parametrize(
    "question",
    ["Show all cases", "Which of our cases are open?", "How many cases do I have?", "List my cases"],
)
async def test_no_word_leads_out_of_a_scope(running: Running, stand: Stand, question: str) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, account = _someone_with_cases(oracle)
    cases = [row for row in oracle.rows["case"].values() if row["account_id"] == account]
    found = await running.client.search(principal(person.login), question, scope=f"account:{account}")
    assert found.listing is not None
    assert (found.listing.about, found.listing.of) == ((f"account:{account}",), len(cases))
    foreign = next(
        f"account:{key}" for key in oracle.rows["account"] if not oracle.may_see(person, f"account:{key}")
    )
    nothing = await running.client.search(principal(person.login), question, scope=foreign)
    assert (nothing.listing, nothing.passages, nothing.facts) == (None, (), ())


@pytest.mark.parametrize(
    "question",
    [
        "How many cases do we have for them?",
        "Show all their cases",
        "List all of its cases",
        "How many of our cases does that customer have?",
    ],
)
async def test_those_named_before_are_kept_where_the_question_speaks_of_them(
    running: Running, stand: Stand, question: str
) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, account = _someone_with_cases(oracle)
    cases = [row for row in oracle.rows["case"].values() if row["account_id"] == account]
    found = await running.client.search(principal(person.login), question, entities=(f"account:{account}",))
    assert found.listing is not None
    assert (found.listing.about, found.listing.of) == ((f"account:{account}",), len(cases))
    nobody = await running.client.search(principal(person.login), question)
    assert nobody.listing is None


async def test_a_customer_of_somebody_else_has_no_list(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, _ = _someone_with_cases(oracle)
    foreign = next(
        f"account:{key}" for key in oracle.rows["account"] if not oracle.may_see(person, f"account:{key}")
    )
    found = await running.client.search(principal(person.login), f"Which cases of [{foreign}] are open?")
    assert found.listing is None


async def test_customers_with_such_cases_are_counted(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, _ = _someone_with_cases(oracle)
    wanted = [
        row
        for row in oracle.rows["case"].values()
        if row["status"] != "closed" and oracle.may_see(person, f"account:{row['account_id']}")
    ]
    found = await running.client.search(principal(person.login), "Which customers have open cases?")
    assert found.listing is not None
    assert found.listing.total == len(wanted)
    assert (found.listing.above, found.listing.belonging) == (
        "accounts",
        len({row["account_id"] for row in wanted}),
    )


def _someone_with_cases(oracle: Oracle) -> tuple[Person, int]:
    return next(
        (person, row["account_id"])
        for person in oracle.people
        if person.role == "rep"
        for row in oracle.rows["case"].values()
        if oracle.may_see(person, f"account:{row['account_id']}") and row["status"] != "closed"
    )


async def test_a_record_is_found_by_its_number_by_whom_it_may_be_seen(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    for row in list(oracle.rows["case"].values())[:6]:
        ref = f"case:{row['id']}"
        for person in oracle.people[:6]:
            found = await running.client.search(
                principal(person.login), f"What refund did we offer in case {row['case_no']}?"
            )
            seen = {passage.entity for passage in found.passages} | {fact.entity for fact in found.facts}
            assert (ref in seen) == oracle.may_see(person, ref)
