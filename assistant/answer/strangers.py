"""A question as somebody reads it who knows no records but their own.

The CRM's names are found in any spelling, other names are not. If that could be seen, an answer would tell
who is somebody else's customer. So a name whose record the caller may not see becomes here what it would
be if the CRM did not hold it: a guessed name without a record, or the words that were typed.

Those words are nobody's but the caller's own; the door masks them again before any model reads them.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway import DoorClient, Principal

from .references import named_records
from .support import Source

Token = Mapping[str, Any]


@dataclass(frozen=True)
class Strangers:
    """The tokens of records that the caller may not see: the words of those that only the CRM finds, the
    types of those that are guessed too."""

    words: Mapping[str, str]
    types: Mapping[str, str]

    def hide(self, text: str) -> str:
        """The text with the caller's words in the place of tokens that would not have been found."""
        for token, word in self.words.items():
            text = text.replace(token, word)
        return text

    def hide_in(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """The sources with them: where one is called like an everyday word, records are full of it."""
        return tuple(
            replace(
                source,
                title=self.hide(source.title),
                text=self.hide(source.text),
                facts=tuple((label, self.hide(value)) for label, value in source.facts),
            )
            for source in sources
        )

    def reveal(self, text: str) -> str:
        """The opposite, for what is stored."""
        for token, word in self.words.items():
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", token, text)
        return text

    def forget(self, tokens: Iterable[Token]) -> list[Token]:
        """The tokens that would have been found, and of no record where theirs is a stranger's."""
        return [
            {**token, "type": self.types[name], "entity": None, "field": None}
            if name in self.types
            else token
            for token in tokens
            if (name := str(token["token"])) not in self.words
        ]


async def strangers_among(
    tokens: Sequence[Token],
    own: frozenset[str],
    door: DoorClient,
    principal: Principal,
    conversation: uuid.UUID,
) -> Strangers:
    """Those of a question's tokens that are none of the caller's `own` records.

    Raises the door's errors.
    """
    foreign = [token for token in tokens if token.get("entity") and own.isdisjoint(named_records([token]))]
    types = {str(token["token"]): str(token["guessed"]) for token in foreign if token.get("guessed")}
    bare = list(dict.fromkeys(str(token["token"]) for token in foreign if not token.get("guessed")))
    if not bare:
        return Strangers({}, types)
    typed = await door.restore(principal, conversation, bare)
    return Strangers(dict(zip(bare, typed.texts, strict=True)), types)
