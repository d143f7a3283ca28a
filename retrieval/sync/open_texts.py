"""Copies of what is open to everyone, for when the CRM is away: the only text that is kept of it.

Only records that were written to answer questions (`reference`), only those that the plain rule `everyone`
opens, only their prose, and every identity that the CRM knows replaced by its record's reference.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Column, DateTime, delete, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel, col, select

from gateway import Database
from retrieval.crm import EVERYONE, CrmMap, link, title
from retrieval.crm.map import IdentityColumn, Row, placeholders
from retrieval.pieces import prose_of

from .family import Kin
from .roster import Roster
from .tables import SyncRow


class OpenText(SQLModel, table=True):
    """One record's prose as everybody may read it: `pieces` are {field, ordinal, text, internal}."""

    __tablename__ = "open_text"
    __table_args__ = {"schema": "retrieval"}

    ref: str = Field(primary_key=True)
    title: str
    url: str | None = None
    pieces: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    digest: str
    read_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), server_default=text("now()"), nullable=False)
    )


class Copied(NamedTuple):
    """What is kept of some records, and when all of their kinds were last compared with the CRM."""

    texts: Mapping[str, OpenText]
    compared: datetime | None


class OpenTexts:
    """The copies: brought up to date by the sync with what it writes, read while the CRM is away."""

    def __init__(self, crm_map: CrmMap, roster: Roster, database: Database) -> None:
        self.crm_map = self._map = crm_map
        self._roster = roster
        self._database = database
        self._digests: dict[str, str] | None = None
        self._writing = asyncio.Lock()
        self.kinds = tuple(
            kind for kind, one in crm_map.entities.items() if one.reference and one.open_to_everyone
        )
        """Kinds of records of which there can be copies."""

    async def keep(self, kind: str, pairs: Sequence[tuple[Row, Kin]], out: Collection[str] = ()) -> None:
        """Copy rows that are open; drop the copies of those that no longer are, and of the keys `out`."""
        if self._digests is None:
            await self._prune()
        if kind not in self.kinds or not (pairs or out):
            return
        made = await asyncio.to_thread(self._made, kind, pairs)
        made |= {f"{kind}:{key}": None for key in out}
        async with self._writing:
            known = await self._known()
            fresh = [one for one in made.values() if one and known.get(one["ref"]) != one["digest"]]
            closed = [ref for ref, one in made.items() if one is None and ref in known]
            await self._write(fresh, closed)

    async def forget(self, kind: str, keys: Collection[str]) -> None:
        """Drop the copies of records that are gone."""
        if kind not in self.kinds:
            return
        async with self._writing:
            known = await self._known()
            await self._write([], [ref for key in keys if (ref := f"{kind}:{key}") in known])

    async def read(self, refs: Collection[str]) -> Copied:
        """The copies of these records. Raises `PartUnavailable`."""
        async with self._database.transaction() as session:
            found = await session.exec(select(OpenText).where(col(OpenText.ref).in_(list(refs))))
            texts = {one.ref: one for one in found}
            rows = await session.exec(
                select(SyncRow.last_sync).where(col(SyncRow.entity).in_(list(self.kinds)))
            )
            times = list(rows)
        known = [at for at in times if at is not None]
        return Copied(texts, min(known) if known and len(known) == len(times) else None)

    async def keep_only(self, kind: str, present: Collection[str]) -> None:
        """Drop the copies of records of a kind that are not among `present`, which are all that there are."""
        if kind not in self.kinds:
            return
        async with self._writing:
            known = await self._known()
            refs = {f"{kind}:{key}" for key in present}
            await self._write([], [ref for ref in known if ref.startswith(f"{kind}:") and ref not in refs])

    async def _prune(self) -> None:
        """Drop copies of kinds that the map no longer opens to everyone."""
        async with self._writing:
            known = await self._known()
            await self._write([], [ref for ref in known if ref.partition(":")[0] not in self.kinds])

    def _made(self, kind: str, pairs: Sequence[tuple[Row, Kin]]) -> dict[str, dict[str, Any] | None]:
        """Reference → the copy, None for what is not open to everyone or has no prose."""
        return {one.ref: self._copy(kind, row, one) if EVERYONE in one.acl else None for row, one in pairs}

    def _copy(self, kind: str, row: Row, kin: Kin) -> dict[str, Any] | None:
        prose = prose_of(self._map, kind, row)
        if not prose or any(_cannot_be_stored(piece.text) for piece in prose):
            return None
        called, *texts = self._roster.mask_each(
            [title(self._map, kind, row), *(piece.text for piece in prose)], kin.ref, kin.up
        )
        copy = {
            "ref": kin.ref,
            "title": called,
            "url": self._url(kind, row),
            "pieces": [
                {"field": piece.field, "ordinal": piece.ordinal, "text": text, "internal": piece.internal}
                for piece, text in zip(prose, texts, strict=True)
            ],
        }
        plain = json.dumps(copy, sort_keys=True).encode()
        return {**copy, "digest": blake2b(plain, digest_size=16).hexdigest()}

    def _url(self, kind: str, row: Row) -> str | None:
        """The record's address, unless an identity is part of it."""
        entity = self._map.entities[kind]
        names = placeholders(entity.url or "")
        identities = {name for name, column in entity.readable if isinstance(column, IdentityColumn)}
        return link(self._map, kind, row) if identities.isdisjoint(names) else None

    async def _known(self) -> dict[str, str]:
        if self._digests is None:
            async with self._database.transaction() as session:
                found = await session.exec(select(OpenText.ref, OpenText.digest))
                self._digests = dict(iter(found))
        return self._digests

    async def _write(self, fresh: Sequence[Mapping[str, Any]], closed: Sequence[str]) -> None:
        if not fresh and not closed:
            return
        async with self._database.transaction() as session:
            connection = await session.connection()
            if closed:
                await connection.execute(delete(OpenText).where(col(OpenText.ref).in_(closed)))
            if fresh:
                statement = insert(OpenText).values([dict(one) for one in fresh])
                changed = {name: statement.excluded[name] for name in ("title", "url", "pieces", "digest")}
                await connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["ref"], set_={**changed, "read_at": text("now()")}
                    )
                )
        known = await self._known()
        known |= {str(one["ref"]): str(one["digest"]) for one in fresh}
        for ref in closed:
            known.pop(ref, None)


def _cannot_be_stored(text: str) -> bool:
    """Whether a text has what PostgreSQL takes in no JSON: NUL characters and halves of characters."""
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
