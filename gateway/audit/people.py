"""Accounts that an event names by their ids: who did it, who edited, to whom it was handed."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

_LOGINS: Final = text("SELECT id::text AS id, login FROM gateway.account WHERE id = ANY(:ids)")


async def logins_of(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    """Sign-in names by id, of those ids that are of accounts."""
    wanted = [found for one in ids if (found := _uuid(one)) is not None]
    rows = (await (await session.connection()).execute(_LOGINS, {"ids": wanted})).all() if wanted else ()
    return {row.id: row.login for row in rows}


def ids_in(details: Iterable[Mapping[str, Any]]) -> set[str]:
    """What of events' details may be an account's id."""
    values = (value for detail in details for value in detail.values())
    return {value for value in values if isinstance(value, str) and _uuid(value) is not None}


def _uuid(given: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(given)
    except ValueError:
        return None
