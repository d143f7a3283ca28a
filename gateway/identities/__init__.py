"""Identities as data: the gazetteer that goes down to the doors, and the token maps of conversations."""

from .feed import GazetteerFeed
from .publish import PublishedIdentity, publish_identities
from .tables import IdentityRow, IdentityVersionRow, TokenRow
from .tokens import (
    SHARED,
    ConversationTokens,
    TokenFacts,
    entities_of,
    load_tokens,
    lock_conversation,
    typed_values,
    unknown_subject,
)

__all__ = [
    "SHARED",
    "ConversationTokens",
    "GazetteerFeed",
    "IdentityRow",
    "IdentityVersionRow",
    "PublishedIdentity",
    "TokenFacts",
    "TokenRow",
    "entities_of",
    "load_tokens",
    "lock_conversation",
    "publish_identities",
    "typed_values",
    "unknown_subject",
]
