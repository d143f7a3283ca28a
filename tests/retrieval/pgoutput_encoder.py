"""Writes messages of `pgoutput` as PostgreSQL does, after its documentation and not after our parser."""

import struct
from datetime import UTC, datetime, timedelta

from retrieval.sync.decoding import pgoutput as p

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def encode(message: p.Message, *, in_piece: bool = False) -> bytes:
    """The bytes of one message; within a piece of an open transaction some carry its number."""
    kind, body = _body(message)
    xid = getattr(message, "xid", None)
    mark = struct.pack("!I", xid) if in_piece and kind in "RYIUDTM" else b""
    return kind.encode() + mark + body


def _body(message: p.Message) -> tuple[str, bytes]:
    match message:
        case p.Begin(final_lsn, at, xid):
            return "B", struct.pack("!QqI", final_lsn, _time(at), xid)
        case p.Commit(lsn, end_lsn, at):
            return "C", struct.pack("!BQQq", 0, lsn, end_lsn, _time(at))
        case p.Origin(lsn, name):
            return "O", struct.pack("!Q", lsn) + _string(name)
        case p.Relation(number, schema, table, identity, columns):
            head = struct.pack("!I", number) + _string(schema) + _string(table) + identity.encode()
            each = [
                bytes([one.in_key]) + _string(one.name) + struct.pack("!Ii", one.type_oid, one.modifier)
                for one in columns
            ]
            return "R", head + struct.pack("!H", len(columns)) + b"".join(each)
        case p.TypeName(number, schema, name):
            return "Y", struct.pack("!I", number) + _string(schema) + _string(name)
        case p.Insert(relation, new):
            return "I", struct.pack("!I", relation) + b"N" + _values(new)
        case p.Update(relation, old, old_kind, new):
            before = b"" if old is None else (b"K" if old_kind == "key" else b"O") + _values(old)
            return "U", struct.pack("!I", relation) + before + b"N" + _values(new)
        case p.Delete(relation, old, old_kind):
            return "D", struct.pack("!I", relation) + (b"K" if old_kind == "key" else b"O") + _values(old)
        case p.Truncate(relations, cascade, restart):
            numbers = b"".join(struct.pack("!I", one) for one in relations)
            return "T", struct.pack("!IB", len(relations), cascade | restart << 1) + numbers
        case p.LogicalMessage(transactional, lsn, prefix, content):
            head = struct.pack("!BQ", transactional, lsn) + _string(prefix)
            return "M", head + struct.pack("!I", len(content)) + content
        case p.StreamStart(xid, first):
            return "S", struct.pack("!IB", xid, first)
        case p.StreamStop():
            return "E", b""
        case p.StreamCommit(xid, lsn, end_lsn, at):
            return "c", struct.pack("!IBQQq", xid, 0, lsn, end_lsn, _time(at))
        case p.StreamAbort(xid, subxid):
            return "A", struct.pack("!II", xid, subxid)


def _values(values: p.Values) -> bytes:
    found = struct.pack("!H", len(values))
    for value in values:
        if value is None:
            found += b"n"
        elif isinstance(value, str):
            text = value.encode()
            found += b"t" + struct.pack("!I", len(text)) + text
        else:
            found += b"u"
    return found


def _string(text: str) -> bytes:
    return text.encode() + b"\0"


def _time(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
