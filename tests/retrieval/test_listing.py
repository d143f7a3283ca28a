"""Lists out of the CRM: what a question is understood to ask for, and whom the answer lets through."""

from typing import Any

import pytest

from retrieval import is_whether, load_map
from retrieval.records import Match, Records
from retrieval.rights import visibility_of
from retrieval.search.focus import Focus
from retrieval.search.listing import choices_of, find_listing
from retrieval.search.owning import owner_column, said_to_be_mine, without_owner
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
        await find_listing(records, visibility, question, Focus({}, {}), named=False, at_most=12)
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
        assert len(found.listing.records) == min(12, len(open_ones))
        assert [passage.entity for passage in found.passages] == list(found.listing.records)
        assert found.facts[0].value == f"{len(open_ones)} of {len(mine)}"


async def test_a_list_holds_as_many_records_as_are_wanted_and_counts_them_all(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, mine = max(
        (
            (one, [key for key in oracle.rows["case"] if oracle.may_see(one, f"case:{key}")])
            for one in oracle.people
        ),
        key=lambda found: len(found[1]),
    )
    assert len(mine) > 12
    for limit, listed in ((3, None), (50, None), (8, 3)):
        found = await running.client.search(
            principal(person.login), "Show all cases", limit=limit, listed=listed
        )
        assert found.listing is not None
        assert found.listing.total == len(mine)
        assert len(found.passages) == len(found.listing.records) == min(listed or limit, len(mine))


async def test_a_list_of_a_named_customer_keeps_to_it(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, account = _someone_with_cases(oracle)
    cases = {f"case:{row['id']}" for row in oracle.rows["case"].values() if row["account_id"] == account}
    found = await running.client.search(principal(person.login), f"Which cases of [account:{account}]?")
    assert found.listing is not None
    assert found.listing.of == len(cases)
    assert set(found.listing.records) <= cases
    every = await running.client.search(
        principal(person.login), "How many cases do we have in all?", entities=(f"account:{account}",)
    )
    assert every.listing is not None
    assert every.listing.of > len(cases)


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
    assert (found.listing.about, found.listing.visible) == ((f"account:{account}",), len(cases))
    own = [row for row in cases if row["assigned_to"] == person.id]
    assert found.listing.of == len(own if found.listing.owned else cases)
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


@pytest.mark.parametrize(
    ("question", "mine"),
    [
        ("how many customers do I have", {"account"}),
        ("Which of my customers have escalated cases?", {"account"}),
        ("How many customers with open cases do I have?", {"account"}),
        ("how many cases of my customers are open", {"account"}),
        ("Which open cases are mine?", {"case"}),
        ("Which cases are assigned to me?", {"case"}),
        ("How many accounts that I own are on hold?", {"account"}),
        ("Welche Fälle sind mir zugewiesen?", {"case"}),
        ("Meine offenen Fälle", {"case"}),
        ("How many customers do we have?", set()),
        ("Which of our cases are open?", set()),
        ("Show all cases", set()),
    ],
)
def test_whose_records_are_meant_is_read_off_the_words(question: str, mine: set[str]) -> None:
    said = in_words_of_map(MAP, question)
    assert said_to_be_mine(MAP, said) == mine
    assert read_list(MAP, without_owner(said), VALUES) is not None


def test_the_map_says_whose_a_record_is() -> None:
    assert {kind: column for kind in MAP.entities if (column := owner_column(MAP, kind))} == {
        "account": "owner_id",
        "case": "assigned_to",
    }
    espo = load_map(DEMO_MAP.with_name("espocrm.yaml"))
    assert owner_column(espo, "account") == "assigned_user_id"
    assert owner_column(espo, "article") is None


async def test_mine_are_those_that_i_own(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    for person in [one for one in oracle.people if one.role == "rep"][:4]:
        who = principal(person.login)
        seen = {key for key in oracle.rows["account"] if oracle.may_see(person, f"account:{key}")}
        own = {key for key, row in oracle.rows["account"].items() if row["owner_id"] == person.id}
        mine = (await running.client.search(who, "How many customers do I have?")).listing
        ours = (await running.client.search(who, "How many customers do we have?")).listing
        assert mine is not None
        assert ours is not None
        assert (mine.total, mine.of, mine.visible, mine.owned) == (
            len(own),
            len(own),
            len(seen),
            ("accounts",),
        )
        assert (ours.total, ours.owned) == (len(seen), ())
        assert {int(ref.partition(":")[2]) for ref in mine.records} <= own
        assigned = [row for row in oracle.rows["case"].values() if row["assigned_to"] == person.id]
        cases = (await running.client.search(who, "Which open cases are assigned to me?")).listing
        assert cases is not None
        assert (cases.total, cases.of) == (
            sum(row["status"] != "closed" for row in assigned),
            len(assigned),
        )


async def test_cases_of_my_customers_are_those_of_customers_that_i_own(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, _ = _someone_with_cases(oracle)
    theirs = [
        row
        for row in oracle.rows["case"].values()
        if oracle.rows["account"][row["account_id"]]["owner_id"] == person.id
    ]
    found = await running.client.search(principal(person.login), "Which of my customers have open cases?")
    assert found.listing is not None
    assert (found.listing.of, found.listing.owned) == (len(theirs), ("accounts",))
    assert found.listing.total == sum(row["status"] != "closed" for row in theirs)


async def test_what_nobody_owns_is_counted_as_far_as_it_may_be_seen(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, _ = _someone_with_cases(oracle)
    found = await running.client.search(principal(person.login), "How many orders do I have?")
    seen = [key for key in oracle.rows["order"] if oracle.may_see(person, f"order:{key}")]
    assert found.listing is not None
    assert (found.listing.of, found.listing.owned) == (len(seen), ())


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
