"""The wire: what a request may hold. Anything else is refused by name, because it could not be redacted."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .values import EmbeddingPurpose, Form, Purpose, RestoreMode

ModelName = Annotated[str, Field(max_length=200, pattern=r"^[!-~]+$")]
"""What a caller asks for by name; it is recorded, so it is ASCII without white space."""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextPartIn(_Wire):
    """A text to redact."""

    id: str = Field(max_length=200)
    text: str
    form: Form = "raw"
    entity: str | None = Field(None, max_length=200)
    field: str | None = Field(None, max_length=200)
    guess: bool = True


class RedactIn(_Wire):
    """Texts of one conversation."""

    conversation: uuid.UUID
    purpose: Purpose
    parts: list[TextPartIn] = Field(min_length=1)


class ReadAheadIn(_Wire):
    """Texts that will be asked for."""

    texts: list[str] = Field(min_length=1)


class RestoreIn(_Wire):
    """Tokenised texts of one conversation, and what may be shown of it."""

    conversation: uuid.UUID
    texts: list[str]
    grant: str | None = None


class TypedTextIn(_Wire):
    """A tokenised text of one conversation."""

    conversation: uuid.UUID
    text: str


class RestoreTypedIn(_Wire):
    """Tokenised texts of many conversations, of which only what the caller typed is put back."""

    texts: list[TypedTextIn] = Field(min_length=1)


class CloisterIn(_Wire):
    """How a chat request relates to a conversation of the appliance."""

    conversation: uuid.UUID | None = None
    restore: RestoreMode = "none"
    grant: str | None = None
    form: Form = "raw"
    quotes: list[str] = Field(default_factory=list, max_length=16)
    quotes_at_most: int = Field(2, ge=1, le=5)
    version: ModelName | None = None


class ContentPart(_Wire):
    """One text among others in a message."""

    type: Literal["text"]
    text: str
    form: Form | None = None
    data: bool = False
    entity: str | None = Field(None, max_length=200)
    field: str | None = Field(None, max_length=8000)


class CalledFunction(_Wire):
    """What a model asked to call."""

    name: str
    arguments: str = ""


class ToolCall(_Wire):
    """A call that a model made in an earlier turn."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


def _only_text(content: Any) -> Any:
    if isinstance(content, list):
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind != "text":
                raise ValueError(f"only text can be redacted, so parts of type {kind!r} are not sent")
    return content


class Message(_Wire):
    """One message of a chat."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str | list[ContentPart] | None, BeforeValidator(_only_text)] = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: None = None


class ToolIn(_Wire):
    """A function that the model may ask for."""

    type: Literal["function"]
    function: dict[str, Any]


class StreamOptions(_Wire):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(_Wire):
    """OpenAI's chat completion, as far as its content can be redacted.

    Passed on as numbers: sampling options. Accepted and dropped: `user`, `metadata`, `store`.
    """

    model: ModelName = "default"
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = None
    n: Literal[1] | None = None
    stop: str | list[str] | None = None
    tools: list[ToolIn] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    cloister: CloisterIn | None = None

    def options(self) -> dict[str, object]:
        """Options that hold no text."""
        names = (
            "temperature",
            "top_p",
            "presence_penalty",
            "frequency_penalty",
            "seed",
            "parallel_tool_calls",
        )
        chosen: dict[str, object] = {
            name: getattr(self, name) for name in names if getattr(self, name) is not None
        }
        if self.answer_tokens is not None:
            chosen["max_tokens"] = self.answer_tokens
        return chosen

    @property
    def answer_tokens(self) -> int | None:
        """How long the answer may be, in the model's tokens."""
        return self.max_completion_tokens or self.max_tokens


class EmbeddingCloister(_Wire):
    """What the vectors are for: an index may wait; a question and what is weighed may not."""

    purpose: EmbeddingPurpose = "query"


class RerankRequest(_Wire):
    """Jina's and Cohere's rerank, as vLLM has it, of texts only."""

    model: ModelName = "reranker"
    query: str
    documents: list[str] = Field(min_length=1, max_length=200)
    top_n: int | None = Field(None, ge=1)


class EmbeddingsRequest(_Wire):
    """OpenAI's embeddings, of texts only."""

    model: ModelName = "embedding"
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None
    cloister: EmbeddingCloister | None = None
