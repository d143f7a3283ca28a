"""The door: the only way to a model. It takes nothing that it has not redacted."""

from .app import create_door_app
from .client import DoorClient
from .outgoing import without_links
from .settings import DeploymentSettings, DoorSettings, RerankerSettings
from .values import (
    ChatChunk,
    ChatMessage,
    ChatUsage,
    DoorRedaction,
    DoorVerdict,
    RedactedPart,
    Restored,
    ServerState,
    TextPart,
    TokenInfo,
)

__all__ = [
    "ChatChunk",
    "ChatMessage",
    "ChatUsage",
    "DeploymentSettings",
    "DoorClient",
    "DoorRedaction",
    "DoorSettings",
    "DoorVerdict",
    "RedactedPart",
    "RerankerSettings",
    "Restored",
    "ServerState",
    "TextPart",
    "TokenInfo",
    "create_door_app",
    "without_links",
]
