"""The parts around the pipeline, answering as they are told."""

import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from approvals import Policy, load_policy
from assistant.answer import AnsweringSettings, AnswerPipeline, Asked, EventKind, Hold, Step, Turn
from gateway import (
    ChatChunk,
    DoorClient,
    DoorRedaction,
    DoorVerdict,
    PartUnavailable,
    Principal,
    RedactedPart,
    Restored,
    Role,
    TextPart,
)
from retrieval import Fact, Passage, RetrievalClient, SearchResult

REP = Principal(str(uuid.uuid4()), "rep@example.org", frozenset({Role.REP}))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Meaning = Callable[[str], list[float]]
POLICY = load_policy().by_words
NOTE = "Anna Schmidt has an open case. We will refund EUR 4,000 to Anna Schmidt today. She is content."


class ScriptedDoor(DoorClient):
    """Redacts one name, and says what it is told to say; bound to quotations it says the first.

    `meaning` gives the vector of a text; without it no embedding server answers. `typed` is what the caller
    typed for a token.
    """

    def __init__(
        self,
        *chunks: str,
        away: bool = False,
        absent: bool = False,
        starting: bool = False,
        meaning: Meaning | None = None,
        typed: Mapping[str, str] | None = None,
    ) -> None:
        self._chunks, self._away, self._meaning, self._typed = chunks, away, meaning, typed or {}
        self._absent, self._starting = absent, starting
        self.heard: list[str] = []
        self.embedded: list[str] = []
        self.options: dict[str, Any] = {}

    async def redact(
        self, principal: Principal, conversation: uuid.UUID, parts: Sequence[TextPart], *, purpose: Any
    ) -> DoorRedaction:
        known = {"<PERSON_1>": "Anna Schmidt", **self._typed}
        redacted = []
        for part in parts:
            text = part.text
            for token, value in known.items():
                text = text.replace(value, token)
            redacted.append(RedactedPart(part.id, text))
        return DoorRedaction(DoorVerdict("allowed"), tuple(redacted), 1, ())

    async def restore(
        self, principal: Principal, conversation: uuid.UUID, texts: Sequence[str], grant: str | None = None
    ) -> Restored:
        return Restored(tuple(self._typed.get(text, text) for text in texts), 0)

    async def chat(
        self, principal: Principal, messages: Sequence[Any], **options: Any
    ) -> AsyncGenerator[ChatChunk, None]:
        for message in messages:
            content = [message.content] if isinstance(message.content, str) else message.content
            self.heard += [part if isinstance(part, str) else part.text for part in content]
        self.options = options
        if self._away or self._absent or self._starting:
            raise PartUnavailable("model", "away", absent=self._absent, starting=self._starting)
        for chunk in self._chunks or options["quotes"][:1]:
            yield ChatChunk(chunk)

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Any) -> list[list[float]]:
        self.embedded += texts
        if self._meaning is None:
            raise PartUnavailable("embeddings", "away")
        return [self._meaning(text) for text in texts]


class ScriptedRetrieval(RetrievalClient):
    """Finds what it is told to find."""

    def __init__(self, result: SearchResult, visible: tuple[str, ...] = ()) -> None:
        self._result, self._visible = result, visible

    async def search(self, *_arguments: Any, **_options: Any) -> SearchResult:
        return self._result

    async def visible(self, principal: Principal, entities: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in entities if one in self._visible)


def note(number: int, text: str, title: str = "Note for Anna Schmidt") -> Passage:
    """A passage of a note."""
    return Passage(
        id=f"note:{number}/body/0",
        entity=f"note:{number}",
        field="body",
        title=title,
        text=text,
        url=None,
        internal=False,
        as_of=NOW,
        score=1,
    )


def found(*, text: str = NOTE, facts: tuple[Fact, ...] = (), **changes: Any) -> SearchResult:
    """One note, and what else is said."""
    passage = note(1, text)
    standard: dict[str, Any] = {
        "user_known": True,
        "crm_available": True,
        "stale": False,
        "found": 1,
        "checked": 1,
        "passages": (passage,),
        "facts": facts,
    }
    return SearchResult(**(standard | changes))


def answering(
    door: ScriptedDoor,
    result: SearchResult,
    question: str = "What about <PERSON_1>?",
    *,
    tokens: tuple[dict[str, Any], ...] = (),
    visible: tuple[str, ...] = (),
    history: tuple[Turn, ...] = (),
    policy: Policy = POLICY,
    flags: tuple[str, ...] = (),
    secret: bytes = b"",
    instruction: str = "",
    **settings: Any,
) -> AsyncGenerator[Step | Hold, None]:
    """The steps of one answer, as they come."""
    retrieval = ScriptedRetrieval(result, visible)
    pipeline = AnswerPipeline(door, retrieval, policy, AnsweringSettings(**settings), secret)
    return pipeline.answer(
        Asked(
            uuid.uuid4(),
            uuid.uuid4(),
            REP,
            question,
            tokens,
            history=history,
            flags=flags,
            instruction=instruction,
        )
    )


async def steps(*arguments: Any, **options: Any) -> list[Step | Hold]:
    """The steps of one answer, when it is at its end."""
    return [step async for step in answering(*arguments, **options)]


def shown(taken: Sequence[Step | Hold]) -> list[str]:
    """The sentences that a person has seen."""
    return [s.data["text"] for s in taken if isinstance(s, Step) and s.kind == EventKind.SENTENCE]


def told(taken: Sequence[Step | Hold]) -> list[Step]:
    """All but what is held."""
    return [step for step in taken if isinstance(step, Step)]


def kinds(taken: Sequence[Step | Hold]) -> list[str]:
    """What happened, in order."""
    return ["hold" if isinstance(step, Hold) else str(step.kind) for step in taken]
