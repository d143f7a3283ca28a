"""A customer of somebody else is answered like one whom nobody knows, however the name is written."""

from typing import Any

import pytest

from assistant.answer.strangers import strangers_among
from redaction import disguise

from .scripted import ScriptedDoor, found, shown, steps, told

KNOWN, UNKNOWN = "hartmann logistics", "globex trading"
QUESTIONS = [
    "what does {} owe?",
    "{} open cases",
    "welche offenen fälle hat {}?",
    "what was promised to {} about the broken pump?",
    "Which case is open at {}?",
]
SPELLINGS = [str.lower, str.title, str.upper, lambda name: f"{name} gmbh", lambda name: f"{name.title()} Ltd"]


def token(value: str, **changes: Any) -> dict[str, Any]:
    name = "<ORGANIZATION_1>"
    standard = {"token": name, "type": "ORGANIZATION", "entity": "account:7", "field": "name"}
    return {**standard, "stranger": disguise(value, name), **changes}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("spelt", SPELLINGS)
async def test_nothing_tells_a_foreign_customer_from_one_who_does_not_exist(
    question: str, spelt: Any
) -> None:
    says = "The case is open."
    foreign = await steps(
        ScriptedDoor(says), found(), question.format("<ORGANIZATION_1>"), tokens=(token(spelt(KNOWN)),)
    )
    unknown = await steps(ScriptedDoor(says), found(), question.format(spelt(UNKNOWN)))
    assert [(one.kind, one.data) for one in told(foreign)] == [(one.kind, one.data) for one in told(unknown)]


async def test_in_a_long_letter_a_foreign_name_is_not_counted_either() -> None:
    letter = "Dear team of {}, the case is open. " * 12
    foreign = await steps(
        ScriptedDoor("The case is open."),
        found(),
        letter.format(*["<ORGANIZATION_1>"] * 12),
        tokens=(token(KNOWN),),
    )
    unknown = await steps(ScriptedDoor("The case is open."), found(), letter.format(*[UNKNOWN] * 12))
    assert [(one.kind, one.data) for one in told(foreign)] == [(one.kind, one.data) for one in told(unknown)]


async def test_an_answer_says_the_callers_own_words() -> None:
    made = disguise(KNOWN, "<ORGANIZATION_1>")
    foreign = await steps(
        ScriptedDoor(f"No case of {made} is open."),
        found(),
        "which case is open at <ORGANIZATION_1>?",
        tokens=(token(KNOWN),),
    )
    assert shown(foreign)[0].startswith("No case of <ORGANIZATION_1> is open.")


async def test_the_search_never_hears_of_a_foreign_record() -> None:
    strangers = strangers_among(
        [token(KNOWN), token(KNOWN, token="<PERSON_1>", stranger="<PERSON>")], frozenset()
    )
    left = strangers.forget([token(KNOWN), token(KNOWN, token="<PERSON_1>", stranger="<PERSON>")])
    assert [(one["token"], one["entity"]) for one in left] == [("<PERSON_1>", None)]


def test_the_callers_own_customers_are_no_strangers() -> None:
    own = token(KNOWN, entity="account:7|account:9")
    strangers = strangers_among([own], frozenset({"account:9"}))
    assert strangers.hide("<ORGANIZATION_1>") == "<ORGANIZATION_1>"
    assert strangers.forget([own]) == [own]
