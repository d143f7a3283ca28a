"""Redaction of parts: all detectors over each, then everything that was found in any, in all of them."""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_bytes
from typing import Final, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import PartUnavailable
from gateway.identities import (
    SHARED,
    ConversationTokens,
    GazetteerFeed,
    TokenFacts,
    load_tokens,
    lock_conversation,
)
from gateway.keys import Envelope
from redaction import (
    DetectorFailed,
    EntityType,
    Gazetteer,
    GazetteerEntry,
    MemorySpanCache,
    Redacted,
    Redactor,
    Span,
    TokenMap,
    durable,
    find_tokens,
    load_redactor,
    redact,
)

from .names import NamePool
from .settings import NamesSettings
from .values import Form

T = TypeVar("T")
_INLINE_CHARACTERS: Final = 2000


@dataclass(frozen=True)
class Part:
    """A text and its form, the record it is of, and whether names are guessed in it."""

    text: str
    form: Form = "raw"
    entity: str | None = None
    field: str | None = None
    guess: bool = True


@dataclass(frozen=True)
class Masked:
    """Redacted texts in the order of their parts, and every token that stands in them.

    `guessed` says by which type a token would have been found if the CRM knew nobody (see `TokenInfo`).
    """

    texts: tuple[Redacted, ...]
    tokens: tuple[TokenFacts, ...]
    guessed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """Parts whose names have been looked for: the slow step, done before any lock is taken."""

    parts: tuple[Part, ...]
    names: dict[str, list[Span]]

    def names_in(self, part: Part) -> list[Span]:
        """Spans of guessed names, none where nothing was to be guessed."""
        return self.names[part.text] if part.guess else []


class PartRedactor:
    """Everything that goes to a model goes through here. Fails closed, naming the detector."""

    def __init__(
        self, feed: GazetteerFeed, names: NamePool, envelope: Envelope, settings: NamesSettings
    ) -> None:
        cache = MemorySpanCache(settings.remembered)
        self._feed = feed
        self._names = names
        self._envelope = envelope
        self._base = load_redactor(
            ner=settings.enabled, ner_elsewhere=True, cache=cache, cache_key=token_bytes(32)
        )
        self._spread = Redactor([])
        self._current: tuple[Gazetteer, Redactor] | None = None

    async def read(self, parts: Sequence[Part], *, whose: str, background: bool = False) -> Read:
        """Look for names, in turn with others than `whose`. Raises `PartUnavailable`."""
        texts = [part.text for part in parts if part.guess]
        return Read(
            tuple(parts), await self._names.prepare(self._base, texts, whose=whose, background=background)
        )

    async def in_conversation(
        self, session: AsyncSession, conversation: uuid.UUID, read: Read, *, typed_by: str | None = None
    ) -> tuple[Masked, ConversationTokens]:
        """Redact into the conversation's tokens; the session's transaction holds them.

        `typed_by` names the principal who typed the raw parts. Requests in one conversation wait for
        each other, so a token never gets two values. Raises `PartUnavailable`.
        """
        published = await lock_conversation(session, conversation)
        gazetteer = await self._feed.catch_up(session, published)
        tokens = await load_tokens(session, self._envelope, conversation)
        found = await self._find(gazetteer, read, tokens.dictionary())
        masking = _mask(read.parts, found, tokens.book, tokens.facts)
        await tokens.save(
            session,
            self._envelope,
            masking.facts,
            typed=masking.typed if typed_by else (),
            principal=typed_by or "",
        )
        self._remember(read, masking.texts)
        guessed = await self._guessed(read, masking) if typed_by else {}
        return replace(masking.masked, guessed=guessed), tokens

    async def alone(self, session: AsyncSession, read: Read) -> tuple[Masked, TokenMap]:
        """Redact with a book of this request's own, which is not stored."""
        gazetteer = await self._feed.catch_up(session)
        book = TokenMap()
        found = await self._find(gazetteer, read, [])
        return _mask(read.parts, found, book, {}).masked, book

    async def durably(self, session: AsyncSession, read: Read) -> tuple[Redacted, ...]:
        """Replace identities by ids that are the same everywhere, for embeddings."""
        gazetteer = await self._feed.catch_up(session)
        redactor = self._redactor(gazetteer)

        def work() -> tuple[Redacted, ...]:
            return tuple(
                durable(part.text, redactor.detect(part.text, ner_spans=read.names_in(part)))
                for part in read.parts
            )

        return await _closed(work, read.parts)

    async def _find(
        self, gazetteer: Gazetteer, read: Read, dictionary: list[GazetteerEntry]
    ) -> list[list[Span]]:
        redactor = self._redactor(gazetteer)
        certain = _certain(dictionary)

        def work() -> list[list[Span]]:
            found = [
                redactor.detect(
                    part.text,
                    dictionary if part.guess else certain,
                    ner_spans=read.names_in(part),
                    prefer=(part.entity,) if part.entity else (),
                )
                for part in read.parts
            ]
            return self._everywhere(read.parts, found)

        return await _closed(work, read.parts)

    async def _guessed(self, read: Read, masking: "_Masking") -> dict[str, str]:
        """Of the tokens of records, the types of those that are found without the CRM too."""

        def work() -> dict[str, str]:
            guessed: dict[str, str] = {}
            for part, placed in zip(read.parts, masking.placed, strict=True):
                known = [(span, token) for span, token in placed if span.entity or span.entities]
                guesses = self._base.detect(part.text, ner_spans=read.names_in(part)) if known else []
                for span, token in known:
                    shared, guess = max(
                        ((_shared(one, span), one.type.value) for one in guesses), default=(0, "")
                    )
                    if shared > 0:
                        guessed[token] = guess
            return guessed

        return await _closed(work, read.parts)

    def _everywhere(self, parts: Sequence[Part], found: list[list[Span]]) -> list[list[Span]]:
        """What one part taught is masked in the others too."""
        learnt = list(dict.fromkeys(_entries(parts, found)))
        if len(parts) < 2 or not learnt:
            return found
        certain = _certain(learnt)
        return [
            self._spread.detect(part.text, learnt if part.guess else certain, ner_spans=spans)
            for part, spans in zip(parts, found, strict=True)
        ]

    def _redactor(self, gazetteer: Gazetteer) -> Redactor:
        if self._current is None or self._current[0] is not gazetteer:
            self._current = gazetteer, self._base.with_gazetteer(gazetteer)
        return self._current[1]

    def _remember(self, read: Read, texts: Iterable[str]) -> None:
        """Redacted text was read for names a moment ago: what is left in it are none."""
        for part, text in zip(read.parts, texts, strict=True):
            if part.guess:
                self._base.remember_ner_spans(text, [])


