"""What the door and its callers exchange, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["raw", "tokenised"]
Outcome = Literal["allowed", "flagged", "denied"]
Purpose = Literal["question", "context", "edit"]
EmbeddingPurpose = Literal["index", "query", "likeness"]
RestoreMode = Literal["none", "granted"]


@dataclass(frozen=True)
class TextPart:
    """A text to redact; `tokenised` says that this door made its tokens, in the same conversation.

    In a chat, `data` marks what nobody typed: a record, which the filter of questions does not judge.
    `entity` and `field` say which record the text is of: a name in it that the CRM does not know may be read
    by whoever may read that field, and of several joined by `|` by whoever may read them all. Without
    `guess` no name detector looks at it: a value that the CRM's map says is no identity.
    """

    id: str
    text: str
    form: Form = "raw"
    data: bool = False
    entity: str | None = None
    field: str | None = None
    guess: bool = True


@dataclass(frozen=True)
class RedactedPart:
    """The tokenised text of the part with the same id."""

    id: str
    text: str


@dataclass(frozen=True)
class TokenInfo:
    """What a token stands for, without its value; `entity` may join several by `|`.

    `guessed`, of a question's token with an entity, is the type by which a detector would have found the
    value if the CRM knew nobody; None where only the CRM knows it.
    """

    token: str
    type: str
    entity: str | None
    field: str | None
    guessed: str | None = None


@dataclass(frozen=True)
class DoorVerdict:
    """What the inbound filter says of a question; `sentence` is for the person who asked."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    sentence: str = ""


@dataclass(frozen=True)
class DoorRedaction:
    """Redacted parts in the order asked; `hidden` counts the different identities in them."""

    verdict: DoorVerdict
    parts: tuple[RedactedPart, ...]
    hidden: int
    tokens: tuple[TokenInfo, ...]


@dataclass(frozen=True)
class Restored:
    """Texts for one viewer; `withheld` counts the tokens that stayed tokens."""

    texts: tuple[str, ...]
    withheld: int


@dataclass(frozen=True)
class ChatMessage:
    """One message to the model: a text, or separate content parts.

    A `TextPart` says its own form; a plain text has the form of the call.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | Sequence[str | TextPart]


@dataclass(frozen=True)
class ChatUsage:
    """Tokens of the model, as its server counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class ChatChunk:
    """The next words; the last chunk has a `finish_reason` and, where the server counts, the usage.

    With the `finish_reason` comes how many pieces the model wrote that look like tokens and are `unresolved`:
    the answer speaks of somebody, and nobody can say of whom. With it comes also the `version` of the model.
    """

    text: str
    finish_reason: str | None = None
    usage: ChatUsage | None = None
    unresolved: int = 0
    version: str = ""


@dataclass(frozen=True)
class ServerState:
    """A model server behind the door, the model that it serves, and whether it answers now.

    One that this door has never heard may be `starting`: a model is installed and loaded for some minutes.
    """

    name: str
    model: str
    answers: bool
    starting: bool = False
