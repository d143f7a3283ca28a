"""What is written down about an item beside votes: words between people, and where it went."""

import uuid

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import Principal

from .tables import HeldItem, Remark, RemarkKind


async def add_remark(
    session: AsyncSession,
    item: HeldItem,
    author: Principal | None,
    kind: RemarkKind,
    text: str = "",
    *,
    queue: str | None = None,
    given_to: str | None = None,
) -> None:
    """Write it down; `text` is tokenised. Without an author it was the appliance, which has no words.

    A worker may name neither author nor text: the database sets them.
    """
    said: dict[str, object] = {"id": uuid.uuid4(), "item": item.id, "round": item.round, "kind": kind}
    if queue is not None:
        said["queue"] = queue
    if author is not None:
        said |= {"author": author.id, "text": text, "given_to": given_to}
    await session.exec(insert(Remark).values(said))
