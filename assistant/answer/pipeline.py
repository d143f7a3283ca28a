"""The way of a question, as steps: search, redact, weigh, generate, check, show or hold.

The pipeline decides; whoever runs it writes its steps down under the run's lease.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from approvals import Policy, is_sampled
from gateway import (
    ChatMessage,
    CloisterError,
    DoorClient,
    PartUnavailable,
    SettingsError,
    UpstreamFailed,
    as_code,
    log,
)
from retrieval import RetrievalClient, SearchResult

from .asking import is_small_talk
from .context import Prompt, Turn
from .events import MODEL_STARTS, NO_SUMMARY, NOTHING_ASKED, WITHOUT_MODEL, EventKind, RunAudit
from .found import Evidence, evidence_of, parts_of
from .missing import tell_missing
from .prompting import AnsweringSettings, Prompting
from .references import count_hidden, entity_refs, named_records, of_nobody, searched
from .sentences import SentenceSplitter
from .steps import Asked, Hold, Step, ending, nothing_found, receipt_step
from .strangers import Strangers, strangers_among
from .support import check_sentence, names_nobody_in
from .telling import as_the_model_read, content_of
from .weighing import Weighed, Weigher
from .writing import Writing

_LIMIT: Final = 8
_LISTED: Final = 12  # records, which are a few lines each
_ABOUT_ONE_THING: Final = 300


class AnswerPipeline:
    """Answers questions with the parts it is given; holds no state between questions."""

    def __init__(
        self,
        door: DoorClient,
        retrieval: RetrievalClient,
        policy: Policy,
        settings: AnsweringSettings,
        sampling_secret: bytes = b"",
    ) -> None:
        """Raises `SettingsError` for a policy that draws samples without a secret to draw them with."""
        if policy.sampling.share and not sampling_secret:
            raise SettingsError("The policy reads a share of the answers; `sampling_secret_file` is missing.")
        self._door = door
        self._retrieval = retrieval
        self._prompting = Prompting(door, settings)
        self._weigher = Weigher(door, policy)
        self._settings = settings
        self._sampling_secret = sampling_secret

    async def answer(self, asked: Asked) -> AsyncGenerator[Step | Hold, None]:
        """The steps of one answer, in order. Raises the error of a part that is needed and fails."""
        if is_small_talk(asked.question):
            yield Step(EventKind.NOTHING_FOUND, {"sentence": NOTHING_ASKED})
            return
        yield Step(EventKind.STAGE, {"name": "searching"})
        asked, strangers = await self._as_the_caller_reads(asked)
        result, missing = await self._search(asked)
        yield Step(
            EventKind.STAGE,
            {"name": "checking", "found": len(result.passages), "facts": len(result.facts)},
            RunAudit.SEARCHED,
            {"found": result.found, "shown": [as_code(passage.id) for passage in result.passages]},
        )
        if (end := ending(result, missing)) is not None:
            yield end
            return
        evidence = await self._redact(asked, result)
        evidence = replace(evidence, sources=strangers.hide_in(evidence.sources), missing=missing)
        if _asks_about_nobody(asked, evidence):
            yield nothing_found(missing)
            return
        yield Step(EventKind.MASKED, {"count": sum(evidence.hidden.values()), "types": evidence.hidden})
        yield Step(
            EventKind.SOURCES,
            {
                "passages": evidence.passages,
                "facts": evidence.facts,
                "stale": result.stale,
                "copied": not result.crm_available,
            },
        )
        yield Step(EventKind.STAGE, {"name": "writing"})
        async for step in self._write(asked, evidence, strangers):
            yield step

    async def _as_the_caller_reads(self, asked: Asked) -> tuple[Asked, Strangers]:
        """The question with the names of records that are not the caller's read as names of nobody.

        What was answered from a record that is the caller's no longer is not told to the model again.
        """
        tokens = [*asked.tokens, *asked.earlier_tokens]
        read_before = frozenset[str]().union(*(turn.records for turn in asked.history))
        named = tuple(dict.fromkeys([*named_records(tokens), *sorted(read_before)]))
        own = frozenset(await self._retrieval.visible(asked.principal, named) if named else ())
        strangers = await strangers_among(tokens, own, self._door, asked.principal, asked.conversation)
        read = replace(
            asked,
            question=strangers.hide(asked.question),
            tokens=strangers.forget(asked.tokens),
            history=[
                Turn(strangers.hide(turn.question), turn.answer if turn.records <= own else "", turn.records)
                for turn in asked.history
            ],
            earlier_tokens=strangers.forget(asked.earlier_tokens),
        )
        return read, strangers

    async def _search(self, asked: Asked) -> tuple[SearchResult, str]:
        """What is found, and what to say of numbers that no record has; tokens stand for what was hidden."""
        before = [turn.question for turn in asked.history]
        unknown = of_nobody([*asked.tokens, *asked.earlier_tokens])
        typed = dict(zip(unknown, await self._typed(asked, unknown), strict=True))
        wanted = searched(asked.question, asked.tokens, asked.scope, before, asked.earlier_tokens, typed)
        result = await self._retrieval.search(
            asked.principal,
            wanted.question,
            entities=wanted.entities,
            scope=asked.scope,
            limit=_LIMIT,
            listed=_LISTED,
            earlier=wanted.earlier,
        )
        return result, tell_missing(result.missing, typed)

    async def _typed(self, asked: Asked, tokens: Sequence[str]) -> Sequence[str]:
        """The words that the caller typed for these tokens; a token that somebody else typed stays one."""
        if not tokens:
            return ()
        return (await self._door.restore(asked.principal, asked.conversation, tokens)).texts

    async def _redact(self, asked: Asked, result: SearchResult) -> Evidence:
        redaction = await self._door.redact(
            asked.principal, asked.conversation, parts_of(result), purpose="context"
        )
        return evidence_of(result, redaction.parts, count_hidden(asked.tokens, redaction.tokens))

    async def _write(
        self, asked: Asked, evidence: Evidence, strangers: Strangers
    ) -> AsyncGenerator[Step | Hold, None]:
        writing = Writing(evidence.missing, self._weigher.policy.version, self._settings.model)
        prompt: Prompt | None = None
        try:
            prompt, writing.options = await self._prompting.prompt(asked, evidence)
            if prompt is None:
                yield nothing_found(evidence.missing)
                return
            weighed = self._weighed(asked, evidence, prompt)
            async with aclosing(self._draft(asked, prompt, writing, weighed, strangers)) as steps:
                async for step in steps:
                    yield step
        except (PartUnavailable, UpstreamFailed) as error:
            if asked.instruction or not (writing.is_empty and _is_model(error)):
                raise
            if prompt is not None:
                yield receipt_step(asked, prompt, (), sent=isinstance(error, UpstreamFailed))
            for step in writing.show():
                yield step
            yield Step(EventKind.NO_SUMMARY, {"sentence": _why_none(error)})
            return
        if writing.is_empty and not asked.instruction:
            for step in writing.show():
                yield step
        holds = (writing.weighing.risky or bool(asked.instruction)) and not writing.is_empty
        messages = await self._read(asked, prompt, needed=holds)
        is_kept = messages is not None and not writing.is_empty
        yield writing.weighed_step(
            writing.kept(weighed, prompt, messages or (), strangers) if is_kept else None
        )
        shown = [strangers.hide(one.text) for one in writing.drafted[: writing.shown]]
        yield receipt_step(asked, prompt, shown)
        if holds:
            yield Hold(
                tuple(writing.drafted),
                evidence.passages,
                evidence.facts,
                writing.weighing,
                writing.shown,
                messages or (),
            )
        elif writing.is_empty:
            yield Step(EventKind.NO_SUMMARY, {"sentence": NO_SUMMARY})

    async def _draft(
        self, asked: Asked, prompt: Prompt, writing: Writing, weighed: Weighed, strangers: Strangers
    ) -> AsyncGenerator[Step, None]:
        """Write and weigh sentence by sentence; each shows as long as nothing before it or in it is risky."""
        writing.weighing = await self._weigher.question(weighed)
        for step in _to_show(asked, writing):
            yield step
        async with aclosing(self._sentences(asked, prompt, writing)) as sentences:
            async for sentence in sentences:
                if writing.has(sentence):
                    continue
                writing.sentences.append(sentence)
                checked = check_sentence(strangers.hide(sentence), prompt.sources)
                weighs = self._weigher.sentence(weighed, sentence, checked, prompt.sources, writing.drafted)
                writing.weighing = writing.weighing.joined(await weighs)
                writing.drafted.append(replace(checked, text=strangers.reveal(checked.text)))
                for step in _to_show(asked, writing):
                    yield step

    def _weighed(self, asked: Asked, evidence: Evidence, prompt: Prompt) -> Weighed:
        """What the question is weighed with."""
        sampled = is_sampled(asked.run, self._weigher.policy.sampling.share, self._sampling_secret)
        read = tuple(source.whole for source in prompt.sources)
        return Weighed(asked.principal, asked.question, evidence.tags, read, tuple(_checks(asked)), sampled)

    async def _read(
        self, asked: Asked, prompt: Prompt, *, needed: bool
    ) -> Sequence[Mapping[str, Any]] | None:
        """The prompt as the model read it; an answer that needs it for nothing else does without."""
        try:
            return await as_the_model_read(self._door, asked.principal, asked.conversation, prompt)
        except CloisterError as error:
            if needed:
                raise
            log.warning("answer.prompt_not_kept", reason=error.sentence)
            return None

    async def _sentences(self, asked: Asked, prompt: Prompt, writing: Writing) -> AsyncGenerator[str, None]:
        for sentence in prompt.told:
            yield sentence
        if prompt.told:
            return
        splitter = SentenceSplitter()
        messages = [
            ChatMessage(message["role"], content_of(message, prompt.sources)) for message in prompt.messages
        ]
        stream = self._door.chat(
            asked.principal,
            messages,
            conversation=asked.conversation,
            model=self._settings.model,
            options=writing.options,
            quotes=prompt.quotes,
            quotes_at_most=prompt.quotes_at_most,
        )
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                writing.version = chunk.version or writing.version
                for sentence in splitter.feed(chunk.text):
                    yield sentence
        for sentence in splitter.finish():
            yield sentence


def _to_show(asked: Asked, writing: Writing) -> Iterator[Step]:
    """What of a draft may show now: nothing where anything of it is risky, or an officer waits for it."""
    return iter(()) if writing.weighing.risky or asked.instruction else writing.show()


def _checks(asked: Asked) -> list[str]:
    """What was found about the question and who asks, by the names of the policy."""
    found = {"filter_flag": bool(asked.flags), "enumeration": asked.enumerating}
    return [name for name, is_so in found.items() if is_so]


def _asks_about_nobody(asked: Asked, evidence: Evidence) -> bool:
    """Whether a question is about a name that none of the caller's records knows.

    A customer of somebody else and one who does not exist are the same here, down to what is shown of them.
    A long text, such as a letter that was pasted, holds names that it is not about.
    """
    if entity_refs(asked.tokens) or len(asked.question) > _ABOUT_ONE_THING:
        return False
    return names_nobody_in(asked.question, evidence.sources)


def _why_none(error: CloisterError) -> str:
    if not isinstance(error, PartUnavailable):
        return NO_SUMMARY
    return WITHOUT_MODEL if error.absent else MODEL_STARTS if error.starting else NO_SUMMARY


def _is_model(error: CloisterError) -> bool:
    return str(error.extra.get("part", "")) == "model"
