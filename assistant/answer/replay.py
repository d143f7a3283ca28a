"""A draft asked for once more: the same prompt, options and model, weighed by today's policy."""

import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from approvals import Policy
from gateway import ChatMessage, DoorClient, Principal, Role

from .generation import Generation, Scale
from .sentences import SentenceSplitter
from .support import Checked
from .telling import content_of
from .weighing import Weighed, Weigher


@dataclass(frozen=True)
class Replay:
    """What came of it: the new draft and what it weighs, and what the recorded one would weigh today."""

    version: str
    drafted: tuple[Checked, ...]
    weighs: Scale
    recorded_weighs: Scale


class Replayer:
    """Asks again through the door, like any question: the model reads tokens, and tokens come back."""

    def __init__(self, door: DoorClient, policy: Policy) -> None:
        self._door = door
        self._weigher = Weigher(door, policy)

    async def replay(
        self, made: Generation, asker: Principal, conversation: uuid.UUID, version: str
    ) -> Replay:
        """Ask in the name of `asker`, who asked then; `version` alone may answer.

        What was told without a model is not asked of one. Raises the door's errors.
        """
        written, answered = made.written, made.version
        if made.asked_a_model:
            written, answered = await self._ask(made, asker, conversation, version)
        roles = frozenset(Role(role) for role in made.roles)
        then = Principal(asker.id, asker.login, roles, asker.name, asker.by)
        read = tuple(source.whole for source in made.sources)
        one = Weighed(then, made.question, frozenset(made.tags), read, made.checks, made.sampled)
        drafted, weighs = await self._weigh(made, one, written)
        recorded = weighs if written == made.written else (await self._weigh(made, one, made.written))[1]
        return Replay(answered, drafted, weighs, recorded)

    async def _ask(
        self, made: Generation, asker: Principal, conversation: uuid.UUID, version: str
    ) -> tuple[tuple[str, ...], str]:
        splitter, sentences, answered = SentenceSplitter(), list[str](), ""
        stream = self._door.chat(
            asker,
            [ChatMessage(one["role"], content_of(one, made.sources)) for one in made.messages],
            conversation=conversation,
            model=made.model,
            options=made.options,
            quotes=made.quotes,
            quotes_at_most=made.quotes_at_most,
            version=version,
        )
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                answered = chunk.version or answered
                sentences += splitter.feed(chunk.text)
        sentences += splitter.finish()
        return tuple(sentences), answered

    async def _weigh(
        self, made: Generation, one: Weighed, written: Sequence[str]
    ) -> tuple[tuple[Checked, ...], Scale]:
        weighing = await self._weigher.question(one)
        drafted = [Checked(made.missing, (), supported=True)] if made.missing else []
        for sentence, checked in made.check(written):
            weighs = await self._weigher.sentence(one, sentence, checked, made.sources, drafted)
            weighing = weighing.joined(weighs)
            drafted.append(checked)
        return tuple(drafted), Scale.of(weighing, self._weigher.policy.version)
