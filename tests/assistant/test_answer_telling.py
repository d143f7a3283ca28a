"""Whose the texts of a prompt are: what the door is told of each."""

import uuid
from collections.abc import Sequence
from typing import Any

from assistant.answer.context import Budget, Turn, build_prompt
from assistant.answer.found import evidence_of, parts_of
from assistant.answer.telling import as_the_model_read, content_of
from gateway import DoorRedaction, RedactedPart, TextPart
from retrieval import FACTS, Fact, SearchResult

from .scripted import NOW, REP, ScriptedDoor, found, note


def fact(entity: str, field: str) -> Fact:
    return Fact(entity=entity, label=field, field=field, value="v", kind="text", as_of=NOW, title="Case 1")


def columns(entity: str) -> Any:
    passage = note(2, "status: open\nremark: ask Magnus Ravensworth")
    return passage.model_copy(update={"entity": entity, "field": FACTS, "free": (1,)})


class Hearing(ScriptedDoor):
    """Keeps the parts that it is given to redact."""

    parts: Sequence[TextPart] = ()

    async def redact(
        self, principal: Any, conversation: uuid.UUID, parts: Sequence[TextPart], *, purpose: Any
    ) -> DoorRedaction:
        self.parts = parts
        return await super().redact(principal, conversation, parts, purpose=purpose)


def whose(parts: Sequence[str | TextPart]) -> list[tuple[str | None, str | None]]:
    return [(part.entity, part.field) for part in parts if isinstance(part, TextPart)]


RESULT: SearchResult = found(
    passages=(note(1, "She waits."), columns("case:2")),
    facts=(
        fact("case:1", "status"),
        fact("case:1", "remark"),
        fact("case:1", "order.status"),
        fact("account:1", "case.status"),
        fact("", "case.list"),
    ),
)
EXPECTED = [
    ("case:2", FACTS),
    ("note:1", "body"),
    (None, None),
    ("account:1", "title"),
    ("case:1", "status|remark"),
]


def prompt_of(result: SearchResult, window: int = 4096) -> Any:
    parts = [RedactedPart(part.id, part.text) for part in parts_of(result)]
    history = [Turn("Who?", "<PERSON_1>.")]
    return build_prompt("And?", evidence_of(result, parts, {}).sources, history, Budget(window, 128))


def test_each_record_of_a_prompt_is_told_with_its_record_and_the_columns_it_was_made_of() -> None:
    prompt = prompt_of(RESULT)
    content = content_of(prompt.messages[-1], prompt.sources)
    assert not isinstance(content, str)
    assert whose(content[:-1]) == EXPECTED
    assert content[-1] == "Question: And?"
    assert [part.data for part in content if isinstance(part, TextPart)] == [True] * 5
    for text, source in zip(content, reversed(prompt.sources), strict=False):
        assert isinstance(text, TextPart)
        assert text.text.startswith(f"[{source.n}] ")


def test_what_found_no_room_moves_no_record_to_another() -> None:
    long = found(passages=(note(1, "a"), note(2, "b" * 9000), note(3, "c")), facts=())
    prompt = prompt_of(long, window=1400)
    content = content_of(prompt.messages[-1], prompt.sources)
    assert not isinstance(content, str)
    assert whose(content[:-1]) == [("note:3", "body"), ("note:1", "body")]


async def test_what_an_officer_is_shown_of_a_prompt_is_redacted_with_the_same_records() -> None:
    door, prompt = Hearing(), prompt_of(RESULT)
    told = await as_the_model_read(door, REP, uuid.uuid4(), prompt)
    assert len(told) == len(prompt.messages)
    assert whose(door.parts)[-6:] == [*EXPECTED, (None, None)]
    assert len({part.id for part in door.parts}) == len(door.parts)
