"""A replication connection: the only module here that speaks libpq's replication protocol (`psycopg.pq`)."""

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, pq
from psycopg.errors import error_from_result

from retrieval.crm import CrmRefused, CrmUnavailable
from retrieval.crm.database import translated

from .errors import CannotDecode, SlotBusy, SlotLost

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_COMMAND_S: Final = 20.0
_STREAMS_OPEN_TRANSACTIONS: Final = 140_000  # the first version that sends them in pieces
_BUSY: Final = "55006"
_LOST: Final = "55000"
_IMPOSSIBLE: Final[Mapping[str, str]] = {
    "42501": "The CRM's role may not replicate; grant it REPLICATION (`cloister crm script` prints how).",
    "53400": "The CRM has no replication slot left; raise max_replication_slots.",
    "53300": "The CRM has no process left for replication; raise max_wal_senders.",
}


class Identity(NamedTuple):
    """Which cluster this is: the number it was given when it was created, and its timeline."""

    system: str
    timeline: str


class Change(NamedTuple):
    """A message of the output plugin, sent by the CRM at `clock`."""

    payload: bytes
    clock: datetime


class Keepalive(NamedTuple):
    """Everything before `wal_end` has been sent; with `reply` the CRM waits for a word."""

    wal_end: int
    clock: datetime
    reply: bool


class ReplicationConnection:
    """One connection that creates, drops and reads slots. Raises `CrmUnavailable` when it breaks."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pg = connection.pgconn

    @classmethod
    async def connect(cls, parameters: Mapping[str, object]) -> "ReplicationConnection":
        """Connect. Raises `CannotDecode` when the role may not replicate."""
        wanted: dict[str, Any] = {**parameters, "replication": "database", "autocommit": True}
        with _understood():
            return cls(await AsyncConnection.connect(**wanted))

    async def identify(self) -> Identity:
        """Which cluster answers."""
        found = await self._command("IDENTIFY_SYSTEM")
        return Identity(_text(found, 0), _text(found, 1))

    async def create_slot(self, name: str, max_wait: float) -> int:
        """Create a logical slot; changes committed after the position given back are kept for it.

        PostgreSQL waits for transactions that are open at this moment. Raises `CannotDecode` when they
        take longer than `max_wait` seconds.
        """
        try:
            found = await self._command(
                f"CREATE_REPLICATION_SLOT {_identifier(name)} LOGICAL pgoutput NOEXPORT_SNAPSHOT", max_wait
            )
        except TimeoutError as error:
            await self._connection.cancel_safe(timeout=5)
            raise CannotDecode(
                "A transaction in the CRM has been open for so long that no replication slot could be made."
            ) from error
        return lsn_of(_text(found, 1))

    async def drop_slot(self, name: str) -> None:
        """Drop a slot that nobody uses; what it kept is gone."""
        await self._command(f"DROP_REPLICATION_SLOT {_identifier(name)}")

    async def start(self, slot: str, publication: str) -> None:
        """Begin to receive from where the slot was confirmed last. Raises `SlotBusy` and `SlotLost`."""
        options = {"proto_version": "1", "publication_names": _identifier(publication)}
        if self._pg.server_version >= _STREAMS_OPEN_TRANSACTIONS:
            options |= {"proto_version": "2", "streaming": "on"}
        listed = ", ".join(f"{name} {_literal(value)}" for name, value in options.items())
        await self._command(f"START_REPLICATION SLOT {_identifier(slot)} LOGICAL 0/0 ({listed})")

    async def receive(self, max_wait: float) -> Change | Keepalive | None:
        """The next message, or None when there is none for `max_wait` seconds."""
        with _understood():
            while True:
                size, found = self._pg.get_copy_data(1)
                if size > 0:
                    return _message(bytes(found))
                if size == -1:
                    raise self._ended()
                if not await self._ready(asyncio.get_running_loop().add_reader, max_wait):
                    return None
                self._pg.consume_input()

    async def send_status(self, received: int, confirmed: int, *, ask: bool = False) -> None:
        """Say how far we are: the slot keeps nothing before `confirmed`. With `ask` the CRM answers."""
        clock = (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
        status = struct.pack("!cQQQqB", b"r", received, confirmed, confirmed, clock, int(ask))
        with _understood():
            self._pg.put_copy_data(status)
            await self._flush()

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()

    async def _command(self, command: str, max_wait: float = _COMMAND_S) -> pq.abc.PGresult:
        async with asyncio.timeout(max_wait):
            with _understood():
                self._pg.send_query(command.encode())
                await self._flush()
                first = await self._result()
                while first is not None and first.status != pq.ExecStatus.COPY_BOTH:
                    if await self._result() is None:
                        break
                if first is None:
                    raise CrmUnavailable("The CRM ended a replication connection without a word.")
                if first.status == pq.ExecStatus.FATAL_ERROR:
                    raise error_from_result(first)
                return first

    async def _result(self) -> pq.abc.PGresult | None:
        while self._pg.is_busy():
            await self._ready(asyncio.get_running_loop().add_reader, None)
            self._pg.consume_input()
        return self._pg.get_result()

    async def _flush(self) -> None:
        while self._pg.flush():
            await self._ready(asyncio.get_running_loop().add_writer, _COMMAND_S)

    async def _ready(self, add: Callable[..., Any], max_wait: float | None) -> bool:
        """Wait until the socket can be read, or written, whichever `add` is for."""
        loop = asyncio.get_running_loop()
        descriptor = self._pg.socket
        ready: asyncio.Future[None] = loop.create_future()
        add(descriptor, _resolve, ready)
        try:
            done, _ = await asyncio.wait({ready}, timeout=max_wait)
            return bool(done)
        finally:
            remove = loop.remove_reader if add == loop.add_reader else loop.remove_writer
            remove(descriptor)

    def _ended(self) -> Exception:
        result = self._pg.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            return error_from_result(result)
        return CrmUnavailable("The CRM ended the stream of its changes.")


def lsn_of(text: str) -> int:
    """`16/B374D848` as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)


