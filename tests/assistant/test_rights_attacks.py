"""No word of a record that is not the asker's comes as far as the model, whatever is asked."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.retrieval.oracle import Person

from .attacks import leaks, run

QUESTIONS = 40


@pytest.mark.timeout(600)
async def test_no_forbidden_word_is_in_any_stage_up_to_the_prompt(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    count: Counter[str] = Counter()
    faults = await run(new_database, tmp_path, QUESTIONS, 7, count)
    assert list(faults) == []
    assert count["questions"] == QUESTIONS
    assert count["questions that were searched"] > QUESTIONS / 2
    assert count["questions that were embedded"] > QUESTIONS / 2
    assert count["questions that reached the model"] > QUESTIONS / 8
    assert count["records aimed at that are not theirs"] > QUESTIONS / 2


def test_a_word_that_leaks_is_seen() -> None:
    class Nobody:
        def may_see(self, _person: Person, ref: str) -> bool:
            return ref == "note:2"

    oracle: Any = Nobody()
    person = Person(1, "maya@halden.example", "rep", frozenset(), frozenset())
    text = "… zqnotex1 … ZQnotex2 … zqcaseresx3 …"
    assert sorted(leaks(oracle, person, text, "who?")) == ["zqcaseresx3", "zqnotex1"]
    assert leaks(oracle, person, text, "what of zqnotex1 and zqcaseresx3") == []
    assert leaks(oracle, person, "limit EUR 700,000,188.00", "limit?") == ["700,000,188"]
