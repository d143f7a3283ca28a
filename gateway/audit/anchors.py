"""Anchors: checkpoints brought to somebody who does not run this database, and what became of that.

Each anchor remembers how far it has come, so that one that cannot be reached gets what it missed, in order.
A checkpoint is brought after it was committed; after a crash in between it is brought again: no harm is done.
"""

import asyncio
import base64
import json
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import httpx
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.errors import PartUnavailable
from gateway.http import TlsSettings, create_http_client
from gateway.telemetry import log

from .notes import VerifierKey, held_cosignatures
from .settings import AnchorSettings, SyslogSettings, WitnessSettings
from .tables import IS_NOTE
from .tree import consistency_proof

FILE: Final = "checkpoints.jsonl"
_SECONDS: Final = 10.0
_LONGEST_WAIT: Final = 60
_BATCH: Final = 100
_LOCK: Final = 0xA2C4
_PRIORITY: Final = 13 * 8 + 5  # log audit, notice (RFC 5424, section 6.2.1)
_STATE: Final = text(
    "SELECT reached, tries, coalesce(next_try <= clock_timestamp(), true) AS due"
    " FROM gateway.audit_anchor WHERE name = :name"
)
_PENDING: Final = text(
    "SELECT sequence, signed, at FROM gateway.audit_checkpoint c"  # noqa: S608 - constants
    f" WHERE sequence > :reached AND {IS_NOTE.format('c')} ORDER BY sequence LIMIT :batch"
)
_REACHED: Final = text(
    "INSERT INTO gateway.audit_anchor (name, reached) VALUES (:name, :reached) ON CONFLICT (name) DO UPDATE"
    " SET reached = :reached, tries = 0, reason = '', failing_since = NULL, next_try = NULL"
)
_FAILED: Final = text(
    "INSERT INTO gateway.audit_anchor AS a (name, tries, reason, failing_since, next_try) VALUES"
    " (:name, 1, :reason, clock_timestamp(), clock_timestamp() + make_interval(secs => :wait))"
    " ON CONFLICT (name) DO UPDATE SET tries = a.tries + 1, reason = :reason, next_try = excluded.next_try,"
    " failing_since = coalesce(a.failing_since, excluded.failing_since)"
)
_COSIGNED: Final = text(
    "INSERT INTO gateway.audit_cosignature (sequence, witness, line) VALUES (:sequence, :witness, :line)"
    " ON CONFLICT DO NOTHING"
)
_LATE: Final = text(
    "SELECT n.name, a.reason, min(c.at) AS since FROM unnest(CAST(:names AS text[])) AS n (name)"  # noqa: S608 - constants
    " LEFT JOIN gateway.audit_anchor a ON a.name = n.name"
    f" JOIN gateway.audit_checkpoint c ON c.sequence > coalesce(a.reached, 0) AND {IS_NOTE.format('c')}"
    " GROUP BY n.name, a.reason"
    " HAVING min(c.at) < clock_timestamp() - make_interval(secs => :late) ORDER BY n.name"
)
_UNSEALED: Final = text(
    "SELECT min(e.at) FROM gateway.audit_event e"
    " WHERE e.txid >= coalesce((SELECT l.txid FROM gateway.audit_seal s JOIN gateway.audit_event l"
    " ON l.id = s.event_id ORDER BY s.sequence DESC LIMIT 1), 0)"
    " AND e.at < clock_timestamp() - make_interval(secs => :late)"
    " AND NOT EXISTS (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id)"
)
_UNSIGNED: Final = text(
    "SELECT sealed_at FROM gateway.audit_seal WHERE sequence ="
    " (SELECT coalesce(max(sequence), 0) + 1 FROM gateway.audit_checkpoint)"
    " AND sealed_at < clock_timestamp() - make_interval(secs => :late)"
)


class AnchorFailed(Exception):
    """An anchor did not take a checkpoint; the message says why."""


@dataclass(frozen=True)
class Signed:
    """A checkpoint to be anchored."""

    size: int
    note: str
    at: datetime

    def line(self) -> str:
        """As anchors keep it."""
        return json.dumps({"size": self.size, "at": self.at.isoformat(), "note": self.note})


