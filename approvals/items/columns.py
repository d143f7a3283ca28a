"""What the tables of this package have in common."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, DateTime, func

SCHEMA: Final = "approvals"


def moment(*, now: bool = False) -> Column[datetime]:
    """A column of a time with its zone; with `now` the database's own, else perhaps none."""
    default = func.now() if now else None
    return Column(DateTime(timezone=True), server_default=default, nullable=not now)
