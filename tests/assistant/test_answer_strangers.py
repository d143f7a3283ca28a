"""A customer of somebody else is answered like one whom nobody knows, however the name is written."""

import uuid
from typing import Any

import pytest

from assistant.answer import EventKind, Hold
from assistant.answer.strangers import Strangers, strangers_among

from .scripted import REP, ScriptedDoor, found, shown, steps, told

NAME = "<ORGANIZATION_1>"
QUESTIONS = [
    "what does {} owe?",
    "{} open cases",
    "welche offenen fälle hat {}?",
    "what was promised to {} about the broken pump?",
    "Which case is open at {}?",
]
SPELT = [
    "hartmann logistics",
    "Hartmann Logistics",
    "HARTMANN LOGISTICS",
    "hartmann logistics gmbh",
    "Hartmann Logistics Ltd",
    "refund case gmbh",
    "Refund Case",
    "case",
    "open case ltd",
]


def token(name: str = NAME, **changes: Any) -> dict[str, Any]:
    return {"token": name, "type": "ORGANIZATION", "entity": "account:7", "guessed": None, **changes}


async def both(question: str, name: str, says: str = "The case is open.") -> tuple[list[Any], list[Any]]:
    """What is told of a foreign customer, and of a name that nobody knows."""
    foreign = await steps(
        ScriptedDoor(says, typed={NAME: name}), found(), question.replace("{}", NAME), tokens=(token(),)
    )
    unknown = await steps(ScriptedDoor(says), found(), question.replace("{}", name))
    return [(one.kind, one.data) for one in told(foreign)], [(one.kind, one.data) for one in told(unknown)]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", SPELT)
async def test_nothing_tells_a_foreign_customer_from_one_who_does_not_exist(question: str, name: str) -> None:
    foreign, unknown = await both(question, name)
    assert [(kind, str(data).replace(NAME, name)) for kind, data in foreign] == [
        (kind, str(data)) for kind, data in unknown
    ]


async def test_in_a_long_letter_a_foreign_name_is_not_counted_either() -> None:
    foreign, unknown = await both("Dear team of {}, the case is open. " * 12, "hartmann logistics")
    assert foreign == unknown


async def test_what_is_stored_of_an_answer_holds_the_token() -> None:
    door = ScriptedDoor(f"No case of {NAME} is open.", typed={NAME: "hartmann logistics"})
    taken = await steps(door, found(), f"which case is open at {NAME}?", tokens=(token(),))
    assert shown(taken)[0].startswith(f"No case of {NAME} is open.")


async def test_what_is_held_shows_the_prompt_as_the_model_read_it() -> None:
    door = ScriptedDoor("We refund EUR 4,000 today.", typed={NAME: "hartmann logistics"})
    taken = await steps(door, found(), f"may we refund EUR 4,000 to {NAME}?", tokens=(token(),))
    [held] = [step for step in taken if isinstance(step, Hold)]
    prompt = str(held.messages)
    assert NAME in prompt
    assert "hartmann" not in prompt


async def test_the_search_never_hears_of_a_foreign_record() -> None:
    guessed = token("<PERSON_1>", guessed="PERSON")
    door = ScriptedDoor(typed={NAME: "hartmann"})
    strangers = await strangers_among([token(), guessed], frozenset(), door, REP, uuid.uuid4())
    assert strangers == Strangers({NAME: "hartmann"}, {"<PERSON_1>": "PERSON"})
    left = strangers.forget([token(), guessed])
    assert [(one["token"], one["entity"]) for one in left] == [("<PERSON_1>", None)]


async def test_the_callers_own_customers_are_no_strangers() -> None:
    own = token(entity="account:7|account:9")
    strangers = await strangers_among([own], frozenset({"account:9"}), ScriptedDoor(), REP, uuid.uuid4())
    assert strangers.hide(NAME) == NAME
    assert strangers.forget([own]) == [own]


async def test_identities_of_a_stranger_are_counted_one_by_one() -> None:
    """Folded to one they would say that the mail is the person's."""
    tokens = (
        {"token": "<PERSON_1>", "type": "PERSON", "entity": "contact:9"},
        token("<PERSON_2>", type="PERSON", guessed="PERSON"),
        token("<PERSON_2_EMAIL>", type="EMAIL", guessed="EMAIL"),
    )
    asks = "What does <PERSON_1> want, and who are <PERSON_2> and <PERSON_2_EMAIL>?"
    taken = await steps(ScriptedDoor("Something."), found(), asks, tokens=tokens, visible=("contact:9",))
    [masked] = [one for one in told(taken) if one.kind == EventKind.MASKED]
    assert masked.data == {"count": 3, "types": {"PERSON": 2, "EMAIL": 1}}
