"""Redaction of parts: all detectors over each, then everything that was found in any, in all of them."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

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
    EntityType,
    Gazetteer,
    GazetteerEntry,
    Redacted,
    Redactor,
    Span,
    TokenMap,
    disguised,
    durable,
    find_tokens,
    redact,
)

from .long_work import LongWork
from .names import NamePool
from .proving import Proving
from .remembered import RememberedNames
from .values import Form

_DISGUISE: Final = "names in questions that are embedded"


@dataclass(frozen=True)
class Part:
    """A text and its form, the record it is of, whether names are guessed in it, and whether the caller typed
    it."""

    text: str
    form: Form = "raw"
    entity: str | None = None
    field: str | None = None
    guess: bool = True
    typed: bool = False


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
        self,
        redactor: Redactor,
        feed: GazetteerFeed,
        names: NamePool,
        remembered: RememberedNames,
        envelope: Envelope,
        proving: Proving,
    ) -> None:
        """`redactor` has the quick detectors; it insists on being given names where they are looked for."""
        self._feed = feed
        self._names = names
        self._remembered = remembered
        self._envelope = envelope
        self._proving = proving
        self._base = redactor
        self._spread = Redactor([], policy=redactor.policy)
        self._long = LongWork()
        self._current: tuple[Gazetteer, Redactor] | None = None

    def close(self) -> None:
        """End the thread."""
        self._long.close()

    async def read(self, parts: Sequence[Part], *, whose: str, background: bool = False) -> Read:
        """Look for names, in turn with others than `whose`.

        Raises `PartUnavailable`, before the detectors have proven themselves too.

        What was read before, whole or as the lines of a text that this door redacted, is not read again.
        """
        self._proving.require()
        texts = list(dict.fromkeys(part.text for part in parts if part.guess))
        if not self._names.enabled:
            return Read(tuple(parts), {text: [] for text in texts})
        known = await self._known(parts, texts, self._names.version) if self._names.version else {}
        unread = [text for text in texts if text not in known]
        found = await self._names.read(unread, whose=whose, background=background)
        if found and self._names.version:
            await self._remembered.learn(found, self._names.version)
        return Read(tuple(parts), known | found)

    async def _known(
        self, parts: Sequence[Part], texts: Sequence[str], version: str
    ) -> dict[str, list[Span]]:
        """Spans of the texts that this version has read; what is not redacted yet must be the same text."""
        known = await self._remembered.recall(texts, version)
        raw = {part.text for part in parts if part.form == "raw"}
        for text in texts:
            if text not in known and text not in raw and await self._remembered.is_clean(text, version):
                known[text] = []
        return known

    async def names_in(self, text: str, *, whose: str) -> list[Span]:
        """Spans of guessed names in a model's own words, which are not kept. Raises `PartUnavailable`."""
        return (await self._names.read([text], whose=whose))[text]

    async def read_ahead(self, texts: Sequence[str], *, whose: str) -> None:
        """Look for names in texts that will be asked for, and keep them for all doors, before this returns.

        Raises `PartUnavailable`.
        """
        await self.read([Part(text) for text in texts], whose=whose, background=True)
        await self._remembered.write()

    async def in_conversation(
        self,
        session: AsyncSession,
        conversation: uuid.UUID,
        read: Read,
        *,
        whose: str,
        guessing: bool = False,
    ) -> tuple[Masked, ConversationTokens]:
        """Redact into the conversation's tokens; the session's transaction holds them.

        `whose` names the principal who typed the parts that were typed; with `guessing` it is told what of
        them a detector finds without the CRM. Requests in one conversation wait for each other, so a token
        never gets two values. Raises `PartUnavailable`.
        """
        published = await lock_conversation(session, conversation)
        gazetteer = await self._feed.catch_up(session, published)
        tokens = await load_tokens(session, self._envelope, conversation)
        found = await self._find(gazetteer, read, tokens.dictionary())
        masking = await self._mask(read.parts, found, tokens.book, tokens.facts)
        await tokens.save(session, self._envelope, masking.facts, typed=masking.typed, principal=whose)
        await self._remember(read, masking.texts)
        guessed = await self._guessed(read, masking) if guessing else {}
        return Masked(tuple(masking.texts), masking.standing, guessed), tokens

    async def alone(self, session: AsyncSession, read: Read) -> tuple[Masked, TokenMap]:
        """Redact with a book of this request's own, which is not stored."""
        gazetteer = await self._feed.catch_up(session)
        book = TokenMap()
        found = await self._find(gazetteer, read, [])
        masking = await self._mask(read.parts, found, book, {})
        return Masked(tuple(masking.texts), masking.standing), book

    async def durably(self, session: AsyncSession, read: Read) -> tuple[Redacted, ...]:
        """Replace identities by ids that are the same everywhere, for embeddings.

        In what was typed the asker's own records stand as references by now. Whoever else is named there
        becomes what somebody made up would be.
        """
        gazetteer = await self._feed.catch_up(session)
        redactor = self._redactor(gazetteer)
        key = await self._envelope.hash_key(_DISGUISE)

        def work(part: Part) -> Redacted:
            names = read.names_in(part)
            known = redactor.detect(part.text, ner_spans=names)
            if not part.typed:
                return durable(part.text, known)
            return disguised(part.text, known, self._base.detect(part.text, ner_spans=names), key)

        return tuple(await self._long.each(work, read.parts, _size))

    async def _find(
        self, gazetteer: Gazetteer, read: Read, dictionary: list[GazetteerEntry]
    ) -> list[list[Span]]:
        redactor = self._redactor(gazetteer)
        certain = _certain(dictionary)

        def find(part: Part) -> list[Span]:
            return redactor.detect(
                part.text,
                dictionary if part.guess else certain,
                ner_spans=read.names_in(part),
                prefer=(part.entity,) if part.entity else (),
            )

        return await self._everywhere(read.parts, await self._long.each(find, read.parts, _size))

    async def _everywhere(self, parts: Sequence[Part], found: list[list[Span]]) -> list[list[Span]]:
        """What one part taught is masked in the others too."""
        learnt = list(dict.fromkeys(_entries(parts, found)))
        if len(parts) < 2 or not learnt:
            return found
        certain = _certain(learnt)

        def spread(one: tuple[Part, list[Span]]) -> list[Span]:
            part, spans = one
            return self._spread.detect(part.text, learnt if part.guess else certain, ner_spans=spans)

        return await self._long.each(spread, list(zip(parts, found, strict=True)), _size_of_first)

    async def _mask(
        self,
        parts: Sequence[Part],
        found: Sequence[list[Span]],
        book: TokenMap,
        known: Mapping[str, TokenFacts],
    ) -> "_Masking":
        """Tokens in place of what was found; the book is this request's, so the parts come one by one."""
        masking = _Masking(known, facts=dict(known))

        def mask(one: tuple[Part, list[Span]]) -> None:
            masking.add(one[0], one[1], book)

        await self._long.each(mask, list(zip(parts, found, strict=True)), _size_of_first)
        return masking

    async def _guessed(self, read: Read, masking: "_Masking") -> dict[str, str]:
        """Of the tokens of records, the types of those that are found without the CRM too."""

        def guess(one: tuple[Part, list[tuple[Span, str]]]) -> dict[str, str]:
            part, placed = one
            known = [(span, token) for span, token in placed if span.entity or span.entities]
            guesses = self._base.detect(part.text, ner_spans=read.names_in(part)) if known else []
            found: dict[str, str] = {}
            for span, token in known:
                shared, kind = max(((_shared(one, span), one.type.value) for one in guesses), default=(0, ""))
                if shared > 0:
                    found[token] = kind
            return found

        placed = list(zip(read.parts, masking.placed, strict=True))
        guessed = await self._long.each(guess, placed, _size_of_first)
        return {token: kind for each in guessed for token, kind in each.items()}

    def _redactor(self, gazetteer: Gazetteer) -> Redactor:
        if self._current is None or self._current[0] is not gazetteer:
            self._current = gazetteer, self._base.with_gazetteer(gazetteer)
        return self._current[1]

    async def _remember(self, read: Read, texts: Sequence[str]) -> None:
        """Redacted text was read for names a moment ago: what is left in it are none."""
        if self._names.version:
            clean = [text for part, text in zip(read.parts, texts, strict=True) if part.guess]
            await self._remembered.learn_clean(clean, self._names.version)


