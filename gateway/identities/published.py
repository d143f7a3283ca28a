"""What is published, for whoever publishes: what it remembers of it may be older than the database."""

from collections.abc import Collection, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.keys import Envelope

from .publish import HASH_PURPOSE, PublishedIdentity, mac_of
from .tables import IdentityRow


async def published_otherwise(
    session: AsyncSession, envelope: Envelope, items: Sequence[PublishedIdentity], entities: Collection[str]
) -> set[str]:
    """Those of `entities` of which other values are published than `items` has of them.

    Some thousand at most. Raises `KeeperUnavailable`.
    """
    key = await envelope.hash_key(HASH_PURPOSE) if items else b""
    wanted: dict[str, set[tuple[str, bytes]]] = {entity: set() for entity in entities}
    for item in items:
        wanted[item.entity].add((item.field, mac_of(key, item.value)))
    found: dict[str, set[tuple[str, bytes]]] = {entity: set() for entity in entities}
    statement = select(IdentityRow.entity, IdentityRow.field, IdentityRow.value_mac).where(
        col(IdentityRow.entity).in_(found), col(IdentityRow.removed).is_(False)
    )
    for entity, field, mac in await session.exec(statement):
        found[entity].add((field, bytes(mac)))
    return {entity for entity, values in wanted.items() if values != found[entity]}


async def published_entities(session: AsyncSession, kind: str) -> set[str]:
    """The entities of a kind, as in `contact:17`, of which any value is published."""
    statement = (
        select(IdentityRow.entity)
        .where(col(IdentityRow.entity).startswith(f"{kind}:", autoescape=True))
        .where(col(IdentityRow.removed).is_(False))
        .distinct()
    )
    return set(await session.exec(statement))
