"""Publishing: what the CRM knows its customers by, sealed, versioned and announced to every door."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit import GatewayEvent, record
from gateway.keys import Envelope
from redaction import EntityType

from .tables import IdentityRow, IdentityVersionRow

IDENTITY_CHANNEL: Final = "cloister_identities"
HASH_PURPOSE: Final = "identity"
_BATCH: Final = 1000


@dataclass(frozen=True)
class PublishedIdentity:
    """A value that belongs to an entity: `entity` as in `contact:17`, `field` as in `email`."""

    value: str
    type: EntityType
    entity: str
    field: str


async def publish_identities(
    session: AsyncSession,
    envelope: Envelope,
    upserts: Sequence[PublishedIdentity],
    removals: Sequence[str] = (),
) -> int:
    """Publish identities within the caller's transaction; gives the version that doors will see.

    `removals` are entity references: all their values are taken out first, so an entity named there and
    in `upserts` has its values replaced. Publications wait for each other until they commit: keep the
    transaction short, and some thousand values at most. Raises `SubjectErased`, `KeeperUnavailable`.
    """
    version = await _next_version(session)
    if removals:
        await session.exec(
            update(IdentityRow)
            .where(col(IdentityRow.entity).in_(set(removals)), col(IdentityRow.removed).is_(False))
            .values(sealed=None, removed=True, version=version)
        )
    unique = {(item.entity, item.field, item.value): item for item in upserts}
    items = [item for _, item in sorted(unique.items())]
    for start in range(0, len(items), _BATCH):
        await _upsert(session, envelope, items[start : start + _BATCH], version)
    record(
        session,
        GatewayEvent.IDENTITIES_PUBLISHED,
        "retrieval",
        upserts=len(items),
        removals=len(set(removals)),
        version=version,
    )
    await session.exec(select(func.pg_notify(IDENTITY_CHANNEL, str(version))))
    return version


async def _next_version(session: AsyncSession) -> int:
    first = insert(IdentityVersionRow).values(id=1, version=1)
    bumped = first.on_conflict_do_update(
        index_elements=["id"],
        set_={"version": IdentityVersionRow.__table__.c.version + 1},  # type: ignore[attr-defined]
    ).returning(col(IdentityVersionRow.version))
    return int((await session.exec(bumped)).scalar_one())


async def _upsert(
    session: AsyncSession, envelope: Envelope, items: Sequence[PublishedIdentity], version: int
) -> None:
    key = await envelope.hash_key(HASH_PURPOSE)
    sealed = await envelope.seal_many(session, [(item.entity, item.value) for item in items])
    rows = [
        {
            "entity": item.entity,
            "field": item.field,
            "value_mac": mac_of(key, item.value),
            "type": str(item.type),
            "sealed": value,
            "version": version,
            "removed": False,
        }
        for item, value in zip(items, sealed, strict=True)
    ]
    statement = insert(IdentityRow)
    await session.exec(
        statement.on_conflict_do_update(
            index_elements=["entity", "field", "value_mac"],
            set_={name: statement.excluded[name] for name in ("type", "sealed", "version", "removed")},
        ),
        params=rows,
    )


def mac_of(key: bytes, value: str) -> bytes:
    """The keyed hash that a value is found by; `key` is the keeper's for `HASH_PURPOSE`."""
    return hmac.digest(key, value.encode(), sha256)