def _shared(one: Span, other: Span) -> int:
    """How many characters two spans have in common."""
    return min(one.end, other.end) - max(one.start, other.start)


def _size(part: Part) -> int:
    return len(part.text)


def _size_of_first(one: tuple[Part, object]) -> int:
    return len(one[0].text)


@dataclass
class _Masking:
    """Redacted texts, which token stands for which span of each, what is known of them, and who typed.

    `known` are the tokens of before. `standing` are the identities that are hidden in the texts, each once.
    """

    known: Mapping[str, TokenFacts]
    facts: dict[str, TokenFacts]
    texts: list[Redacted] = field(default_factory=list)
    placed: list[list[tuple[Span, str]]] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)
    _standing: dict[str, TokenFacts] = field(default_factory=dict)

    @property
    def standing(self) -> tuple[TokenFacts, ...]:
        return tuple(self._standing.values())

    def add(self, part: Part, spans: Sequence[Span], book: TokenMap) -> None:
        redaction = redact(part.text, spans, book, keep_tokens=part.form == "tokenised")
        self.texts.append(redaction.text)
        self.placed.append(list(zip(redaction.spans, redaction.tokens, strict=True)))
        for span, token in self.placed[-1]:
            if token not in self.facts or self._is_of_no_record_yet(token):
                self.facts[token] = _facts(token, span, part)
        if part.typed:
            # what is known was typed when the text came in, if at all; what is found in it again is not
            self.typed.update(
                token for token in redaction.tokens if part.form == "raw" or not self.facts[token].entities
            )
        for _, _, token in find_tokens(redaction.text):
            facts = self.facts.get(token)
            if facts is not None and facts.type is not EntityType.LITERAL:
                self._standing[token] = facts

    def _is_of_no_record_yet(self, token: str) -> bool:
        """Whether only a text of no record has taught this token: an answer that repeats one, say."""
        return token not in self.known and self.facts[token].read_in is None


def _facts(token: str, span: Span, part: Part) -> TokenFacts:
    """Whose a value is, and the record that it was read in: whoever may read that field may read it there."""
    entity = span.entity or SHARED.join(span.entities) or None
    return TokenFacts(token, span.type, entity, span.field, part.entity, part.field)


def count_types(tokens: Iterable[TokenFacts]) -> dict[str, int]:
    """How many identities of each type: what the record may keep of them."""
    counted = Counter(facts.type.value for facts in tokens)
    return dict(sorted(counted.items()))


def _certain(entries: Iterable[GazetteerEntry]) -> list[GazetteerEntry]:
    """What the CRM knows. The rest may be a guess, and a wrong one must not hide a value that is no name."""
    return [entry for entry in entries if entry.entity is not None]


def _entries(parts: Sequence[Part], found: list[list[Span]]) -> Iterator[GazetteerEntry]:
    for part, spans in zip(parts, found, strict=True):
        for span in spans:
            value = part.text[span.start : span.end]
            yield GazetteerEntry(value, span.type, span.entity, span.field, span.subject)
