"""Identities as data: the gazetteer that goes down to the doors, and the token maps of conversations."""

from .publish import PublishedIdentity, publish_identities
from .tables import IdentityRow, IdentityVersionRow, TokenRow

__all__ = [
    "IdentityRow",
    "IdentityVersionRow",
    "PublishedIdentity",
    "TokenRow",
    "publish_identities",
]
