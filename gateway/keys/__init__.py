"""Keys: whoever holds the keeper can open sealed values; destroying a subject's key erases them."""

from .envelope import Envelope, SubjectErased
from .keeper import (
    Keeper,
    KeeperSettings,
    KeeperUnavailable,
    LocalKeyring,
    SigningKeySettings,
    TransitKeeper,
    TransitSigner,
    open_keeper,
)
from .tables import SubjectKey

__all__ = [
    "Envelope",
    "Keeper",
    "KeeperSettings",
    "KeeperUnavailable",
    "LocalKeyring",
    "SigningKeySettings",
    "SubjectErased",
    "SubjectKey",
    "TransitKeeper",
    "TransitSigner",
    "open_keeper",
]
