"""Identities as data: the gazetteer that goes down to the doors, and the token maps of conversations."""

from .feed import GazetteerFeed
from .publish import PublishedIdentity, publish_identities
from .published import published_entities, published_otherwise
from .tables import IdentityRow, IdentityVersionRow, NameSpansRow, TokenRow
from .tokens import (
    SHARED,
    ConversationTokens,
    TokenFacts,
    TokensTaken,
    entities_of,
    in_agreement,
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
    "NameSpansRow",
    "PublishedIdentity",
    "TokenFacts",
    "TokenRow",
    "TokensTaken",
    "entities_of",
    "in_agreement",
    "load_tokens",
    "lock_conversation",
    "publish_identities",
    "published_entities",
    "published_otherwise",
    "typed_values",
    "unknown_subject",
]
