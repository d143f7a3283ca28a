"""The way of a question, as steps: search, redact, weigh, generate, check, show or hold.

The pipeline decides; whoever runs it writes its steps down under the run's lease.
"""

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from approvals import Policy, Weighing, is_sampled
from gateway import (
    ChatMessage,
    CloisterError,
    DoorClient,
    PartUnavailable,
    Principal,
    Settings,
    SettingsError,
    UpstreamFailed,
    as_code,
    log,
    without_links,
)
from retrieval import Listing, RetrievalClient, SearchResult

from .asking import follows_on, identities_asked, is_small_talk
from .context import Budget, Prompt, Turn, build_prompt
from .counting import answer_list
from .events import NO_SUMMARY, NOTHING_ASKED, NOTHING_FOUND, WITHOUT_MODEL, EventKind, RunAudit
from .evidence import (
    Candidate,
    Choice,
    about,
    asks_for_several,
    candidates,
    choose,
    comparable,
    identities,
    listed,
    to_the_point,
    without_names,
)
from .found import Evidence, evidence_of, parts_of
from .generation import PROMPT_VERSION, SAID, Generation
from .missing import tell_missing
from .receipt import receipt_of
from .references import count_hidden, entity_refs, named_records, of_nobody, searched
from .sentences import SentenceSplitter, bare
from .strangers import Strangers, strangers_among
from .support import Checked, check_sentence, names_nobody_in
from .telling import as_the_model_read, content_of
from .weighing import Weighed, Weigher
from .writing import Writing

_UNKNOWN_USER: Final = (
    "Your sign-in matches no user of the CRM, so there are no records to show you. "
    "Ask your administrator to give your CRM user this sign-in name."
)
_CRM_DOWN: Final = "The CRM cannot be reached, so no record can be checked or shown. Try again in a moment."
_LIMIT: Final = 8
_LISTED: Final = 12  # records, which are a few lines each
_ABOUT_ONE_THING: Final = 300
_A_TOKEN: Final = 2.0  # characters, low enough that no quotation is cut


class AnsweringSettings(Settings):
    """The model that answers: tokens of its window, tokens of an answer, and whether it may only quote."""

    model: str = "default"
    window: int = 4096
    answer_tokens: int = 256
    quoting: bool = False


@dataclass(frozen=True)
class Asked:
    """A question to answer; every text is tokenised.

    With an `instruction` it is answered once more: an officer sent the answer before back and says what this
    one should do. Nothing of it is shown; whatever it weighs, it waits for the officer as a whole.
    """

    run: uuid.UUID
    conversation: uuid.UUID
    principal: Principal
    question: str
    tokens: Sequence[Mapping[str, Any]]
    scope: str | None = None
    history: Sequence[Turn] = ()
    earlier_tokens: Sequence[Mapping[str, Any]] = ()
    flags: Sequence[str] = ()
    enumerating: bool = False
    instruction: str = ""

    @property
    def told(self) -> str:
        """The question as the model reads it."""
        if not self.instruction:
            return self.question
        return f"{self.question}\n\nThe answer before was sent back. Write another one: {self.instruction}"


@dataclass(frozen=True)
class Step:
    """Something to append to the run, what the record keeps of it, and a draft to be asked for again."""

    kind: EventKind
    data: Mapping[str, Any] = field(default_factory=dict)
    audit: RunAudit | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    kept: Generation | None = None


