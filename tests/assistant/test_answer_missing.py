"""What is said of records that a question names by a number, and that are not there for the asker."""

import pytest

from assistant.answer import EventKind, Hold, Step
from assistant.answer.missing import tell_missing
from gateway import PartUnavailable
from retrieval import Missing

from .scripted import ScriptedDoor, found, kinds, shown, steps

NONE = Missing(kind="case", number="CS-4711")
SENTENCE = "There is no case CS-4711 that you may see."


async def test_of_a_missing_record_nothing_else_is_told() -> None:
    door = ScriptedDoor("Something.")
    taken = await steps(door, found(missing=(NONE,), passages=()), "What is the state of case CS-4711?")
    [ending] = [one for one in taken if isinstance(one, Step) and one.kind == EventKind.NOTHING_FOUND]
    assert ending.data == {"sentence": SENTENCE}
    assert door.heard == []


async def test_what_is_missing_is_told_before_what_is_there() -> None:
    door = ScriptedDoor("<PERSON_1> has an open case.")
    taken = await steps(door, found(missing=(NONE,)), "Compare case CS-4711 with that of <PERSON_1>.")
    assert shown(taken) == [SENTENCE, "<PERSON_1> has an open case. [1]"]
    assert "hold" not in kinds(taken)


async def test_the_model_is_told_what_is_missing() -> None:
    door = ScriptedDoor("<PERSON_1> has an open case.")
    await steps(door, found(missing=(NONE,)), "Compare case CS-4711 with that of <PERSON_1>.")
    assert SENTENCE in str(door.heard)


async def test_without_the_model_what_is_missing_is_told_all_the_same() -> None:
    taken = await steps(ScriptedDoor(away=True), found(missing=(NONE,)))
    assert shown(taken) == [SENTENCE]
    assert kinds(taken)[-1] == EventKind.NO_SUMMARY


@pytest.mark.parametrize("door", [ScriptedDoor(away=True), ScriptedDoor("")], ids=["away", "silent"])
async def test_what_is_missing_is_told_where_no_answer_is_left_to_wait(door: ScriptedDoor) -> None:
    asks = "Tell <PERSON_1> that we will refund EUR 4,000 for case CS-4711."
    taken = await steps(door, found(missing=(NONE,)), asks)
    assert shown(taken) == [SENTENCE]
    assert kinds(taken)[-1] == EventKind.NO_SUMMARY


async def test_what_is_missing_is_not_shown_with_an_answer_that_waits() -> None:
    door = ScriptedDoor("<PERSON_1> has an open case.")
    asks = "Tell <PERSON_1> that we will refund EUR 4,000 for case CS-4711."
    taken = await steps(door, found(missing=(NONE,)), asks)
    assert shown(taken) == []
    assert kinds(taken)[-1] == "hold"


def test_a_number_that_was_hidden_stays_hidden() -> None:
    assert tell_missing((NONE,), {"<ID_1>": "CS-4711"}) == "There is no case <ID_1> that you may see."
    assert tell_missing((NONE,), {"<ID_1>": "case CS-4711"}) == "There is no record <ID_1> that you may see."
    assert tell_missing((NONE,), {"<ID_1>": "4711"}) == "There is no record <ID_1> that you may see."
    assert tell_missing((NONE,), {"<PERSON_1>": "Anna"}) == SENTENCE
    assert tell_missing((), {}) == ""


async def test_nothing_shows_of_what_an_officer_waits_for() -> None:
    again = "Name the case only."
    door = ScriptedDoor("The case is open. [1]")
    taken = await steps(door, found(missing=(NONE,)), instruction=again)
    assert shown(taken) == []
    [hold] = [step for step in taken if isinstance(step, Hold)]
    assert (hold.shown, len(hold.sentences)) == (0, 2)
    with pytest.raises(PartUnavailable):
        await steps(ScriptedDoor(away=True), found(missing=(NONE,)), instruction=again)
