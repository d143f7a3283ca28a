"""The messages of PostgreSQL's built-in output plugin `pgoutput`, protocol versions 1 and 2.

Format: PostgreSQL documentation, "Logical Replication Message Formats". Values are read as text.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Literal

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Garbled(Exception):
    """A message that no known version of the protocol has; its text never holds a value."""


class Absent(Enum):
    """Why a value does not travel."""

    UNCHANGED = "a long value outside of its row that did not change"


Value = str | None | Literal[Absent.UNCHANGED]
Values = tuple[Value, ...]
OldKind = Literal["key", "row"]


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction; everything until its `Commit` belongs to it."""

    final_lsn: int
    at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The end of a transaction. Whoever confirms `end_lsn` is not told of it again."""

    lsn: int
    end_lsn: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """The transaction came from elsewhere by replication."""

    lsn: int
    name: str


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A published column; `in_key` says that it belongs to the replica identity."""

    in_key: bool
    name: str
    type_oid: int
    modifier: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it is from here on: sent before its first change, and again when it has changed."""

    id: int
    schema: str
    table: str
    identity: str
    columns: tuple[RelationColumn, ...]
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type that is not built in."""

    id: int
    schema: str
    name: str
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class Insert:
    relation: int
    new: Values
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """`old` travels when the replica identity changed, as its columns alone (`key`) or as a whole `row`."""

    relation: int
    old: Values | None
    old_kind: OldKind | None
    new: Values
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    relation: int
    old: Values
    old_kind: OldKind
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class Truncate:
    relations: tuple[int, ...]
    cascade: bool
    restart_identity: bool
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class LogicalMessage:
    """What somebody wrote with `pg_logical_emit_message`."""

    transactional: bool
    lsn: int
    prefix: str
    content: bytes
    xid: int | None = None


@dataclass(frozen=True, slots=True)
class StreamStart:
    """A piece of a transaction that has not ended; until `StreamStop` messages say whose they are."""

    xid: int
    first: bool


@dataclass(frozen=True, slots=True)
class StreamStop:
    pass


@dataclass(frozen=True, slots=True)
class StreamCommit:
    """A transaction that came in pieces is committed."""

    xid: int
    lsn: int
    end_lsn: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StreamAbort:
    """A transaction that came in pieces, or with another `subxid` a part of it, was rolled back."""

    xid: int
    subxid: int


Message = (
    Begin
    | Commit
    | Origin
    | Relation
    | TypeName
    | Insert
    | Update
    | Delete
    | Truncate
    | LogicalMessage
    | StreamStart
    | StreamStop
    | StreamCommit
    | StreamAbort
)


class Parser:
    """Reads one stream's messages in their order: within a streamed piece they carry one field more."""

    def __init__(self) -> None:
        self._in_piece = False

    def parse(self, payload: bytes) -> Message:
        """One message. Raises `Garbled`."""
        reader = _Reader(payload)
        kind = chr(reader.byte())
        read = _READERS.get(kind)
        if read is None:
            raise Garbled(f"the stream holds a message of an unknown kind ({kind!r})")
        xid = reader.uint32() if self._in_piece and kind in _CARRY_XID else None
        try:
            message = read(reader, xid)
        except UnicodeDecodeError as error:
            raise Garbled(f"a message of kind {kind!r} holds text that is not UTF-8") from error
        reader.end()
        if isinstance(message, StreamStart | StreamStop):
            self._in_piece = isinstance(message, StreamStart)
        return message


