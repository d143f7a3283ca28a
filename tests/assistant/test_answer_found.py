"""In which texts of a search's result somebody looks for strangers' names."""

from datetime import UTC, datetime

from assistant.answer.found import evidence_of, parts_of
from gateway import RedactedPart
from retrieval import FACTS, Fact, Passage

from .scripted import found

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINES = "status: open\njob title: Deputy of Margaret Ravensworth\nopened on: 2026-01-01"


def columns(free: tuple[int, ...] | None) -> Passage:
    return Passage(
        id="case:1/facts/0",
        entity="case:1",
        field=FACTS,
        title="Case 1",
        text=LINES,
        url=None,
        internal=False,
        as_of=NOW,
        score=1,
        free=free,
    )


def fact(*, free: bool, entity: str = "case:1") -> Fact:
    return Fact(
        entity=entity, label="l", field="f", value="v", kind="text", as_of=NOW, title="Case 1", free=free
    )


def test_columns_come_line_by_line_and_only_free_text_is_guessed_at() -> None:
    parts = parts_of(found(passages=(columns((1,)),), facts=()))
    assert [(part.text, part.guess) for part in parts] == [
        ("Case 1", True),
        ("status: open", False),
        ("job title: Deputy of Margaret Ravensworth", True),
        ("opened on: 2026-01-01", False),
    ]


def test_prose_comes_whole_and_is_guessed_at() -> None:
    parts = parts_of(found(passages=(columns(None),), facts=()))
    assert [(part.text, part.guess) for part in parts] == [("Case 1", True), (LINES, True)]


def test_a_fact_in_which_anything_may_stand_is_guessed_at() -> None:
    parts = parts_of(found(passages=(), facts=(fact(free=True), fact(free=False))))
    assert [part.guess for part in parts] == [True, True, True, False]


def test_redacted_lines_are_a_passage_again() -> None:
    result = found(passages=(columns((1,)), columns(None)), facts=(fact(free=True),))
    parts = [RedactedPart(part.id, f"{part.text}!") for part in parts_of(result)]
    evidence = evidence_of(result, parts, {})
    assert evidence.passages[0]["text"] == LINES.replace("\n", "!\n") + "!"
    assert evidence.passages[1]["text"] == LINES + "!"
    assert evidence.facts[0]["value"] == "v!"