@dataclass(frozen=True)
class Hold:
    """The answer must wait for an officer: the whole draft, how much of it was shown, and the prompt."""

    sentences: tuple[Checked, ...]
    passages: tuple[Mapping[str, Any], ...]
    facts: tuple[Mapping[str, Any], ...]
    weighing: Weighing
    shown: int
    messages: Sequence[Mapping[str, Any]] = ()


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
        if (ending := _ending(result, missing)) is not None:
            yield ending
            return
        evidence = await self._redact(asked, result)
        evidence = replace(evidence, sources=strangers.hide_in(evidence.sources), missing=missing)
        if _asks_about_nobody(asked, evidence):
            yield _nothing_found(missing)
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
        weighed = self._weighed(asked, evidence)
        weighing = await self._weigher.question(weighed)
        # what is said of nobody's records needs no source
        drafted = [Checked(evidence.missing, (), supported=True)] if evidence.missing else []
        shown, said = 0, len(drafted)
        prompt: Prompt | None = None
        writing = Writing(drafted, self._weigher.policy.version, self._settings.model)
        try:
            prompt, writing.options = await self._prompt(asked, evidence)
            if prompt is None:
                yield _nothing_found(evidence.missing)
                return
            if drafted and not weighing.risky:
                yield _sentence(shown, drafted[0])
                shown += 1
            async with aclosing(self._sentences(asked, prompt, writing)) as sentences:
                async for sentence in sentences:
                    if bare(sentence) in (bare(one.text) for one in drafted):
                        continue  # a model that quotes may quote the same twice
                    writing.sentences.append(sentence)
                    checked = check_sentence(strangers.hide(sentence), prompt.sources)
                    weighs = self._weigher.sentence(weighed, sentence, checked, prompt.sources, drafted)
                    weighing = weighing.joined(await weighs)
                    checked = replace(checked, text=strangers.reveal(checked.text))
                    drafted.append(checked)
                    if not (weighing.risky or asked.instruction):
                        yield _sentence(shown, checked)
                        shown += 1
        except (PartUnavailable, UpstreamFailed) as error:
            if len(drafted) > said or not _is_model(error):
                raise
            if prompt is not None:
                yield _receipt(asked, prompt, (), sent=isinstance(error, UpstreamFailed))
            for unsaid in drafted[shown:]:
                yield _sentence(shown, unsaid)
            is_absent = isinstance(error, PartUnavailable) and error.absent
            yield Step(EventKind.NO_SUMMARY, {"sentence": WITHOUT_MODEL if is_absent else NO_SUMMARY})
            return
        writing.weighing = weighing
        holds = (weighing.risky or bool(asked.instruction)) and len(drafted) > said
        messages = await self._read(asked, prompt, needed=holds)
        kept = (
            writing.kept(weighed, evidence, prompt, messages, strangers)
            if messages is not None and len(drafted) > said
            else None
        )
        yield Step(
            EventKind.STAGE,
            {"name": "weighing"},
            RunAudit.WEIGHED,
            {
                "sentences": len(drafted),
                "rules": list(weighing.rules),
                "shadow": list(weighing.shadowed),
                "tier": weighing.tier,
                "held": weighing.risky,
                "would_hold": weighing.would_hold,
                "policy": self._weigher.policy.version,
                "prompt": PROMPT_VERSION,
                "served": writing.version or None,
                "shown": shown,
                "draft_sha256": kept.digest() if kept else None,
            },
            kept,
        )
        yield _receipt(asked, prompt, [strangers.hide(one.text) for one in drafted[:shown]])
        if holds:
            yield Hold(tuple(drafted), evidence.passages, evidence.facts, weighing, shown, messages or ())
        elif len(drafted) == said:
            for unsaid in drafted[shown:]:
                yield _sentence(shown, unsaid)
            yield Step(EventKind.NO_SUMMARY, {"sentence": NO_SUMMARY})

    def _weighed(self, asked: Asked, evidence: Evidence) -> Weighed:
        """What the question is weighed with."""
        sampled = is_sampled(asked.run, self._weigher.policy.sampling.share, self._sampling_secret)
        return Weighed(asked.principal, asked.question, evidence.tags, tuple(_checks(asked)), sampled)

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

    async def _prompt(self, asked: Asked, evidence: Evidence) -> tuple[Prompt | None, dict[str, object]]:
        budget = Budget(self._settings.window, self._settings.answer_tokens)
        options: dict[str, object] = {"max_tokens": self._settings.answer_tokens, "temperature": 0.0}
        if evidence.listing and (listed := self._list(asked, evidence, evidence.listing)):
            return listed, options
        if not self._settings.quoting:
            question = f"{asked.told}\n{SAID.format(evidence.missing)}" if evidence.missing else asked.told
            return build_prompt(question, evidence.sources, asked.history, budget), options
        chosen = await self._choose(asked, evidence)
        if chosen is None:
            return None, options
        order = [candidate.n for candidate in (*chosen.lead, *chosen.more)]
        sources = sorted(
            (source for source in evidence.sources if source.n in order),
            key=lambda source: order.index(source.n),
        )
        chosen = chosen.within(int(self._settings.window / 2 * _A_TOKEN))
        longest = sum(sorted(map(len, chosen.quotes))[-chosen.at_most :])
        room = max(self._settings.answer_tokens, int(longest / _A_TOKEN))
        budget = Budget(self._settings.window, room)
        prompt = build_prompt(asked.told, sources, (), budget, quoting=True)
        options["max_tokens"] = room
        return replace(prompt, quotes=chosen.quotes, quotes_at_most=chosen.at_most), options

    def _list(self, asked: Asked, evidence: Evidence, listing: Listing) -> Prompt | None:
        """The answer to a list: the CRM has counted it, so there is nothing left for a model to say."""
        told = answer_list(asked.question, listing, evidence.sources)
        if not told:
            return None
        said = {n: " ".join(sentences) for sentences, n in told}
        sources = tuple(replace(one, text=said[one.n]) for one in evidence.sources if one.n in said)
        quotes = tuple(f"{without_links(one)} [{n}]" for sentences, n in told for one in sentences)
        return Prompt([], sources, told=tuple(f"\n{quote}" if i else quote for i, quote in enumerate(quotes)))

    async def _choose(self, asked: Asked, evidence: Evidence) -> Choice | None:
        before = bool(entity_refs(asked.earlier_tokens)) and follows_on(asked.question)
        named = bool(entity_refs(asked.tokens) or asked.scope or before)
        question = " ".join(filter(None, (asked.question, *evidence.words, asked.instruction)))
        sources = about(question, evidence.sources, named=named)
        if entity_refs(asked.tokens) and identities_asked(question):
            return identities(question, evidence.sources)
        several = asks_for_several(question, sources)
        if several and (chosen := listed(question, sources, evidence.sources)):
            return chosen
        found = comparable(candidates(question, sources, asked.principal.roles))
        if not found:
            return None
        likeness = await self._likeness(asked, question, found)
        pointed = to_the_point(asked.question, found, likeness, evidence.words)
        if not pointed:
            return None
        return choose(*zip(*pointed, strict=True), one_each=several)

    async def _likeness(self, asked: Asked, question: str, found: Sequence[Candidate]) -> list[float]:
        """The cosine of each candidate with the question; where nobody can say, the words that they share."""
        texts = [without_names(question), *(candidate.in_context for candidate in found)]
        try:
            wanted, *vectors = await self._door.embed(asked.principal, texts, "query")
        except PartUnavailable as error:
            log.warning("answer.words_only", part=error.part)
            return [candidate.lexical for candidate in found]
        return [sum(a * b for a, b in zip(wanted, vector, strict=True)) for vector in vectors]

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


