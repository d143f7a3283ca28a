"""What was answered before is told to the model again, unless it came from a record that is gone."""

import uuid

import pytest

from approvals import load_policy
from assistant.answer import AnsweringSettings, AnswerPipeline, Asked, Turn

from .scripted import REP, ScriptedDoor, ScriptedRetrieval, found

BEFORE = Turn("How much is owed?", "EUR 7,300 is owed. [1]", frozenset({"account:4"}))


@pytest.mark.parametrize(("visible", "told"), [(("account:4",), True), ((), False)])
async def test_an_earlier_answer_goes_with_the_right_to_its_records(
    visible: tuple[str, ...], told: bool
) -> None:
    door = ScriptedDoor("The case is open.")
    pipeline = AnswerPipeline(
        door, ScriptedRetrieval(found(), visible), load_policy().by_words, AnsweringSettings()
    )
    asked = Asked(uuid.uuid4(), uuid.uuid4(), REP, "which case is open?", (), history=(BEFORE,))
    async for _ in pipeline.answer(asked):
        pass
    assert BEFORE.question in door.heard
    assert any("7,300" in text for text in door.heard) is told
