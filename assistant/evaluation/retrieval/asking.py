"""A query as the search gets it in production: its names found, hidden, and turned into references."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from assistant.answer import Strangers, named_records, of_nobody, searched
from redaction import Redactor, Span, TokenMap
from retrieval import MAX_PASSAGES, Question, Trial

from .queries import Query

_TURNS: Final = 3  # before the question, as a run takes them


class Asker:
    """Does to a query what the door and the answer's pipeline do to a question."""

    def __init__(self, redactor: Redactor, trial: Trial) -> None:
        """`redactor` knows nobody; the trial's names are added to it."""
        self._base = redactor
        self._redactor = redactor.with_gazetteer(trial.gazetteer)
        self._trial = trial

    async def ask(self, query: Query) -> Question:
        """The question with durable references. Raises `UnknownLogin`, `DetectorFailed`."""
        book = TokenMap()
        read = [self._read(text, book) for text in query.turns[-_TURNS - 1 :]]
        tokens = [token for _, found in read for token in found]
        own = await self._trial.visible(query.login, named_records(tokens))
        strangers = _strangers(tokens, own, book)
        *before, asked = [strangers.hide(text) for text, _ in read]
        kept = [strangers.forget(found) for _, found in read]
        earlier = [token for found in kept[:-1] for token in found]
        unknown = of_nobody([*kept[-1], *earlier])
        typed = {token: book.value_of(token) or token for token in unknown}
        wanted = searched(asked, kept[-1], query.scope, before, earlier, typed)
        return Question(
            question=wanted.question,
            entities=wanted.entities,
            scope=query.scope,
            earlier=wanted.earlier,
            limit=MAX_PASSAGES,
        )

    def _read(self, text: str, book: TokenMap) -> tuple[str, list[dict[str, Any]]]:
        """The tokenised text, and its tokens as the door tells them."""
        redaction = self._redactor.redact(text, book)
        guesses: Sequence[Span] | None = None
        tokens: dict[str, dict[str, Any]] = {}
        for span, token in zip(redaction.spans, redaction.tokens, strict=True):
            entity = span.entity or "|".join(span.entities) or None
            guessed = None
            if entity:
                guesses = self._base.detect(text) if guesses is None else guesses
                shared = [(_shared(one, span), one.type.value) for one in guesses]
                size, kind = max(shared, default=(0, ""))
                guessed = kind if size > 0 else None
            facts = {"token": token, "type": span.type.value, "entity": entity, "field": span.field}
            tokens.setdefault(token, {**facts, "guessed": guessed})
        return redaction.text, list(tokens.values())


def _strangers(tokens: Sequence[Mapping[str, Any]], own: frozenset[str], book: TokenMap) -> Strangers:
    foreign = [token for token in tokens if token["entity"] and own.isdisjoint(named_records([token]))]
    types = {str(token["token"]): str(token["guessed"]) for token in foreign if token["guessed"]}
    bare = [str(token["token"]) for token in foreign if not token["guessed"]]
    return Strangers({token: book.value_of(token) or token for token in bare}, types)


def _shared(one: Span, other: Span) -> int:
    return min(one.end, other.end) - max(one.start, other.start)
