from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer.context import Budget, Turn, build_prompt
from assistant.answer.support import Source
from gateway import TooLarge


def _length(messages: list[dict[str, Any]]) -> int:
    texts = [
        part if isinstance(part, str) else part["text"]
        for message in messages
        for part in (message["content"] if isinstance(message["content"], list) else [message["content"]])
    ]
    return sum(map(len, texts))


def test_every_source_is_a_part_of_its_own_and_the_question_stands_last() -> None:
    sources = [Source(1, "A", "first"), Source(2, "B", "second")]
    prompt = build_prompt("Why?", sources, (), Budget(2048, 128))
    parts = [part["text"] for part in prompt.messages[-1]["content"]]
    assert parts == ["[2] B\nsecond", "[1] A\nfirst", "Question: Why?"]


def test_the_worthiest_sources_stay_when_there_is_no_room_for_all() -> None:
    sources = [Source(n, "T", "x" * 500) for n in range(1, 8)]
    prompt = build_prompt("Why?", sources, (), Budget(1400, 128))
    assert [source.n for source in prompt.sources] == [1, 2, 3]


def test_the_newest_turns_stay_when_there_is_no_room_for_all() -> None:
    history = [Turn(f"question {n} " + "y" * 200, "answer") for n in range(6)]
    prompt = build_prompt("Why?", [], history, Budget(800, 128))
    asked = [
        m["content"][:10] for m in prompt.messages if m["role"] == "user" and isinstance(m["content"], str)
    ]
    assert asked == ["question 4", "question 5"]


@given(
    st.integers(600, 4000),
    st.lists(st.integers(0, 5000), max_size=12),
    st.lists(st.integers(0, 2000), max_size=6),
)
def test_a_prompt_never_outgrows_its_budget(window: int, sources: list[int], turns: list[int]) -> None:
    made = [Source(n, "T", "x" * size) for n, size in enumerate(sources, 1)]
    history = [Turn("q" * size, "a" * size) for size in turns]
    prompt = build_prompt("Why?", made, history, Budget(window, 128))
    assert _length(prompt.messages) / 2.0 <= window - 128


def test_a_question_that_leaves_no_room_for_sources_is_refused_with_its_limit() -> None:
    with pytest.raises(TooLarge, match=r"1,\d{3} characters fit"):
        build_prompt("q" * 4000, [Source(1, "T", "x")], (), Budget(1456, 128))
