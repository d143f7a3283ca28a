"""The CRM's rows, read live with a role that may only read: for the sync, the late check and live facts."""

from .records import Records
from .statements import Match

__all__ = ["Match", "Records"]
