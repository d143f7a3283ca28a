"""What the pipeline decides when its parts answer as they are told; end to end the real ones are tried."""

from typing import Any

import pytest

from assistant.answer import EventKind, Hold, Step
from retrieval import Fact

from .scripted import NOW, ScriptedDoor, found, kinds, shown, steps, told


async def test_no_risky_sentence_is_shown_and_the_stream_stops_before_it() -> None:
    door = ScriptedDoor(
        "<PERSON_1> has an open case. ", "We will refund EUR 4,000 to <PERSON_1> today. ", "She is content."
    )
    taken = await steps(door, found())
    assert shown(taken) == ["<PERSON_1> has an open case. [1]"]
    [held] = [step for step in taken if isinstance(step, Hold)]
    assert held.shown == 1
    assert len(held.sentences) == 3
    assert "refund_or_credit_above_limit" in held.weighing.rules


async def test_a_question_that_is_risky_by_itself_shows_nothing() -> None:
    door = ScriptedDoor("<PERSON_1> has an open case.")
    taken = await steps(door, found(), "Tell <PERSON_1> that we will refund EUR 4,000.")
    assert shown(taken) == []
    assert kinds(taken)[-1] == "hold"


async def test_every_answer_about_a_marked_customer_is_held() -> None:
    vip = Fact(
        entity="account:1",
        label="VIP",
        field="vip",
        value="yes",
        kind="boolean",
        as_of=NOW,
        title="Anna Schmidt",
    )
    taken = await steps(ScriptedDoor("<PERSON_1> has an open case."), found(facts=(vip,)))
    assert shown(taken) == []
    assert kinds(taken)[-1] == "hold"


async def test_a_harmless_answer_is_shown_with_its_citation() -> None:
    taken = await steps(ScriptedDoor("<PERSON_1> has an ", "open case."), found())
    assert shown(taken) == ["<PERSON_1> has an open case. [1]"]
    assert "hold" not in kinds(taken)


async def test_the_model_hears_only_what_the_door_gave_back() -> None:
    door = ScriptedDoor("<PERSON_1> has an open case.")
    await steps(door, found())
    assert any("<PERSON_1>" in text for text in door.heard)
    assert not any("Anna" in text for text in door.heard)


async def test_a_made_up_claim_is_held_or_marked_but_never_shown_as_carried() -> None:
    taken = await steps(ScriptedDoor("<PERSON_1> lives in Paris since 1998."), found())
    assert not any(
        step.data["supported"] for step in taken if isinstance(step, Step) and step.kind == EventKind.SENTENCE
    )


async def test_without_the_model_the_sources_are_still_there() -> None:
    taken = await steps(ScriptedDoor(away=True), found())
    assert EventKind.SOURCES in kinds(taken)
    assert kinds(taken)[-1] == EventKind.NO_SUMMARY


async def test_only_a_model_that_starts_is_said_to_be_on_its_way() -> None:
    said = []
    for door in (ScriptedDoor(away=True), ScriptedDoor(starting=True), ScriptedDoor(absent=True)):
        last = (await steps(door, found()))[-1]
        assert isinstance(last, Step)
        assert last.kind == EventKind.NO_SUMMARY
        said.append(last.data["sentence"])
    away, starting, absent = said
    assert "still being installed" in starting
    assert "Ask again in a minute." in away
    assert "installed" not in away
    assert "started without a language model" in absent
    assert "`cloister up` without --no-model" in absent
    assert "installed" not in absent


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"user_known": False}, EventKind.FAILED),
        ({"crm_available": False, "passages": ()}, EventKind.FAILED),
        ({"passages": ()}, EventKind.NOTHING_FOUND),
    ],
)
async def test_the_model_is_never_asked_without_records(changes: dict[str, Any], kind: EventKind) -> None:
    door = ScriptedDoor("Something.")
    taken = await steps(door, found(**changes))
    assert kinds(taken)[-1] == kind
    assert door.heard == []


