"""A question as somebody reads it who knows no records but their own.

The CRM's names are found in any spelling, other names are not. If that could be seen, an answer would tell
who is somebody else's customer. So a name whose record the caller may not see becomes here what it would
be if the CRM did not hold it: a guessed name without a record, or just another word.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Token = Mapping[str, Any]


@dataclass(frozen=True)
class Strangers:
    """The tokens of records that the caller may not see, each with the word that is read in its place."""

    words: Mapping[str, str]
    types: Mapping[str, str]

    def hide(self, text: str) -> str:
        """The text with words in the place of tokens that would not have been found."""
        for token, word in self.words.items():
            text = text.replace(token, word)
        return text

    def reveal(self, text: str) -> str:
        """The opposite: what the caller typed is told to the caller in their own words."""
        for token, word in self.words.items():
            text = text.replace(word, token)
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


def strangers_among(tokens: Sequence[Token], own: frozenset[str]) -> Strangers:
    """Those of a question's tokens that are none of the caller's `own` records."""
    foreign = {
        str(token["token"]): str(token.get("stranger") or f"<{token['type']}>")
        for token in tokens
        if token.get("entity") and not own & {*str(token["entity"]).split("|")}
    }
    words = {token: word for token, word in foreign.items() if not _is_type(word)}
    return Strangers(words, {token: word[1:-1] for token, word in foreign.items() if _is_type(word)})


def _is_type(word: str) -> bool:
    return word.startswith("<") and word.endswith(">")
