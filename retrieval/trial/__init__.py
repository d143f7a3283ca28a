"""The search as it is in production, and plain searches over the same pieces, for measuring."""

from .build import Phase, open_trial
from .compare import Ranked, System, Trial, UnknownLogin

__all__ = ["Phase", "Ranked", "System", "Trial", "UnknownLogin", "open_trial"]
