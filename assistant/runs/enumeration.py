"""How many customers somebody has asked about lately: who walks through the CRM is read before they go on."""

import uuid
from datetime import timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import Run


async def entities_asked_about(session: AsyncSession, principal: uuid.UUID, minutes: float) -> int:
    """Different records that this person's questions of the last minutes name or are limited to."""
    since = func.now() - timedelta(minutes=minutes)
    wanted = select(Run.tokens, Run.scope).where(
        col(Run.principal_id) == principal, col(Run.created_at) >= since
    )
    refs: set[str] = set()
    for tokens, scope in (await session.exec(wanted)).all():
        refs |= {str(token["entity"]) for token in tokens if token.get("entity")}
        refs |= {scope} if scope else set()
    return len(refs)
