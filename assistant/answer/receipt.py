"""What is told of hidden identities, to the rep and to the record: how many of which type, never which."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redaction import EntityType, find_tokens, parse_token

from .context import Prompt

_TYPES: Final = frozenset(EntityType)
_NTH: Final = re.compile(r"_\d+\Z")


def hidden_in(texts: Iterable[str]) -> dict[str, int]:
    """How many different identities of each type are tokens in these texts: {"PERSON": 2, "EMAIL": 1}."""
    tokens = {token for text in texts for _, _, token in find_tokens(text)}
    found = {identity for token in tokens if (identity := _identity(token)) is not None}
    counted = Counter(kind for *_, kind in found if kind is not EntityType.LITERAL)
    return {kind.value: count for kind, count in sorted(counted.items())}


def _identity(token: str) -> tuple[EntityType, int, EntityType] | None:
    """Whose it is and what: a first name is the person, their second mail address is a mail address."""
    parsed = parse_token(token)
    if parsed is None:
        return None
    facet = _NTH.sub("", parsed.facet or "")
    return parsed.stem, parsed.number, EntityType(facet) if facet in _TYPES else parsed.stem


def receipt_of(question: str, prompt: Prompt, shown: Sequence[str], *, sent: bool = True) -> dict[str, Any]:
    """What was asked, read by a model and shown, as counts.

    `model` is False where none read anything: the CRM answered by itself, or the prompt was never `sent`.
    Where nothing was found there is no answer, and no receipt: it would tell whom the CRM knows.
    """
    return {
        "question": hidden_in([question]),
        "prompt": hidden_in(_texts(prompt.messages)) if sent else {},
        "shown": hidden_in(shown),
        "model": sent and not prompt.told,
    }


def _texts(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for message in messages:
        content = message["content"]
        found += [content] if isinstance(content, str) else [part["text"] for part in content]
    return found
