"""Which CRM records the tokens of a question stand for, and the question as the index knows it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway import TokenInfo

from .support import tokens as tokens_in

MAX_SEARCHED: Final = 8_000
"""Characters of a question that are searched with; ids in place of names can make it longer than it was."""


_NEVER_SEARCHED: Final = frozenset({"SECRET", "CARD", "IBAN"})


@dataclass(frozen=True)
class Searched:
    """What is searched with: durable ids in place of names, and what was asked before where that helps."""

    question: str
    entities: tuple[str, ...]
    earlier: str


def of_nobody(tokens: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Tokens of no record whose words may be searched with: a guess hides brands and numbers too."""
    found = [
        str(token["token"])
        for token in tokens
        if not token.get("entity") and str(token.get("type")) not in _NEVER_SEARCHED
    ]
    return tuple(dict.fromkeys(found))


def searched(
    question: str,
    tokens: Sequence[Mapping[str, Any]],
    scope: str | None,
    before: Sequence[str],
    earlier_tokens: Sequence[Mapping[str, Any]],
    typed: Mapping[str, str],
) -> Searched:
    """The search of a tokenised question that follows on the questions `before` it, the latest last.

    A question that names records or stays within one stands for itself. `typed` are the caller's own words
    for tokens `of_nobody`; the door hides names among them again before a model embeds them.
    """

    def plain(text: str, of: Sequence[Mapping[str, Any]]) -> str:
        text = durable_text(text, of)
        for token, words in typed.items():
            text = text.replace(token, words)
        return text

    refs = entity_refs(tokens)
    asked, earlier = plain(question, tokens)[:MAX_SEARCHED], ""
    if not refs and not scope:
        turns = [plain(turn, earlier_tokens) for turn in before[-2:]]
        earlier = " ".join(turns)[: MAX_SEARCHED - len(asked)]
    return Searched(asked, refs or entity_refs(earlier_tokens), earlier)


def entity_refs(tokens: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The CRM records that a question names, each once."""
    return tuple(dict.fromkeys(str(token["entity"]) for token in tokens if token.get("entity")))


def durable_text(text: str, tokens: Sequence[Mapping[str, Any]]) -> str:
    """A tokenised text with durable ids in place of tokens, as the index knows them: `[account:12]`."""
    for token in tokens:
        if token.get("entity"):
            text = text.replace(str(token["token"]), f"[{token['entity']}]")
    return text


def named_records(tokens: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The same one by one: a name may be that of several."""
    return tuple(one for joined in entity_refs(tokens) for one in joined.split("|"))


def count_hidden(asked: Sequence[Mapping[str, Any]], read: Sequence[TokenInfo]) -> dict[str, int]:
    """How many identities of each type the question and its sources hold; the facets of one count once."""
    hidden = [(str(token["token"]), str(token["type"]), token.get("entity")) for token in asked]
    hidden += [(token.token, token.type, token.entity) for token in read]
    types: dict[str, str] = {}
    for token, kind, entity in hidden:
        if entity:
            types |= {one: one.strip("<>").rpartition("_")[0] for one in tokens_in(token)}
        else:
            types[token] = kind  # nobody's have no facets
    return dict(Counter(types.values()))
