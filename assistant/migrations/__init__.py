"""The appliance database's one linear history, its roles and their rights."""

from .bootstrap import PROCESS_ROLES, bootstrap
from .upgrade import current_revision, upgrade

__all__ = ["PROCESS_ROLES", "bootstrap", "current_revision", "upgrade"]
