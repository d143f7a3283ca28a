"""The receipt of an answer counts identities and names none."""

import json

from assistant.answer import EventKind, RunAudit, Step, hidden_in

from .scripted import ScriptedDoor, found, steps

TOKENS = ({"token": "<PERSON_1>", "type": "PERSON", "entity": "contact:9", "field": "name"},)


def test_each_identity_counts_once_by_what_it_is() -> None:
    texts = [
        "<PERSON_1> and <PERSON_1_FIRST> are one, <PERSON_2> is another.",
        "<PERSON_1_EMAIL> twice: <PERSON_1_EMAIL>; <ORGANIZATION_1_PHONE> and <LITERAL_1>.",
    ]
    assert hidden_in(texts) == {"EMAIL": 1, "PERSON": 2, "PHONE": 1}
    assert hidden_in(["nobody", ""]) == {}


async def test_an_answer_has_one_receipt_of_question_prompt_and_shown_text() -> None:
    taken = await steps(
        ScriptedDoor("<PERSON_1> has an open case."),
        found(),
        "What about <PERSON_1>?",
        tokens=TOKENS,
        visible=("contact:9",),
    )
    [receipt] = [one for one in taken if isinstance(one, Step) and one.kind == EventKind.RECEIPT]
    assert receipt.audit is RunAudit.ACCOUNTED
    assert receipt.detail == receipt.data
    assert receipt.data["question"] == {"PERSON": 1}
    assert receipt.data["prompt"]["PERSON"] >= 1
    assert receipt.data["shown"] == {"PERSON": 1}
    assert receipt.data["model"] is True
    assert "<" not in json.dumps(receipt.data)


async def test_where_no_model_was_asked_the_receipt_says_so() -> None:
    taken = await steps(
        ScriptedDoor(away=True), found(), "What about <PERSON_1>?", tokens=TOKENS, visible=("contact:9",)
    )
    [receipt] = [one for one in taken if isinstance(one, Step) and one.kind == EventKind.RECEIPT]
    assert receipt.data == {"question": {"PERSON": 1}, "prompt": {}, "shown": {}, "model": False}
