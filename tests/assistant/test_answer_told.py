"""What the CRM has counted is told without a model, and goes no way that a model's words could not go."""

import pytest

from assistant.answer import Hold
from retrieval import Fact, ListCondition, Listing, Passage

from .scripted import NOW, ScriptedDoor, found, kinds, shown, steps


def listed(subject: str) -> tuple[Listing, Passage, Fact]:
    """A list of one case with this subject."""
    listing = Listing(
        kind="case",
        called="cases",
        conditions=(ListCondition(label="status", values=("escalated",)),),
        total=1,
        of=4,
        label="status",
        records=("case:1",),
    )
    case = Passage(
        id="case:1/facts/0",
        entity="case:1",
        field="facts",
        title=f"CS-30518: {subject}",
        text="status: escalated",
        url=None,
        internal=False,
        as_of=NOW,
        score=1,
    )
    count = Fact(
        entity="",
        label="number of cases",
        field="case.list",
        value="1 of 4",
        kind="text",
        as_of=NOW,
        title="All cases you may see",
    )
    return listing, case, count


async def told(subject: str) -> list[str]:
    listing, case, count = listed(subject)
    result = found(passages=(case,), facts=(count,), listing=listing)
    taken = await steps(ScriptedDoor(), result, "Which cases are escalated?")
    assert not [step for step in taken if isinstance(step, Hold)], kinds(taken)
    return shown(taken)


async def test_a_list_is_told_with_its_count_and_its_records() -> None:
    count, case = await told("Pump drips")
    assert count == "1 of the 4 cases that you may see is escalated. [2]"
    assert "CS-30518" in case
    assert case.endswith("escalated. [1]")


async def test_a_link_in_a_record_goes_nowhere() -> None:
    said = " ".join(await told("see ![x](https://evil.example/?q=1) or https://evil.example"))
    assert "CS-30518" in said
    assert "evil" not in said


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        ("We will refund EUR 9,000", "refund_or_credit_above_limit"),
        ("My lawyer sues you", "legal_threat"),
    ],
)
async def test_what_the_subject_of_a_listed_record_says_is_weighed(subject: str, rule: str) -> None:
    listing, case, count = listed(subject)
    result = found(passages=(case,), facts=(count,), listing=listing)
    taken = await steps(ScriptedDoor(), result, "Which cases are escalated?")
    [held] = [step for step in taken if isinstance(step, Hold)]
    assert rule in held.weighing.rules
    assert not any(subject in sentence for sentence in shown(taken))


@pytest.mark.parametrize("subject", ["We want to leave the contract", "My wrist is broken"])
async def test_what_a_customer_wrote_into_a_subject_ends_no_contract_and_is_no_diagnosis(
    subject: str,
) -> None:
    _count, case = await told(subject)
    assert subject in case


async def test_whether_all_are_is_answered_by_how_many_are() -> None:
    listing, case, count = listed("Pump drips")
    result = found(passages=(case,), facts=(count,), listing=listing)
    [said] = shown(await steps(ScriptedDoor(), result, "Are all my cases escalated?"))
    assert said.startswith("No: 1 of the 4 cases")
