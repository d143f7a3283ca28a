"""Records that a question names by their number, and numbers that no visible record has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from retrieval import Missing, SearchResult, load_map, missing_sentence
from retrieval.search.asked import rest_of
from retrieval.search.numbers import identifiers, places_of, typed_in

from .oracle import Oracle, Person
from .stand import DEMO_MAP, Running, Stand, principal

MAP = load_map(DEMO_MAP)
ABSENT = "CS-99999"
NUMBER = ("what is the state of case {}?", "What is {} about?", "ticket no. {}: has it been closed")


@dataclass(frozen=True)
class Numbers:
    """A person, a case that is theirs, and cases that are not."""

    person: Person
    own: dict[str, Any]
    foreign: list[dict[str, Any]]

    async def ask(self, running: Running, question: str, **options: Any) -> SearchResult:
        return await running.client.search(principal(self.person.login), question, **options)


@pytest.fixture
def numbers(stand: Stand) -> Numbers:
    oracle = Oracle(stand.crm_dsn)
    person = next(one for one in oracle.people if one.role == "rep")
    cases = list(oracle.rows["case"].values())
    seen = [row for row in cases if oracle.may_see(person, f"case:{row['id']}")]
    return Numbers(person, seen[0], [row for row in cases if row not in seen])


def _read(question: str, map_file: str = "demo") -> list[tuple[str, str]]:
    crm_map = load_map(DEMO_MAP.with_name(f"{map_file}.yaml"))
    return [(one.kind, one.text) for one in typed_in(crm_map, question)]


def _told(result: SearchResult) -> Sequence[tuple[str, str]]:
    return [(one.kind, one.number) for one in result.missing]


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("what is the state of case CS-4711?", [("case", "CS-4711")]),
        ("order #W2378156", [("order", "#W2378156")]),
        ("compare case 17 and case 999999", [("case", "17"), ("case", "999999")]),
        ("tickets CS-30001, cs30002 and CS-30001", [("case", "CS-30001"), ("case", "cs30002")]),
        ("Ist der Fall CS-99999 geschlossen? Bestellung Nr. 4711", [("case", "CS-99999"), ("order", "4711")]),
        ("What refund did we offer in case CS-30517?", [("case", "CS-30517")]),
        ("[case:12] [account:3] 30517", []),
        ("order: 123456 and order SO 1004", [("order", "123456"), ("order", "SO 1004")]),
        ("What happened to case 30517?", [("case", "30517")]),
        ("What did we offer in case 30517? Im Fall 30518?", [("case", "30517"), ("case", "30518")]),
        ("case 30517 says what", [("case", "30517")]),
        ("Fall 117-0042", [("case", "117-0042")]),
        ("case CS/2024/0001", [("", "CS/2024")]),
        ("cases CS-101 to CS-105", [("case", "CS-101"), ("case", "CS-105")]),
        ("Fall 30001 bis 30005", [("case", "30001"), ("case", "30005")]),
        ("tickets: 30001/30002", [("case", "30001"), ("case", "30002")]),
        ("tickets CS-101/CS-102 / CS-103", [("case", "CS-101"), ("case", "CS-102"), ("case", "CS-103")]),
        ("assign case 30001 to 5 people", [("case", "30001")]),
        ("move case 30001 to 12 December", [("case", "30001")]),
        ("order 2024/0001", []),
    ],
)
def test_the_word_for_a_kind_makes_a_number_that_of_a_record(
    question: str, read: list[tuple[str, str]]
) -> None:
    assert _read(question) == read


@pytest.mark.parametrize(
    "question",
    [
        "call them on extension 4711",
        "in case 300 is wrong",
        "can I order 300 filters",
        "an order of 12 units",
        "case from 2024-05-01",
        "Is this case 3 weeks old?",
        "a credit of 4000 EUR for the case of 2024",
        "order 5000 EUR worth of filters",
        "I want to order 12 litres",
        "a case 7-day rule, open 24/7",
        "case" + " " * 7_000 + "30517",
    ],
)
def test_amounts_and_dates_and_extensions_are_numbers_of_no_record(question: str) -> None:
    assert _read(question) == []


def test_neither_identities_nor_what_a_parent_is_called_are_numbers_of_records() -> None:
    assert identifiers(MAP) == {
        "case": ("case_no",),
        "order": ("order_no",),
        "product": ("code",),
    }
    assert identifiers(load_map(DEMO_MAP.with_name("retail.yaml"))) == {"order": ("order_id",)}


def test_several_missing_records_are_told_in_one_sentence() -> None:
    one, other, third = (Missing(kind=kind, number="7") for kind in ("case", "order", "sale"))
    assert missing_sentence([one]) == "There is no case 7 that you may see."
    assert missing_sentence([one, other]) == "There is no case 7 and no order 7 that you may see."
    assert (
        missing_sentence([one, other, third])
        == "There is no case 7, no order 7 and no sale 7 that you may see."
    )


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("What is the state of case X?", ""),
        ("Hi, what about X? Thanks a lot!", ""),
        ("I need help with X. The customer is angry.", ""),
        ("What is X about and how long is the warranty?", "how long is the warranty?"),
        ("How long is the warranty? And what about X?", "How long is the warranty?"),
        ("What of X? Is it closed? The customer waits. Who has it?", ""),
        ("What of X? How long is the warranty and does it end?", "How long is the warranty? does it end?"),
        (
            "The pump of X reports a leaking valve. What now?",
            "The pump of reports a leaking valve. What now?",
        ),
    ],
)
def test_what_is_asked_apart_from_a_missing_number_is_left(question: str, rest: str) -> None:
    at = question.index("X")
    left = rest_of(
        question,
        [(at, at + 1)],
        goes_back=lambda clause: " it" in clause,
        is_enough=lambda clause: "valve" in clause,
    )
    assert left == rest.replace("warranty? does", "warranty does")


@pytest.mark.parametrize(
    ("question", "places"),
    [
        ("Customer with order #778812 reports an error", ["order #778812"]),
        ("Is case 7 closed within 12 of 17 months, after 7 days?", ["case 7"]),
        ("case no. 30517 of 2024, is 30517 still open?", ["case no. 30517", "30517"]),
        ("tickets CS-1 and CS-2: cs1", ["tickets CS-1", "CS-2"]),
        ("CS-30517, and cs30517 once more", ["CS-30517", "cs30517"]),
    ],
)
def test_a_number_stands_only_where_it_is_whole(question: str, places: list[str]) -> None:
    found = sorted(places_of(MAP, question, typed_in(MAP, question)))
    assert [question[start:end] for start, end in found] == places


@pytest.mark.parametrize("question", NUMBER)
async def test_a_number_that_no_visible_record_has_is_said_to_be_missing(
    running: Running, numbers: Numbers, question: str
) -> None:
    found = await numbers.ask(running, question.format(ABSENT))
    assert _told(found) == [("case", ABSENT)]
    assert (found.passages, found.facts, found.weak) == ((), (), True)
    assert found.notices == (f"There is no case {ABSENT} that you may see.",)
    there = await numbers.ask(running, question.format(numbers.own["case_no"]))
    assert there.missing == ()
    assert f"case:{numbers.own['id']}" in {passage.entity for passage in there.passages}


@pytest.mark.parametrize("question", NUMBER)
async def test_a_number_of_somebody_elses_record_and_one_of_none_are_answered_alike(
    running: Running, numbers: Numbers, question: str
) -> None:
    absent = (await numbers.ask(running, question.format(ABSENT))).model_dump_json()
    for row in numbers.foreign[:8]:
        found = await numbers.ask(running, question.format(row["case_no"]))
        assert found.model_dump_json().replace(row["case_no"], ABSENT) == absent


async def test_the_same_statements_are_run_for_somebody_elses_record_and_for_none(
    running: Running, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = running.state["records"]._reader
    run, asked = reader.all, list[str]()

    async def listening(statement: Any, values: Any) -> Any:
        if (
            str(statement) != "SELECT 1 AS one"
        ):  # whether the CRM is there, asked in between by nobody's question
            asked.append(str(statement))
        return await run(statement, values)

    monkeypatch.setattr(reader, "all", listening)
    each = []
    for number in (ABSENT, numbers.foreign[0]["case_no"]) * 2:
        asked.clear()
        await numbers.ask(running, f"what is the state of case {number}?")
        each.append([*asked])
    assert each[2] == each[3]
    assert len(each[2]) > 3


async def test_what_is_there_is_answered_beside_what_is_not(running: Running, numbers: Numbers) -> None:
    own = numbers.own["case_no"]
    found = await numbers.ask(running, f"compare case {own} and case {ABSENT}")
    assert _told(found) == [("case", ABSENT)]
    assert f"case:{numbers.own['id']}" in {passage.entity for passage in found.passages}
    assert found.facts
    apart = await numbers.ask(running, f"What of case {ABSENT} and how long is the warranty on a heat pump?")
    assert _told(apart) == [("case", ABSENT)]
    assert any("warranty" in passage.text.lower() for passage in apart.passages)


@pytest.mark.parametrize(
    "question",
    [
        "Customer with order #778812 says that the heat pump leaks, how long is the compressor's warranty?",
        "Customer with order #778812 asks about error E-204",
    ],
)
async def test_what_only_mentions_a_missing_number_is_searched_for_without_it(
    running: Running, numbers: Numbers, question: str
) -> None:
    await running.vectors_filled()  # else the two are asked of different vectors
    found = await numbers.ask(running, question)
    assert _told(found) == [("order", "#778812")]
    assert found.passages
    without = await numbers.ask(running, question.replace("order #778812 ", ""))
    assert [one.id for one in found.passages] == [one.id for one in without.passages]


async def test_a_missing_number_makes_no_list_of_everybodys_records(
    running: Running, numbers: Numbers
) -> None:
    found = await numbers.ask(running, f"How many open cases with high priority belong to case {ABSENT}?")
    assert (_told(found), found.listing, found.passages) == ([("case", ABSENT)], None, ())


async def test_how_numbers_are_written_is_not_asked_for_a_question_before(
    running: Running, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = running.state["records"]
    monkeypatch.delattr(type(records), "newest")
    found = await numbers.ask(
        running, "and what does it say?", earlier=f"case {numbers.own['case_no']} with error E-204"
    )
    assert f"case:{numbers.own['id']}" in {fact.entity for fact in found.facts}


async def test_what_was_asked_before_is_no_answer_to_a_missing_number(
    running: Running, numbers: Numbers
) -> None:
    account = f"account:{numbers.own['account_id']}"
    found = await numbers.ask(
        running, f"and case {ABSENT}?", entities=(account,), earlier=f"cases of [{account}]"
    )
    assert (_told(found), found.passages, found.facts) == ([("case", ABSENT)], (), ())


async def test_digits_alone_name_a_case_by_its_number(running: Running, numbers: Numbers) -> None:
    found = await numbers.ask(running, f"case {numbers.own['case_no'].removeprefix('CS-')}")
    assert found.missing == ()
    assert f"case:{numbers.own['id']}" in {fact.entity for fact in found.facts}
    assert _told(await numbers.ask(running, "case 99999")) == [("case", "99999")]


async def test_a_number_is_found_however_the_crm_writes_it(new_stand: Any) -> None:
    stand = new_stand()
    oracle = Oracle(stand.crm_dsn)
    person = next(one for one in oracle.people if one.role == "rep")
    key = next(key for key in oracle.rows["case"] if oracle.may_see(person, f"case:{key}"))
    stand.crm("UPDATE cases SET case_no = 'Fx-' || lpad(id::text, 7, '0')")
    async with stand.running() as running:
        await running.caught_up()
        for typed in (f"{key}", f"Fx-{key:07}", f"fx{key:07}", f"FX {key:07}"):
            found = await running.client.search(principal(person.login), f"the state of case {typed}")
            assert found.missing == ()
            assert f"case:{key}" in {fact.entity for fact in found.facts}


async def test_a_text_that_has_the_very_number_is_brought(new_stand: Any) -> None:
    stand = new_stand()
    oracle = Oracle(stand.crm_dsn)
    article = next(row for row in oracle.rows["article"].values() if row["audience"] == "public")
    body = "Error E-417 means that the filter ZZ-9940 is blocked. See also CS-99998."
    stand.crm("UPDATE articles SET body = %s, updated_at = now() WHERE id = %s", body, article["id"])
    async with stand.running() as running:
        await running.caught_up()
        who = principal(next(one for one in oracle.people if one.role == "rep").login)
        for question in ("what does error E-417 mean", "is filter ZZ-9940 in stock", "what is CS-99998"):
            found = await running.client.search(who, question)
            assert found.missing == ()
            assert f"article:{article['id']}" in {passage.entity for passage in found.passages}
        sure = await running.client.search(who, "what is the state of case CS-99998")
        assert _told(sure) == [("case", "CS-99998")]
        assert {passage.entity for passage in sure.passages} == {f"article:{article['id']}"}


async def test_no_text_tells_a_customer_who_is_not_theirs_from_one_that_is_not_there(new_stand: Any) -> None:
    stand = new_stand()
    oracle = Oracle(stand.crm_dsn)
    person = next(one for one in oracle.people if one.role == "rep")
    key, case = next(
        (key, row)
        for key, row in oracle.rows["case"].items()
        if not oracle.may_see(person, f"account:{row['account_id']}")
    )
    said = "As in CS-99998, the filter is blocked."
    stand.crm("UPDATE cases SET assigned_to = %s, description = %s WHERE id = %s", person.id, said, key)
    async with stand.running() as running:
        await running.caught_up()
        who = principal(person.login)
        everywhere = await running.client.search(who, "what is CS-99998")
        assert f"case:{key}" in {passage.entity for passage in everywhere.passages}
        foreign, absent = [
            await running.client.search(who, "what is CS-99998", scope=f"account:{account}")
            for account in (case["account_id"], 999_999)
        ]
        assert (foreign.passages, _told(foreign)) == ((), [("case", "CS-99998")])
        assert foreign == absent


@pytest.mark.parametrize(
    "question",
    [
        "error code E-204 on the display",
        "they called from extension 4711",
        "a refund of EUR 4000",
        "which rules are there for 2024",
        "what if we order 5000",
        "an order EUR 4000 and more",
        "cases CS-30001-30005",
        "is this product ISO 9001 certified",
        "in case 99999 is shown on the display",
    ],
)
async def test_what_merely_looks_like_a_number_is_searched_for_as_ever(
    running: Running, numbers: Numbers, question: str
) -> None:
    found = await numbers.ask(running, question)
    assert found.missing == ()
    assert found.passages
