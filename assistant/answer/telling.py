"""A prompt on its way through the door: in the door's own terms, and as the model reads it behind it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway import DoorClient, Principal, TextPart

from .context import Prompt


def content_of(message: Mapping[str, Any]) -> str | Sequence[str | TextPart]:
    """A message's content as the door takes it: records are data, and the question stands last."""
    content = message["content"]
    if isinstance(content, str):
        return content
    *records, question = [part["text"] for part in content]
    return [*(TextPart("", text, "tokenised", data=True) for text in records), question]


async def as_the_model_read(
    door: DoorClient, principal: Principal, conversation: uuid.UUID, prompt: Prompt
) -> list[Mapping[str, Any]]:
    """The messages of a prompt with everything masked that the door masks in them. Raises its errors."""
    texts = [text for message in prompt.messages for text in _texts(message)]
    if not texts:
        return []
    parts = [TextPart(str(n), text, "tokenised") for n, text in enumerate(texts)]
    redacted = await door.redact(principal, conversation, parts, purpose="context")
    masked = iter([part.text for part in redacted.parts])
    return [{**message, "content": _with_texts(message["content"], masked)} for message in prompt.messages]


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def _with_texts(content: Any, masked: Iterator[str]) -> Any:
    if isinstance(content, str):
        return next(masked)
    return [{**part, "text": next(masked)} for part in content]
