import pytest

from assistant.answer.counting import answer_list, count_sentences
from assistant.answer.statements import state_all
from assistant.answer.support import Checked, Source, check_sentence, counts_records
from retrieval import ListCondition, Listing

ESCALATED = (ListCondition(label="status", values=("escalated",)),)


def _case(n: int) -> Source:
    facts = (("account", f"<ORGANIZATION_{n}>"), ("priority", "high"), ("status", "escalated"))
    title = f"CS-400{n}: Pump drips?"
    return Source(n, title, state_all(title, facts), kind="case", facts=facts, entity=f"case:{n}")


def _counted(listing: Listing, about: str = "") -> Source:
    return Source(9, "All cases", " ".join(count_sentences(listing, about, 2)), counts=about)


def _listing(total: int, **changes: object) -> Listing:
    standard: dict[str, object] = {
        "kind": "case",
        "called": "cases",
        "conditions": ESCALATED,
        "total": total,
        "of": 40,
        "label": "status",
        "owner": "account",
        "records": ("case:1", "case:2")[:total],
    }
    return Listing.model_validate(standard | changes)


def test_a_list_says_how_many_there_are_and_how_many_of_them_it_shows() -> None:
    listing = _listing(12)
    told = answer_list("Which cases are escalated?", listing, [_case(1), _case(2), _counted(listing)])
    assert told[0] == (
        ("12 of the 40 cases that you may see are escalated.", "The latest 2 of 12 are listed."),
        9,
    )
    assert told[1:] == [
        (("CS-4001 (Pump drips) for <ORGANIZATION_1> is escalated.",), 1),
        (("CS-4002 (Pump drips) for <ORGANIZATION_2> is escalated.",), 2),
    ]


def test_a_whole_list_says_nothing_of_a_part() -> None:
    listing = _listing(2)
    assert len(answer_list("Which cases?", listing, [_case(1), _case(2), _counted(listing)])[0][0]) == 1


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (0, "No: none of the 40 cases of <ORGANIZATION_1> that you may see is escalated."),
        (1, "Yes: 1 of the 40 cases of <ORGANIZATION_1> that you may see is escalated."),
    ],
)
def test_whether_there_is_one_is_answered_by_yes_or_no(total: int, expected: str) -> None:
    listing = _listing(total)
    [(told, _), *_] = answer_list(
        "Does <ORGANIZATION_1> have an escalated case?",
        listing,
        [_case(1), _counted(listing, "<ORGANIZATION_1>")],
    )
    assert told == (expected,)


@pytest.mark.parametrize(
    ("question", "total", "expected"),
    [
        ("Are all cases escalated?", 3, "No: 3 of the 40 cases that you may see are escalated."),
        ("Is every case escalated?", 3, "No: 3 of the 40 cases that you may see are escalated."),
        ("Sind alle Fälle eskaliert?", 3, "No: 3 of the 40 cases that you may see are escalated."),
        ("Are all cases escalated?", 40, "Yes: 40 of the 40 cases that you may see are escalated."),
        ("Are all cases escalated?", 0, "No: none of the 40 cases that you may see is escalated."),
        ("Are my cases escalated?", 3, "3 of the 40 cases that you may see are escalated."),
        ("Are my cases escalated?", 40, "Yes: 40 of the 40 cases that you may see are escalated."),
        ("Can I see all escalated cases?", 3, "3 of the 40 cases that you may see are escalated."),
        ("Are there any escalated cases?", 3, "Yes: 3 of the 40 cases that you may see are escalated."),
        ("Do I have escalated cases?", 3, "Yes: 3 of the 40 cases that you may see are escalated."),
        ("Have my cases been escalated?", 3, "3 of the 40 cases that you may see are escalated."),
    ],
)
def test_whether_all_are_needs_all_of_them(question: str, total: int, expected: str) -> None:
    listing = _listing(total, records=())
    assert answer_list(question, listing, [_counted(listing)]) == [((expected,), 9)]


def test_of_two_conditions_not_all_of_either_are_counted() -> None:
    urgent = (*ESCALATED, ListCondition(label="priority", values=("urgent",)))
    listing = _listing(3, records=(), conditions=urgent)
    [((told, *_), _)] = answer_list("Are all urgent cases escalated?", listing, [_counted(listing)])
    assert told.startswith("3 of the 40 cases")


def test_how_many_is_answered_by_the_count_alone() -> None:
    listing = _listing(5, counts=(("open", 3), ("waiting", 2)), conditions=())
    assert answer_list("How many cases do I have?", listing, [_case(1), _counted(listing)]) == [
        (("There are 40 cases that you may see: 3 open, 2 waiting.",), 9)
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"conditions": (), "of": 12}, "There are 12 cases that you own."),
        ({}, "5 of the 40 cases that you own are escalated."),
        ({"total": 0}, "None of the 40 cases that you own is escalated."),
        (
            {"total": 0, "of": 0, "visible": 31},
            "There are no cases that you own, among the 31 that you may see.",
        ),
        ({"total": 0, "of": 0}, "There are no cases that you own."),
        (
            {"above": "accounts", "owned": ("accounts",), "belonging": 2},
            "5 of the 40 cases of accounts that you own are escalated.",
        ),
    ],
)
def test_of_what_is_the_askers_own_it_is_said_that_they_own_it(
    changes: dict[str, object], expected: str
) -> None:
    listing = _listing(5).model_copy(update={"owned": ("cases",), **changes})
    assert count_sentences(listing, "", 0)[0] == expected


def test_what_the_records_belong_to_is_counted() -> None:
    told = [count_sentences(_listing(2, above="accounts", belonging=n), "", 2)[1] for n in (1, 2)]
    assert told == ["They belong to one of the accounts.", "They belong to 2 accounts."]


def test_a_count_is_carried_by_its_source_and_weighs_nothing() -> None:
    listing = _listing(12, conditions=(ListCondition(label="service plan", values=("Care", "Basic")),))
    source = _counted(listing)
    for sentence in count_sentences(listing, "", 2):
        checked = check_sentence(f"{sentence} [9]", [source])
        assert checked.supported
        assert counts_records(checked, [source])
    assert not counts_records(Checked("We pay 12 of them. [9]", (9,), True), [source])
    part = " ".join(source.text.split()[-2:])
    assert not counts_records(Checked(f"{part} [9]", (9,), True), [source])
    assert not counts_records(Checked("Twelve. [1]", (1,), True), [_case(1)])
