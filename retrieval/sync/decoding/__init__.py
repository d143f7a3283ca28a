"""Changes of a PostgreSQL CRM by logical decoding with the built-in plugin `pgoutput`."""

from .errors import CannotDecode, SlotBusy, SlotLost
from .feed import DecodingFeed

__all__ = ["CannotDecode", "DecodingFeed", "SlotBusy", "SlotLost"]
