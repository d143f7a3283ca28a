"""No risky sentence shows unseen, whichever kind of rule finds it; likeness by the encoder that ships."""

from collections.abc import Sequence
from typing import Any

import pytest

from approvals import load_policy
from assistant.answer import Hold, Step
from gateway import Principal, SettingsError
from tests.encoder import embed

from .scripted import ScriptedDoor, found, kinds, shown, steps

POLICY = load_policy()
HARMLESS = "<PERSON_1> has an open case. "
RISKY = "Her parents never agreed, she is still in seventh grade. "


class MeaningDoor(ScriptedDoor):
    """A door whose embedding server is the real encoder; counts what it was asked."""

    def __init__(self, *chunks: str) -> None:
        super().__init__(*chunks, meaning=lambda text: list(embed([text])[0]))
        self.calls: list[Sequence[str]] = []

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Any) -> list[list[float]]:
        self.calls.append(texts)
        return await super().embed(principal, texts, purpose)


def held(taken: Sequence[Step | Hold]) -> Hold:
    [hold] = [step for step in taken if isinstance(step, Hold)]
    return hold


async def test_a_sentence_that_is_like_risky_ones_stops_the_stream_before_it() -> None:
    text = f"{HARMLESS}{RISKY}She is content."
    taken = await steps(MeaningDoor(HARMLESS, RISKY, "She is content."), found(text=text), policy=POLICY)
    assert shown(taken) == ["<PERSON_1> has an open case. [1]"]
    assert held(taken).shown == 1
    assert "minors" in held(taken).weighing.rules


async def test_a_question_that_is_like_risky_ones_shows_nothing() -> None:
    question = "May a pupil sign without her mum?"
    taken = await steps(MeaningDoor(HARMLESS), found(), question, policy=POLICY)
    assert shown(taken) == []
    assert held(taken).shown == 0


async def test_the_embedding_server_is_asked_once_for_the_question_and_once_a_sentence() -> None:
    door = MeaningDoor(HARMLESS, "The case is open. ")
    await steps(door, found(), policy=POLICY)
    assert len(door.calls) == 3
    assert not any("<" in text for texts in door.calls for text in texts)


async def test_when_nothing_can_be_embedded_nothing_shows_and_the_card_says_why() -> None:
    taken = await steps(ScriptedDoor(HARMLESS), found(), policy=POLICY)
    assert shown(taken) == []
    assert held(taken).weighing.rules == ("likeness_unread",)
    assert "embedded" in held(taken).weighing.reasons[0][1]


async def test_an_embedding_server_that_goes_away_stops_the_stream_there() -> None:
    class Leaving(MeaningDoor):
        async def embed(self, principal: Principal, texts: Sequence[str], purpose: Any) -> list[list[float]]:
            if len(self.calls) == 2:
                self._meaning = None
            return await super().embed(principal, texts, purpose)

    taken = await steps(Leaving(HARMLESS, "The case is open."), found(), policy=POLICY)
    assert shown(taken) == ["<PERSON_1> has an open case. [1]"]
    assert held(taken).weighing.rules == ("likeness_unread",)


async def test_a_question_that_the_filter_was_not_at_ease_with_shows_nothing() -> None:
    taken = await steps(ScriptedDoor(HARMLESS), found(), flags=("injection",))
    assert shown(taken) == []
    assert held(taken).weighing.rules == ("checks",)


async def test_a_sentence_with_a_broken_token_is_not_shown() -> None:
    taken = await steps(ScriptedDoor("[PERSON_1] has an open case."), found())
    assert shown(taken) == []
    assert "checks" in held(taken).weighing.rules


async def test_in_shadow_mode_the_answer_shows_and_the_record_says_what_would_have_held() -> None:
    policy = POLICY.by_words.model_copy(update={"mode": "shadow"})
    taken = await steps(ScriptedDoor("The lawyer of <PERSON_1> called."), found(), policy=policy)
    assert "hold" not in kinds(taken)
    [weighed] = [s for s in taken if isinstance(s, Step) and s.data.get("name") == "weighing"]
    assert "legal_threat" in weighed.detail["shadow"]
    assert weighed.detail["held"] is False


async def test_an_answer_that_chance_chose_is_held_as_a_whole() -> None:
    drawn = POLICY.by_words.model_copy(update={"sampling": POLICY.sampling.model_copy(update={"share": 1.0})})
    taken = await steps(ScriptedDoor(HARMLESS), found(), policy=drawn, secret=b"s")
    assert shown(taken) == []
    assert held(taken).weighing.rules == ("sampled",)
    with pytest.raises(SettingsError, match="sampling_secret_file"):
        await steps(ScriptedDoor(HARMLESS), found(), policy=drawn)


async def test_an_answer_from_a_record_that_must_not_be_passed_on_is_held_as_a_whole() -> None:
    text = f"{HARMLESS}Do not tell the customer that the batch is under recall."
    taken = await steps(MeaningDoor(HARMLESS), found(text=text), policy=POLICY)
    assert shown(taken) == []
    assert held(taken).weighing.rules == ("confidential_source",)
