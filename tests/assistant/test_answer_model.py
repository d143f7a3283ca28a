"""What the pipeline hands to the model, and when it shows what the model says."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from assistant.answer import EventKind, Step, Turn
from gateway import ChatChunk, Principal, TooLarge
from retrieval import Passage

from .scripted import ScriptedDoor, answering, found, kinds, note, shown, steps

CHARACTERS_A_TOKEN = 2.0


def tokens_of(door: ScriptedDoor) -> float:
    """What the prompt takes of the model's window, at the fewest characters a token that were measured."""
    return sum(map(len, door.heard)) / CHARACTERS_A_TOKEN


def long_notes(count: int) -> tuple[Passage, ...]:
    """Notes that all speak to the same question, each a third of a small window."""
    filler = "The technician measured the pressure again and wrote it down. " * 12
    return tuple(note(n, f"The boiler in house {n} was repaired in May. {filler}") for n in range(1, count))


def alike(_text: str) -> list[float]:
    return [1.0, 0.0]


@pytest.mark.parametrize("quoting", [False, True], ids=["writing", "quoting"])
async def test_the_prompt_and_the_answer_fit_the_models_window(quoting: bool) -> None:
    door = ScriptedDoor("The boiler was repaired.", meaning=alike)
    window = 1024
    result = found(passages=long_notes(9))
    turns = tuple(Turn(f"Question {n}? " + "y" * 600, "An answer. " * 30) for n in range(3))
    await steps(
        door,
        result,
        "Which boiler was repaired?",
        history=turns,
        window=window,
        answer_tokens=128,
        quoting=quoting,
    )
    assert tokens_of(door) + door.options["options"]["max_tokens"] <= window
    assert door.heard[-1] == "Question: Which boiler was repaired?"
    assert any(text.startswith("[1] ") for text in door.heard), "the worthiest source must be in it"


async def test_a_question_longer_than_the_window_is_refused_before_the_model_is_asked() -> None:
    door = ScriptedDoor("Something.")
    with pytest.raises(TooLarge, match="characters fit"):
        await steps(door, found(), "What about <PERSON_1>? " * 200, window=1024, answer_tokens=128)
    assert door.heard == []


class PausingDoor(ScriptedDoor):
    """Says its first piece, and the rest only when the first sentence was seen."""

    def __init__(self, *chunks: str) -> None:
        super().__init__(*chunks)
        self.seen = asyncio.Event()

    async def chat(
        self, principal: Principal, messages: Sequence[Any], **options: Any
    ) -> AsyncGenerator[ChatChunk, None]:
        first, *others = self._chunks
        yield ChatChunk(first)
        await self.seen.wait()
        for chunk in others:
            yield ChatChunk(chunk)


async def test_the_first_sentence_is_shown_while_the_model_still_writes() -> None:
    door = PausingDoor("<PERSON_1> has an open case. She", " is content.")
    taken = []
    async with asyncio.timeout(20), aclosing(answering(door, found())) as coming:
        async for step in coming:
            taken.append(step)
            if isinstance(step, Step) and step.kind == EventKind.SENTENCE and not door.seen.is_set():
                assert shown(taken) == ["<PERSON_1> has an open case. [1]"]
                door.seen.set()
    assert shown(taken) == ["<PERSON_1> has an open case. [1]", "She is content. [1]"]


QUESTION = "Where is the key of the cellar?"
BY_WORDS = "The key figures of the cellar were sent to the office."
BY_MEANING = "Ask the neighbour on the ground floor to let you downstairs."
TWO_NOTES = (note(1, BY_WORDS, "Note of 2026-04-01"), note(2, BY_MEANING, "Note of 2026-04-02"))


def neighbourly(text: str) -> list[float]:
    return [1.0, 0.0] if text == QUESTION or "neighbour" in text else [0.0, 1.0]


async def test_a_model_that_quotes_is_offered_what_is_closest_in_meaning() -> None:
    door = ScriptedDoor(meaning=neighbourly)
    taken = await steps(door, found(passages=TWO_NOTES), QUESTION, quoting=True)
    assert door.options["quotes"] == (f"{BY_MEANING} [2]",)
    assert shown(taken) == [f"{BY_MEANING} [2]"]


async def test_without_embeddings_a_model_that_quotes_is_offered_what_shares_its_words() -> None:
    door = ScriptedDoor()
    taken = await steps(door, found(passages=TWO_NOTES), QUESTION, quoting=True)
    assert door.embedded, "meaning must have been asked for"
    assert door.options["quotes"] == (f"{BY_WORDS} [1]",)
    assert shown(taken) == [f"{BY_WORDS} [1]"]


async def test_meanings_are_compared_without_names() -> None:
    door = ScriptedDoor(meaning=alike)
    await steps(door, found(), quoting=True)
    assert door.embedded[0] == "What about the customer?"
    assert not any("<" in text or "Anna" in text for text in door.embedded)


@pytest.mark.parametrize("meaning", [None, lambda text: [1.0, 0.0] if text == QUESTION else [0.0, 1.0]])
async def test_where_nothing_speaks_to_the_question_no_model_that_quotes_is_asked(meaning: Any) -> None:
    door = ScriptedDoor("Something.", meaning=meaning)
    passages = (note(1, "The pump drips at night.", "Note of 2026-04-01"),)
    taken = await steps(door, found(passages=passages), QUESTION, quoting=True)
    assert kinds(taken)[-1] == EventKind.NOTHING_FOUND
    assert door.heard == []


async def test_every_quotation_stands_word_for_word_in_the_source_it_cites() -> None:
    door = ScriptedDoor(meaning=alike)
    passages = long_notes(4)
    await steps(door, found(passages=passages), "Which boiler was repaired?", quoting=True)
    assert len(door.options["quotes"]) > 1
    for quoted in door.options["quotes"]:
        text, _, number = quoted.rstrip("]").rpartition(" [")
        assert text in passages[int(number) - 1].text
