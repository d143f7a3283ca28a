"""Mark one run: was the right record found, and does the answer hold the value with a source that does."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retrieval import DemoQuestion

_CITATION: Final = re.compile(r"\[(\d{1,3})\]")
_FORBIDDEN: Final = "forbidden"
_ABSENT: Final = "absent"


@dataclass(frozen=True)
class Mark:
    """What came of one question.

    `hit`: a record that holds the answer is among the sources; for a forbidden question that is a leak.
    `known`: every value stands in the sources. `right`: every value stands in a sentence of the answer
    with a citation whose source holds it too; `uncited`: in the answer, but not so.
    """

    kind: str
    question: str
    login: str
    seconds: float
    hit: bool = False
    known: bool = False
    right: bool = False
    uncited: bool = False
    abstained: bool = False
    held: bool = False
    failed: bool = False
    answer: str = ""

    @property
    def must_abstain(self) -> bool:
        """Whether the right answer is that nothing was found."""
        return self.kind in {_FORBIDDEN, _ABSENT}

    @property
    def leaked(self) -> bool:
        """Whether a record that the asker must not see is among the sources."""
        return self.kind == _FORBIDDEN and self.hit


def mark(asked: DemoQuestion, events: Sequence[Mapping[str, Any]], state: str, seconds: float) -> Mark:
    """Mark the events of a finished or held run, each `{"kind": …, "data": {…}}`."""
    kinds = {event["kind"] for event in events}
    sources = list(_sources(events))
    sentences = [str(event["data"]["text"]) for event in events if event["kind"] == "sentence"]
    refs = {f"{entity}:{key}" for entity, key in asked.refs}
    answer = " ".join(" ".join(sentence.split()) for sentence in sentences)
    texts = "\n".join(text for _n, _entity, text in sources)
    by_number: dict[int, str] = {}
    for n, _entity, text in sources:
        by_number[n] = f"{by_number.get(n, '')}\n{text}"
    contained = bool(asked.gold) and all(_holds(answer, forms) for forms in asked.gold)
    right = contained and all(
        any(_carried(sentence, forms, by_number) for sentence in sentences) for forms in asked.gold
    )
    return Mark(
        kind=str(asked.kind),
        question=asked.question,
        login=asked.login,
        seconds=seconds,
        hit=any(entity in refs for _n, entity, _text in sources),
        known=bool(asked.gold) and all(_holds(texts, forms) for forms in asked.gold),
        right=right,
        uncited=contained and not right,
        abstained="nothing_found" in kinds and not sentences,
        held=state == "held",
        failed=bool(kinds & {"failed", "interrupted", "no_summary"}) or state in {"failed", "running"},
        answer=answer,
    )


def _sources(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, str]]:
    """Number, entity and everything that is written in each passage and fact."""
    for event in events:
        if event["kind"] == "sources":
            for passage in event["data"]["passages"]:
                yield passage["n"], passage["entity"], f"{passage['title']}\n{passage['text']}"
            for fact in event["data"]["facts"]:
                yield fact["n"], fact["entity"], f"{fact['title']}\n{fact['label']}: {fact['value']}"


def _carried(sentence: str, forms: Sequence[str], sources: Mapping[int, str]) -> bool:
    """Whether a sentence has a value in one of its forms and cites a source that has it in one of them."""
    cited = map(int, _CITATION.findall(sentence))
    return _holds(sentence, forms) and any(_holds(sources.get(n, ""), forms) for n in cited)


def _holds(text: str, forms: Sequence[str]) -> bool:
    return any(form in text for form in forms)
