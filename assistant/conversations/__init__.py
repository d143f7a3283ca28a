"""Conversations: the threads in which a person asks."""

from .service import (
    change_conversation,
    delete_conversation,
    list_conversations,
    mark_seen,
    own_conversation,
    start_conversation,
    title_of,
)
from .tables import Conversation
from .titles import Titles

__all__ = [
    "Conversation",
    "Titles",
    "change_conversation",
    "delete_conversation",
    "list_conversations",
    "mark_seen",
    "own_conversation",
    "start_conversation",
    "title_of",
]
