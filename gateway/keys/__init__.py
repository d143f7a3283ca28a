"""Keys: whoever holds the keeper can open sealed values; destroying a subject's key erases them."""

from .envelope import Envelope, SubjectErased
from .keeper import Keeper, KeeperSettings, KeeperUnavailable, LocalKeyring, TransitKeeper, open_keeper
from .tables import SubjectKey

__all__ = [
    "Envelope",
    "Keeper",
    "KeeperSettings",
    "KeeperUnavailable",
    "LocalKeyring",
    "SubjectErased",
    "SubjectKey",
    "TransitKeeper",
    "open_keeper",
]