def _shared(one: Span, other: Span) -> int:
    """How many characters two spans have in common."""
    return min(one.end, other.end) - max(one.start, other.start)


async def _closed(work: Callable[[], T], parts: Sequence[Part]) -> T:
    """Run the detectors, long texts in a thread; what fails there is refused by name."""
    try:
        if sum(len(part.text) for part in parts) <= _INLINE_CHARACTERS:
            return work()
        return await asyncio.to_thread(work)
    except DetectorFailed as error:
        raise PartUnavailable(error.detector, str(error)) from error


@dataclass(frozen=True)
class _Masking:
    """Redacted texts, which token stands for which span of each, what is known of them, and who typed."""

    texts: tuple[Redacted, ...]
    placed: list[list[tuple[Span, str]]]
    facts: dict[str, TokenFacts]
    typed: set[str]

    @property
    def masked(self) -> Masked:
        return Masked(self.texts, tuple(_in_texts(self.texts, self.facts)))


def _mask(
    parts: Sequence[Part], found: list[list[Span]], book: TokenMap, known: Mapping[str, TokenFacts]
) -> _Masking:
    texts: list[Redacted] = []
    placed: list[list[tuple[Span, str]]] = []
    facts = dict(known)
    typed: set[str] = set()
    for part, spans in zip(parts, found, strict=True):
        redaction = redact(part.text, spans, book, keep_tokens=part.form == "tokenised")
        texts.append(redaction.text)
        placed.append(list(zip(redaction.spans, redaction.tokens, strict=True)))
        for span, token in placed[-1]:
            facts.setdefault(token, _facts(token, span, part))
        if part.form == "raw":
            typed.update(redaction.tokens)
    return _Masking(tuple(texts), placed, facts, typed)


def _facts(token: str, span: Span, part: Part) -> TokenFacts:
    """Whose a value is, and the record that it was read in: whoever may read that field may read it there."""
    entity = span.entity or SHARED.join(span.entities) or None
    return TokenFacts(token, span.type, entity, span.field, part.entity, part.field)


def _in_texts(texts: Iterable[str], facts: Mapping[str, TokenFacts]) -> Iterator[TokenFacts]:
    """The identities that are hidden in these texts, each once."""
    tokens = dict.fromkeys(token for text in texts for _, _, token in find_tokens(text))
    for token in tokens:
        if token in facts and facts[token].type is not EntityType.LITERAL:
            yield facts[token]


def _certain(entries: Iterable[GazetteerEntry]) -> list[GazetteerEntry]:
    """What the CRM knows. The rest may be a guess, and a wrong one must not hide a value that is no name."""
    return [entry for entry in entries if entry.entity is not None]


def _entries(parts: Sequence[Part], found: list[list[Span]]) -> Iterator[GazetteerEntry]:
    for part, spans in zip(parts, found, strict=True):
        for span in spans:
            value = part.text[span.start : span.end]
            yield GazetteerEntry(value, span.type, span.entity, span.field, span.subject)