@dataclass(frozen=True)
class Cosignature:
    """A witness's signature line under a checkpoint."""

    size: int
    witness: str
    line: str


class Anchor(Protocol):
    """Somewhere else."""

    name: str

    async def take(
        self, session: AsyncSession, heads: Sequence[Signed], reached: int, /
    ) -> Cosignature | None:
        """Keep checkpoints, which come in order; a witness's word for the last of them, if it gives one.

        Raises `AnchorFailed`; some may then be kept already.
        """


class FileAnchor:
    """A file that is only appended to, on storage of somebody else's; in another folder it begins anew."""

    def __init__(self, folder: Path) -> None:
        self.name = f"file:{folder}"
        self._path = folder / FILE

    async def take(
        self, _session: AsyncSession, heads: Sequence[Signed], _reached: int
    ) -> Cosignature | None:
        lines = "".join(head.line() + "\n" for head in heads)
        try:
            await asyncio.to_thread(_append_durably, self._path, lines)
        except OSError as error:
            raise AnchorFailed(f"{self._path} cannot be written ({error.strerror})") from error
        return None


class SyslogAnchor:
    """A log host, with RFC 5424 messages in octet-counted frames over TLS (RFC 5425).

    Syslog gives no receipt: that a message was sent is all that is known.
    """

    def __init__(self, settings: SyslogSettings) -> None:
        self.name = f"syslog:{settings.host}:{settings.port}"
        self._settings = settings

    async def take(
        self, _session: AsyncSession, heads: Sequence[Signed], _reached: int
    ) -> Cosignature | None:
        host, port = self._settings.host, self._settings.port
        try:
            async with asyncio.timeout(_SECONDS):
                reader, writer = await asyncio.open_connection(host, port, ssl=_context(self._settings.tls))
                try:
                    for head in heads:
                        writer.write(frame(head))
                    await writer.drain()
                    if reader.at_eof():
                        raise AnchorFailed(f"{host} closed the connection")
                finally:
                    writer.close()
                    await writer.wait_closed()
        except TimeoutError as error:
            raise AnchorFailed(f"{host} did not answer in time") from error
        except (OSError, ssl.SSLError) as error:
            raise AnchorFailed(f"{host} cannot be reached ({type(error).__name__})") from error
        return None


class WitnessAnchor:
    """A C2SP `tlog-witness`: takes a head with a proof that it grew out of the last, and cosigns it."""

    def __init__(self, settings: WitnessSettings) -> None:
        self._key = VerifierKey.parse(settings.key)
        self.name = f"witness:{self._key.name}"
        self._settings = settings

    async def take(self, session: AsyncSession, heads: Sequence[Signed], reached: int) -> Cosignature | None:
        head = heads[-1]
        async with create_http_client(
            self._settings.url.rstrip("/"), tls=self._settings.tls, timeout=_SECONDS
        ) as client:
            try:
                answer = await self._ask(client, session, head, reached)
                if answer.status_code == httpx.codes.CONFLICT and answer.text.strip().isdecimal():
                    known = int(answer.text)
                    if known > head.size:
                        raise AnchorFailed(f"it has seen {known} events, and there are {head.size}")
                    answer = await self._ask(client, session, head, known)
            except httpx.HTTPError as error:
                raise AnchorFailed(f"it cannot be reached ({type(error).__name__})") from error
        if answer.status_code != httpx.codes.OK:
            raise AnchorFailed(f"it answered with status {answer.status_code}")
        lines = held_cosignatures(answer.text, head.note, self._key)
        if not lines:
            raise AnchorFailed("its answer holds no cosignature of its key")
        return Cosignature(head.size, self._key.name, lines[0])

    async def _ask(
        self, client: httpx.AsyncClient, session: AsyncSession, head: Signed, old: int
    ) -> httpx.Response:
        return await client.post("/add-checkpoint", content=await add_checkpoint(session, head, old))


async def add_checkpoint(session: AsyncSession, head: Signed, old: int) -> str:
    """The body of a witness's `add-checkpoint`."""
    proof = await consistency_proof(session, old, head.size)
    lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", head.note]
    return "\n".join(lines)