class _Reader:
    """Takes fields off the front of a message."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def byte(self) -> int:
        return self._take(1)[0]

    def uint16(self) -> int:
        return int(struct.unpack("!H", self._take(2))[0])

    def uint32(self) -> int:
        return int(struct.unpack("!I", self._take(4))[0])

    def int32(self) -> int:
        return int(struct.unpack("!i", self._take(4))[0])

    def uint64(self) -> int:
        return int(struct.unpack("!Q", self._take(8))[0])

    def time(self) -> datetime:
        (microseconds,) = struct.unpack("!q", self._take(8))
        try:
            return _EPOCH + timedelta(microseconds=microseconds)
        except OverflowError as error:
            raise Garbled("a message holds a time that no calendar has") from error

    def string(self) -> str:
        end = self._payload.find(b"\0", self._at)
        if end < 0:
            raise Garbled("a message ends within a name")
        found = self._payload[self._at : end].decode()
        self._at = end + 1
        return found

    def sized(self) -> bytes:
        return self._take(self.uint32())

    def values(self) -> Values:
        return tuple(self._value() for _ in range(self.uint16()))

    def end(self) -> None:
        if self._at != len(self._payload):
            raise Garbled("a message is longer than its fields")

    def _value(self) -> Value:
        match chr(self.byte()):
            case "n":
                return None
            case "u":
                return Absent.UNCHANGED
            case "t":
                return self.sized().decode()
            case other:
                raise Garbled(f"a row holds a value of an unknown form ({other!r})")

    def _take(self, size: int) -> bytes:
        found = self._payload[self._at : self._at + size]
        if len(found) != size:
            raise Garbled("a message ends within a field")
        self._at += size
        return found


def _begin(reader: _Reader, _xid: int | None) -> Begin:
    return Begin(reader.uint64(), reader.time(), reader.uint32())


def _commit(reader: _Reader, _xid: int | None) -> Commit:
    reader.byte()  # flags, none in use
    return Commit(reader.uint64(), reader.uint64(), reader.time())


def _origin(reader: _Reader, _xid: int | None) -> Origin:
    return Origin(reader.uint64(), reader.string())


def _relation(reader: _Reader, xid: int | None) -> Relation:
    number, schema, table = reader.uint32(), reader.string(), reader.string()
    identity = chr(reader.byte())
    columns = tuple(
        RelationColumn(bool(reader.byte() & 1), reader.string(), reader.uint32(), reader.int32())
        for _ in range(reader.uint16())
    )
    return Relation(number, schema, table, identity, columns, xid)


def _type(reader: _Reader, xid: int | None) -> TypeName:
    return TypeName(reader.uint32(), reader.string(), reader.string(), xid)


def _insert(reader: _Reader, xid: int | None) -> Insert:
    relation = reader.uint32()
    _expect(reader.byte(), "N")
    return Insert(relation, reader.values(), xid)


def _update(reader: _Reader, xid: int | None) -> Update:
    relation, mark = reader.uint32(), reader.byte()
    if chr(mark) == "N":
        return Update(relation, None, None, reader.values(), xid)
    kind, old = _old_kind(mark), reader.values()
    _expect(reader.byte(), "N")
    return Update(relation, old, kind, reader.values(), xid)


def _delete(reader: _Reader, xid: int | None) -> Delete:
    relation, kind = reader.uint32(), _old_kind(reader.byte())
    return Delete(relation, reader.values(), kind, xid)


def _truncate(reader: _Reader, xid: int | None) -> Truncate:
    count, options = reader.uint32(), reader.byte()
    relations = tuple(reader.uint32() for _ in range(count))
    return Truncate(relations, bool(options & 1), bool(options & 2), xid)


def _message(reader: _Reader, xid: int | None) -> LogicalMessage:
    flags, lsn, prefix = reader.byte(), reader.uint64(), reader.string()
    return LogicalMessage(bool(flags & 1), lsn, prefix, reader.sized(), xid)


def _stream_start(reader: _Reader, _xid: int | None) -> StreamStart:
    return StreamStart(reader.uint32(), bool(reader.byte()))


def _stream_stop(_reader: _Reader, _xid: int | None) -> StreamStop:
    return StreamStop()


def _stream_commit(reader: _Reader, _xid: int | None) -> StreamCommit:
    xid = reader.uint32()
    reader.byte()  # flags, none in use
    return StreamCommit(xid, reader.uint64(), reader.uint64(), reader.time())


def _stream_abort(reader: _Reader, _xid: int | None) -> StreamAbort:
    return StreamAbort(reader.uint32(), reader.uint32())


def _old_kind(mark: int) -> OldKind:
    match chr(mark):
        case "K":
            return "key"
        case "O":
            return "row"
        case other:
            raise Garbled(f"an old row is of an unknown kind ({other!r})")


def _expect(found: int, wanted: str) -> None:
    if chr(found) != wanted:
        raise Garbled(f"a message has {chr(found)!r} where {wanted!r} belongs")


_READERS: Final[Mapping[str, Callable[[_Reader, int | None], Message]]] = {
    "B": _begin,
    "C": _commit,
    "O": _origin,
    "R": _relation,
    "Y": _type,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
    "M": _message,
    "S": _stream_start,
    "E": _stream_stop,
    "c": _stream_commit,
    "A": _stream_abort,
}
_CARRY_XID: Final = frozenset("RYIUDTM")
