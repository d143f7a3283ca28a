"""A prompt on its way through the door: in the door's own terms, and as the model reads it behind it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway import DoorClient, Principal, TextPart

from .context import Prompt
from .support import Source


def content_of(message: Mapping[str, Any], sources: Sequence[Source]) -> str | Sequence[str | TextPart]:
    """A message's content as the door takes it: records are data, and the question stands last.

    `sources` are those of the prompt. A name that is found first here belongs to the record of its source.
    """
    content = message["content"]
    if isinstance(content, str):
        return content
    *records, question = [part["text"] for part in content]
    shown = zip(records, reversed(sources), strict=True)
    return [*(_record(text, source) for text, source in shown), question]


async def as_the_model_read(
    door: DoorClient, principal: Principal, conversation: uuid.UUID, prompt: Prompt
) -> list[Mapping[str, Any]]:
    """The messages of a prompt with everything masked that the door masks in them. Raises its errors."""
    contents = [content_of(message, prompt.sources) for message in prompt.messages]
    each = [part for content in contents for part in ([content] if isinstance(content, str) else content)]
    if not each:
        return []
    whole = [TextPart("", part, "tokenised") if isinstance(part, str) else part for part in each]
    parts = [replace(part, id=str(n)) for n, part in enumerate(whole)]
    redacted = await door.redact(principal, conversation, parts, purpose="context")
    masked = iter([part.text for part in redacted.parts])
    return [{**message, "content": _with_texts(message["content"], masked)} for message in prompt.messages]


def _record(text: str, source: Source) -> TextPart:
    if not source.entity:  # a count over all records
        return TextPart("", text, "tokenised", data=True)
    return TextPart("", text, "tokenised", data=True, entity=source.entity, field=source.field)


def _with_texts(content: Any, masked: Iterator[str]) -> Any:
    if isinstance(content, str):
        return next(masked)
    return [{**part, "text": next(masked)} for part in content]