def _ending(result: SearchResult, missing: str) -> Step | None:
    """What ends the run after the search: no user, no CRM, nothing found."""
    if not result.user_known:
        return Step(EventKind.FAILED, {"part": "CRM user", "sentence": _UNKNOWN_USER, "retry": False})
    if not (result.crm_available or result.passages):
        return Step(EventKind.FAILED, {"part": "CRM", "sentence": _CRM_DOWN, "retry": True})
    if not result.facts and (result.weak or not result.passages):
        return _nothing_found(missing)
    return None


def _nothing_found(missing: str) -> Step:
    return Step(EventKind.NOTHING_FOUND, {"sentence": missing or NOTHING_FOUND})


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


def _sentence(index: int, checked: Checked) -> Step:
    data = {
        "index": index,
        "text": checked.text,
        "citations": list(checked.citations),
        "supported": checked.supported,
    }
    return Step(EventKind.SENTENCE, data)


def _receipt(asked: Asked, prompt: Prompt, shown: Sequence[str], *, sent: bool = True) -> Step:
    receipt = receipt_of(asked.question, prompt, shown, sent=sent)
    return Step(EventKind.RECEIPT, receipt, RunAudit.ACCOUNTED, receipt)


def _is_model(error: CloisterError) -> bool:
    return str(error.extra.get("part", "")) == "model"
