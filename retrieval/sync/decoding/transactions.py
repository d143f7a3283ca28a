"""From messages to committed transactions: which rows of which kinds each of them touched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from .pgoutput import (
    Absent,
    Begin,
    Commit,
    Delete,
    Garbled,
    Insert,
    Message,
    Relation,
    StreamAbort,
    StreamCommit,
    StreamStart,
    StreamStop,
    Truncate,
    Update,
    Values,
)

MANY: Final = 100_000
"""A transaction that touches more rows of a kind is told as "all of the kind"."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where the key of a `kind` stands in a table. With `own` the table's rows are the kind's rows; else they
    move them. When it is not `covered`, somebody else looks for what the stream cannot tell."""

    kind: str
    column: str
    own: bool = True
    covered: bool = True


class Routes(Protocol):
    """Which kinds a table is about."""

    def of(self, schema: str, table: str) -> Sequence[Route]:
        """None for a table that nobody mapped."""


@dataclass(slots=True)
class Touched:
    """Keys of rows by kind; kinds of which all was touched."""

    rows: dict[str, set[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)

    def add(self, kind: str, key: str) -> None:
        if kind in self.whole:
            return
        rows = self.rows.setdefault(kind, set())
        rows.add(key)
        if len(rows) > MANY:
            self.everything(kind)

    def everything(self, kind: str) -> None:
        self.whole.add(kind)
        self.rows.pop(kind, None)

    def merge(self, later: "Touched") -> None:
        """Take what a later transaction touched on top."""
        for kind in later.whole:
            self.everything(kind)
        for kind, rows in later.rows.items():
            if kind not in self.whole:
                self.rows.setdefault(kind, set()).update(rows)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values()) + len(self.whole)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A committed one. Whoever confirms `end_lsn` is not told of it again."""

    touched: Touched
    xid: int
    end_lsn: int
    at: datetime


class Assembler:
    """Takes a stream's messages in their order and gives each transaction at its commit.

    A piece of a transaction that has not ended is kept until it commits, as keys alone, or is rolled back.
    What a rolled-back savepoint touched may be told nevertheless: rows are read again, so that does no harm.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._relations: dict[int, Relation] = {}
        self._tables: dict[int, _Table] = {}
        self._current: Touched | None = None
        self._xid = 0
        self._open: dict[int, Touched] = {}

    @property
    def between(self) -> bool:
        """Whether no transaction is half told at this moment."""
        return self._current is None

    def reroute(self, routes: Routes) -> None:
        """From here on tables are about other kinds."""
        self._routes = routes
        for relation in self._relations.values():
            self._learn(relation)

    def take(self, message: Message) -> Transaction | None:
        """The transaction that this message commits, if it does."""
        match message:
            case Begin():
                self._current, self._xid = Touched(), message.xid
            case Commit():
                touched, self._current = self._current or Touched(), None
                return Transaction(touched, self._xid, message.end_lsn, message.at)
            case StreamStart():
                self._current = self._open.setdefault(message.xid, Touched())
            case StreamStop():
                self._current = None
            case StreamCommit():
                touched = self._open.pop(message.xid, Touched())
                return Transaction(touched, message.xid, message.end_lsn, message.at)
            case StreamAbort():
                if message.xid == message.subxid:
                    self._open.pop(message.xid, None)
            case Relation():
                self._learn(message)
            case Truncate():
                self._all_of(message.relations)
            case Insert() | Update() | Delete():
                self._rows_of(message)
            case _:
                pass  # origins, types and other people's messages say nothing about rows
        return None

    def _learn(self, relation: Relation) -> None:
        self._relations[relation.id] = relation
        self._tables[relation.id] = _Table.of(relation, self._routes.of(relation.schema, relation.table))

    def _all_of(self, relations: Iterable[int]) -> None:
        for relation in relations:
            for route, _ in self._tables[relation].places if relation in self._tables else ():
                self._touched.everything(route.kind)

    def _rows_of(self, message: Insert | Update | Delete) -> None:
        table = self._tables.get(message.relation)
        if table is None:
            return
        old = None if isinstance(message, Insert) else message.old
        new = None if isinstance(message, Delete) else message.new
        for route, place in table.places:
            before, after = _value(old, place), _value(new, place)
            if before is not None:
                self._touched.add(route.kind, before)
            if after is not None:
                self._touched.add(route.kind, after)
            if before is None and after is None and route.own and route.covered:
                self._touched.everything(route.kind)  # the key did not travel: nothing narrower is known

    @property
    def _touched(self) -> Touched:
        if self._current is None:
            raise Garbled("a change stands outside of any transaction")
        return self._current


@dataclass(frozen=True, slots=True)
class _Table:
    places: tuple[tuple[Route, int], ...]

    @classmethod
    def of(cls, relation: Relation, routes: Sequence[Route]) -> "_Table":
        positions: Mapping[str, int] = {column.name: at for at, column in enumerate(relation.columns)}
        return cls(tuple((route, positions[route.column]) for route in routes if route.column in positions))


def _value(values: Values | None, place: int) -> str | None:
    if values is None or place >= len(values):
        return None
    value = values[place]
    return None if value is Absent.UNCHANGED else value