def frame(head: Signed) -> bytes:
    """A syslog message with its length before it (RFC 5425, section 4.3)."""
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = f"<{_PRIORITY}>1 {stamp} {socket.gethostname() or '-'} cloister {os.getpid()} checkpoint -"
    message = f"{fields} {head.line()}".encode()
    return b"%d %s" % (len(message), message)


class Anchoring:
    """Brings checkpoints to every anchor; any number of processes may try, one at a time does."""

    def __init__(self, database: Database, settings: AnchorSettings) -> None:
        self._database = database
        self._late = settings.late_s
        self.anchors: list[Anchor] = [FileAnchor(settings.folder)]
        if settings.syslog:
            self.anchors.append(SyslogAnchor(settings.syslog))
        if settings.witness:
            self.anchors.append(WitnessAnchor(settings.witness))

    async def deliver(self) -> int:
        """Bring what each anchor lacks; gives how many checkpoints were taken. A failure is retried."""
        return sum([await self._deliver(anchor) for anchor in self.anchors])

    async def check(self) -> None:
        """Raise `PartUnavailable` when seals, checkpoints or an anchor are behind for too long."""
        names = [anchor.name for anchor in self.anchors]
        async with self._database.transaction() as session:
            connection = await session.connection()
            unsealed = (await connection.execute(_UNSEALED, {"late": self._late})).scalar_one_or_none()
            unsigned = (await connection.execute(_UNSIGNED, {"late": self._late})).scalar_one_or_none()
            late = (await connection.execute(_LATE, {"names": names, "late": self._late})).all()
        if unsealed:
            raise PartUnavailable("record", f"Events are not sealed since {unsealed:%H:%M} UTC; see the log.")
        if unsigned:
            sentence = f"The record is sealed, but no checkpoint is signed since {unsigned:%H:%M} UTC."
            raise PartUnavailable("record", sentence)
        if late:
            behind = "; ".join(
                f"{row.name} since {row.since:%H:%M} UTC: {row.reason or 'late'}" for row in late
            )
            raise PartUnavailable("anchors", f"The record is sealed, but not anchored ({behind}).")

    async def _deliver(self, anchor: Anchor) -> int:
        """Bring what an anchor lacks. Nothing is written meanwhile: the sealer waits for whoever writes."""
        async with self._database.transaction() as session:
            connection = await session.connection()
            lock = text("SELECT pg_try_advisory_xact_lock(:lock, hashtext(:name))")
            if not (await connection.execute(lock, {"lock": _LOCK, "name": anchor.name})).scalar_one():
                return 0
            state = (await connection.execute(_STATE, {"name": anchor.name})).one_or_none()
            if state and not state.due:
                return 0
            pending = {"reached": state.reached if state else 0, "batch": _BATCH}
            rows = (await connection.execute(_PENDING, pending)).all()
            if not rows:
                return 0
            heads = [Signed(row.sequence, row.signed, row.at) for row in rows]
            try:
                word = await anchor.take(session, heads, pending["reached"])
            except AnchorFailed as error:
                await self._failed(anchor.name, str(error), state.tries if state else 0)
                return 0
            await self._taken(anchor.name, heads[-1].size, word)
            return len(heads)

    async def _failed(self, name: str, reason: str, tries: int) -> None:
        wait = min(2**tries, _LONGEST_WAIT)
        log.warning("audit.anchor_failed", anchor=name, reason=reason, again_in_s=wait)
        async with self._database.transaction() as session:
            connection = await session.connection()
            await connection.execute(_FAILED, {"name": name, "reason": reason, "wait": wait})

    async def _taken(self, name: str, size: int, word: Cosignature | None) -> None:
        async with self._database.transaction() as session:
            connection = await session.connection()
            if word:
                row = {"sequence": word.size, "witness": word.witness, "line": word.line}
                await connection.execute(_COSIGNED, row)
            await connection.execute(_REACHED, {"name": name, "reached": size})


def _context(tls: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    if tls.certificate_file:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    return context


def _append_durably(path: Path, lines: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = (
            size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        )  # a disk was full, or a host went down
        rest = (b"\n" if is_torn else b"") + lines.encode()
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