def _message(data: bytes) -> Change | Keepalive | None:
    if data[:1] == b"w" and len(data) >= 25:
        (clock,) = struct.unpack("!q", data[17:25])
        return Change(data[25:], _EPOCH + timedelta(microseconds=clock))
    if data[:1] == b"k" and len(data) == 18:
        wal_end, clock, reply = struct.unpack("!QqB", data[1:])
        return Keepalive(wal_end, _EPOCH + timedelta(microseconds=clock), bool(reply))
    raise CrmUnavailable("The CRM sent something that is no message of its replication protocol.")


@contextmanager
def _understood() -> Iterator[None]:
    """Turn the errors of replication into ours; the rest as everywhere."""
    with translated():
        try:
            yield
        except psycopg.Error as error:
            state = error.sqlstate or ""
            said = error.diag.message_primary or ""
            if state == _BUSY:
                raise SlotBusy("Another process listens through the replication slot.") from error
            if state == _LOST and "replication slot" in said:
                raise SlotLost(f"The CRM no longer keeps what the slot needs ({said}).") from error
            if state == "42704" and "replication slot" in said:
                raise SlotLost("The replication slot was dropped in the CRM.") from error
            if state == "42704" and "publication" in said:
                raise SlotLost("The replication slot begins before there was a publication.") from error
            if state in _IMPOSSIBLE:
                raise CannotDecode(_IMPOSSIBLE[state]) from error
            if state == _LOST:
                raise CannotDecode(f"The CRM does not decode its log ({said}).") from error
            raise


def _text(result: pq.abc.PGresult, column: int) -> str:
    value = result.get_value(0, column)
    if value is None:
        raise CrmRefused("The CRM answered a replication command with nothing.")
    return value.decode()


def _resolve(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
