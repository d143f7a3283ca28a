"""Conversations: the threads in which a person asks."""

from .service import (
    change_conversation,
    delete_conversation,
    is_unread,
    list_conversations,
    mark_seen,
    own_conversation,
    start_conversation,
    tell_news,
    title_of,
)
from .tables import Conversation
from .titles import Titles

__all__ = [
    "Conversation",
    "Titles",
    "change_conversation",
    "delete_conversation",
    "is_unread",
    "list_conversations",
    "mark_seen",
    "own_conversation",
    "start_conversation",
    "tell_news",
    "title_of",
]
