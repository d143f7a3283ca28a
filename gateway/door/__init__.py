"""The door: the only way to a model. It takes nothing that it has not redacted."""

from .client import DoorClient
from .values import (
    ChatChunk,
    ChatMessage,
    ChatUsage,
    DoorRedaction,
    DoorVerdict,
    RedactedPart,
    Restored,
    TextPart,
    TokenInfo,
)

__all__ = [
    "ChatChunk",
    "ChatMessage",
    "ChatUsage",
    "DoorClient",
    "DoorRedaction",
    "DoorVerdict",
    "RedactedPart",
    "Restored",
    "TextPart",
    "TokenInfo",
]
