"""Spans of names that were found before: in this door's memory, and in a table that all doors share.

So a text is read by the slow detectors once, best when its record comes into the index. A row holds a keyed
hash and positions, nothing of the text, and a seal, so that whoever can write into the table cannot uncover
a name. What cannot be fetched is read anew: a cache that fails costs time and uncovers nothing.
"""

import asyncio
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from sqlalchemy import delete, func, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from gateway.database import Database
from gateway.errors import CloisterError
from gateway.identities import NameSpansRow
from gateway.keys import Envelope
from gateway.telemetry import NAMES_FOUND, log
from redaction import MemorySpanCache, Span, pack_spans, span_digest, unpack_spans

from .settings import NamesSettings

_PURPOSE: Final = "ner-cache"
_FETCH_S: Final = 1.0
_AWAY_S: Final = 5.0
_WRITE_EVERY_S: Final = 1.0
_BATCH: Final = 500
_UNWRITTEN_AT_MOST: Final = 20_000
_SEAL: Final = 16
_SWEEP_LOCK: Final = 0x5EED
_SWEEP_AT_ONCE: Final = 20_000
_FAST: Final = text("SET LOCAL synchronous_commit = off")  # what is lost is read again
_INSERT: Final = text(
    "INSERT INTO gateway.name_spans (digest, spans)"
    " SELECT * FROM unnest(CAST(:digests AS bytea[]), CAST(:sealed AS bytea[]))"
    " ON CONFLICT (digest) DO UPDATE SET spans = excluded.spans, used_on = CURRENT_DATE"
)
_SOURCE_NUMBER: Final = re.compile(r"\[\d{1,3}\] ")
_NO_SPANS: Final = ()


