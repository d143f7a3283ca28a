import pytest

from assistant.answer.evidence import about, asks_for_several, listed
from assistant.answer.listing import count_line, matching, meeting, state_line
from assistant.answer.statements import state_all
from assistant.answer.support import Source


def _case(n: int, status: str, category: str = "leak") -> Source:
    facts = (("category", category), ("status", status))
    title = f"CS-400{n}: Pump drips?"
    return Source(n, title, state_all(title, facts), kind="case", facts=facts)


CASES = [_case(1, "open"), _case(2, "closed"), _case(3, "waiting", "wrong bill"), _case(4, "cancelled")]
COUNTED = (("number of orders", "2 delivered"), ("number of cases", "2 closed, 2 open"))
ACCOUNT = Source(9, "<ORGANIZATION_1>", state_all("<ORGANIZATION_1>", COUNTED), kind="account", facts=COUNTED)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which cases of <ORGANIZATION_1> are not closed?", [1, 3, 4]),
        ("Which cases aren't yet closed?", [1, 3, 4]),
        ("Which cases are still open?", [1, 3]),
        ("Show the closed cases.", [2]),
        ("Which cases are closed or cancelled?", [2, 4]),
        ("Which cases are delivered?", []),
        ("Which cases does <ORGANIZATION_1> have?", [1, 2, 3, 4]),
        ("Which complaint cases are there?", [1, 2, 3, 4]),
    ],
)
def test_a_condition_on_the_state_picks_the_records(question: str, expected: list[int]) -> None:
    assert [source.n for source in meeting(question, CASES)] == expected


def test_words_of_a_fact_narrow_a_list() -> None:
    assert [source.n for source in matching("Which cases are about a wrong bill?", CASES)] == [3]
    assert len(matching("Which cases are there?", CASES)) == 4


def test_a_list_says_the_count_and_then_each_record_once_with_its_state() -> None:
    question = "Which cases of <ORGANIZATION_1> are not closed?"
    sources = about(question, [*CASES, ACCOUNT], named=True)
    assert asks_for_several(question, sources)
    choice = listed(question, sources, [*CASES, ACCOUNT])
    assert choice is not None
    assert choice.quotes == (
        "<ORGANIZATION_1> – number of cases: 2 closed, 2 open. [9]\n"
        "CS-4001 (Pump drips) is open. [1]\n"
        "CS-4003 (Pump drips) is waiting. [3]\n"
        "CS-4004 (Pump drips) is cancelled. [4]",
    )


def test_how_many_is_answered_by_the_count_alone() -> None:
    choice = listed("How many cases are there?", CASES, [ACCOUNT])
    assert choice is not None
    assert choice.quotes == ("<ORGANIZATION_1> – number of cases: 2 closed, 2 open. [9]",)


def test_nothing_is_listed_when_no_record_meets_the_condition_and_none_are_counted() -> None:
    assert listed("Which cases are delivered?", CASES, CASES) is None


def test_only_a_count_of_the_kind_counts() -> None:
    assert count_line([ACCOUNT], "note") is None
    assert state_line(Source(1, "T", "prose")) == ""