async def test_copies_of_articles_are_told_as_such_while_the_crm_is_away() -> None:
    taken = await steps(ScriptedDoor("All is well. [1]"), found(crm_available=False, stale=True))
    [sources] = [step for step in taken if isinstance(step, Step) and step.kind == EventKind.SOURCES]
    assert (sources.data["copied"], sources.data["stale"]) == (True, True)
    [sources] = [
        step
        for step in await steps(ScriptedDoor("All is well. [1]"), found())
        if isinstance(step, Step) and step.kind == EventKind.SOURCES
    ]
    assert sources.data["copied"] is False


async def test_somebody_who_is_not_the_callers_is_nobody() -> None:
    tokens = ({"token": "<PERSON_2>", "type": "PERSON", "entity": "contact:7|contact:9", "field": "name"},)
    asks = "What about <PERSON_2>?"
    hidden = await steps(ScriptedDoor("Something."), found(), asks, tokens=tokens)
    assert kinds(hidden)[-1] == EventKind.NOTHING_FOUND
    assert EventKind.SOURCES not in kinds(hidden)
    allowed = await steps(
        ScriptedDoor("<PERSON_1> has an open case."), found(), asks, tokens=tokens, visible=("contact:9",)
    )
    assert shown(allowed)


async def test_a_customer_who_is_not_the_callers_is_shown_like_one_who_does_not_exist() -> None:
    foreign = ({"token": "<ORGANIZATION_1>", "type": "ORGANIZATION", "entity": "account:7", "field": "name"},)
    masked = await steps(
        ScriptedDoor("Something."), found(), question="What does <ORGANIZATION_1> owe?", tokens=foreign
    )
    unknown = await steps(ScriptedDoor("Something."), found(), question="What does Globex Corporation owe?")
    assert [(one.kind, one.data) for one in told(masked)] == [(one.kind, one.data) for one in told(unknown)]
    assert kinds(unknown)[-1] == EventKind.NOTHING_FOUND
    assert EventKind.MASKED not in kinds(unknown)


async def test_a_letter_that_was_pasted_is_answered_whoever_it_names() -> None:
    letter = "Dear Globex Corporation, the case is open. " * 10
    assert shown(await steps(ScriptedDoor("The case is open."), found(), question=letter))


async def test_what_was_hidden_is_counted_once_a_name_and_not_where_the_count_would_tell() -> None:
    tokens = (
        {"token": "<PERSON_1>", "type": "PERSON", "entity": "contact:9", "field": "name"},
        {"token": "<PERSON_1_EMAIL>", "type": "PERSON", "entity": "contact:9", "field": "email"},
        {
            "token": "<ORGANIZATION_1>",
            "type": "ORGANIZATION",
            "entity": "account:7",
            "field": "name",
        },
    )
    taken = await steps(
        ScriptedDoor("<PERSON_1> has an open case."), found(), tokens=tokens, visible=("contact:9",)
    )
    [masked] = [one for one in told(taken) if one.kind == EventKind.MASKED]
    assert masked.data == {"count": 1, "types": {"PERSON": 1}}


@pytest.mark.parametrize("question", ["Hi", "hello there!", "Thanks a lot.", "🙂", "???", "Guten Morgen"])
async def test_who_asks_for_nothing_is_told_what_to_ask(question: str) -> None:
    taken = await steps(ScriptedDoor("Something."), found(), question=question)
    assert kinds(taken) == [EventKind.NOTHING_FOUND]


@pytest.mark.parametrize(
    "question",
    [
        "Globex Corporation: what do they owe?",
        "Globex's open case?",
        "what does globex logistics gmbh owe?",
        "What does Globex owe?",
    ],
)
async def test_a_name_that_nobody_knows_is_found_nowhere_however_it_is_written(question: str) -> None:
    assert kinds(await steps(ScriptedDoor("The case is open."), found(), question=question))[-1] == (
        EventKind.NOTHING_FOUND
    )