class RememberedNames:
    """What the name detectors said of texts, by keyed hash of text, detectors and policy."""

    def __init__(self, database: Database, envelope: Envelope, settings: NamesSettings) -> None:
        self._database = database
        self._envelope = envelope
        self._kept = settings.kept
        self._memory = MemorySpanCache(settings.remembered)
        self._clean = MemorySpanCache(settings.remembered)
        self._unwritten: dict[bytes, bytes] = {}
        self._used_again: set[bytes] = set()
        self._away_until = 0.0
        self._written = settings.kept  # so that the first writing sweeps
        self._writing = asyncio.Lock()

    async def recall(self, texts: Collection[str], version: str) -> dict[str, list[Span]]:
        """The spans of those texts that detectors of this `version` have read. Raises `KeeperUnavailable`."""
        key = await self._envelope.hash_key(_PURPOSE)
        known: dict[str, list[Span]] = {}
        missing: dict[bytes, str] = {}
        for each in texts:
            digest = span_digest(each, key, version)
            spans = self._memory.get(digest)
            if spans is None:
                missing[digest] = each
            else:
                known[each] = list(spans)
        NAMES_FOUND.labels("memory").inc(len(known))
        fetched = await self._fetch(list(missing)) if missing and self._kept else {}
        for digest, found in fetched.items():
            self._memory.put(digest, found)
            known[missing[digest]] = found
        NAMES_FOUND.labels("table").inc(len(fetched))
        return known

    async def learn(self, found: Mapping[str, Sequence[Span]], version: str) -> None:
        """Keep what the detectors found just now; the table gets it a moment later."""
        key = await self._envelope.hash_key(_PURPOSE)
        for each, spans in found.items():
            digest = span_digest(each, key, version)
            self._memory.put(digest, spans)
            if self._kept and len(self._unwritten) < _UNWRITTEN_AT_MOST:
                self._unwritten[digest] = pack_spans(spans)

    async def learn_clean(self, redacted: Iterable[str], version: str) -> None:
        """Redacted texts were read a moment ago: what is left in them, or in a line of them, is no name.

        They are of one conversation, so the table does not get them.
        """
        key = await self._envelope.hash_key(_PURPOSE)
        for each in redacted:
            self._memory.put(span_digest(each, key, version), _NO_SPANS)
            for line in _lines(each):
                self._clean.put(span_digest(line, key, version), _NO_SPANS)

    async def is_clean(self, tokenised: str, version: str) -> bool:
        """Whether a text is put together of lines that were read, and their names masked, before."""
        key = await self._envelope.hash_key(_PURPOSE)
        return all(self._clean.get(span_digest(line, key, version)) is not None for line in _lines(tokenised))

    async def follow(self) -> None:
        """Write what was learnt, until cancelled; what fails is tried again."""
        while True:
            await asyncio.sleep(_WRITE_EVERY_S)
            try:
                await self.write()
            except (CloisterError, SQLAlchemyError) as error:
                log.warning("names.not_kept", kind=type(error).__name__)
                await asyncio.sleep(_AWAY_S)

    async def write(self) -> None:
        """Write everything that was learnt into the table, and keep that within its size.

        Raises `PartUnavailable` or SQLAlchemy's errors; then it is still to be written.
        """
        async with self._writing:
            while self._unwritten or self._used_again:
                batch = dict(list(self._unwritten.items())[:_BATCH])
                used = sorted(self._used_again)[:_BATCH]
                await self._write(batch, used)
                for digest in batch:
                    self._unwritten.pop(digest, None)
                self._used_again.difference_update(used)
                self._written += len(batch)
            if self._written > self._kept // 20:
                await self._sweep()
                self._written = 0

    async def _fetch(self, digests: Sequence[bytes]) -> dict[bytes, list[Span]]:
        if time.monotonic() < self._away_until:
            return {}
        try:
            async with asyncio.timeout(_FETCH_S), self._database.transaction() as session:
                there = select(
                    NameSpansRow.digest, NameSpansRow.spans, col(NameSpansRow.used_on) < func.current_date()
                )
                found = await session.exec(there.where(col(NameSpansRow.digest).in_(digests)))
                rows = [(bytes(digest), bytes(spans), bool(old)) for digest, spans, old in found]
        except (CloisterError, SQLAlchemyError, TimeoutError) as error:
            log.warning("names.not_recalled", kind=type(error).__name__)
            self._away_until = time.monotonic() + _AWAY_S
            return {}
        key = await self._envelope.hash_key(f"{_PURPOSE} seal")
        fetched = {}
        for digest, spans, old in rows:
            opened = _opened(spans, digest, key)
            if opened is None:
                log.warning("names.seal_broken")
                continue
            fetched[digest] = opened
            if old:
                self._used_again.add(digest)
        return fetched

    async def _write(self, batch: Mapping[bytes, bytes], used: Sequence[bytes]) -> None:
        key = await self._envelope.hash_key(f"{_PURPOSE} seal")
        async with self._database.transaction() as session:
            connection = await session.connection()
            await connection.execute(_FAST)
            if batch:
                digests = sorted(batch)
                sealed = [batch[digest] + _seal(batch[digest], digest, key) for digest in digests]
                await connection.execute(_INSERT, {"digests": digests, "sealed": sealed})
            if used:
                mine = update(NameSpansRow).where(col(NameSpansRow.digest).in_(used))
                await session.exec(mine.values(used_on=func.current_date()))

    async def _sweep(self) -> None:
        """Take out what was not asked for the longest; one door at a time."""
        async with self._database.transaction() as session:
            if not (await session.exec(select(func.pg_try_advisory_xact_lock(_SWEEP_LOCK)))).one():
                return
            there = (await session.exec(select(func.count()).select_from(NameSpansRow))).one()
            over = min(there - self._kept, _SWEEP_AT_ONCE)
            if over > 0:
                oldest = select(NameSpansRow.digest).order_by(col(NameSpansRow.used_on)).limit(over)
                await session.exec(delete(NameSpansRow).where(col(NameSpansRow.digest).in_(oldest)))
                log.info("names.swept", rows=over)


def _lines(each: str) -> list[str]:
    """Lines as they are compared: a number of a source before its title is not part of it."""
    return [_SOURCE_NUMBER.sub("", line, count=1) for line in each.splitlines() if line.strip()]


def _seal(packed: bytes, digest: bytes, key: bytes) -> bytes:
    return blake2b(digest + packed, key=key, digest_size=_SEAL).digest()


def _opened(stored: bytes, digest: bytes, key: bytes) -> list[Span] | None:
    """The spans of a row, None where somebody else wrote it."""
    packed, seal = stored[:-_SEAL], stored[-_SEAL:]
    if not compare_digest(seal, _seal(packed, digest, key)):
        return None
    try:
        return unpack_spans(packed)
    except ValueError:
        return None
