"""What the index holds, as this process, its only writer, knows it."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Final

from gateway import CloisterError, log
from retrieval.index import Index, IndexedChunk, IndexedRow, IndexFailed, Known, Sparse, Waiting

_SCRATCH: Final = "~scratch"


class Mirror:
    """The index and a picture of it in memory, changed together, one writer at a time.

    While another generation is filled `beside` it, that one is written too; when it does not take what this
    one took, it is let go.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: dict[str, dict[str, Known]] = {}
        self._writing = asyncio.Lock()
        self._unflushed = False
        self.beside: Mirror | None = None

    @property
    def index(self) -> Index:
        """What is written to."""
        return self._index

    async def load(self) -> None:
        """Read what the index holds."""
        async with self._writing:
            self._known = await self._index.load()
        if self.beside:
            await self.beside.load()

    @property
    def unflushed(self) -> bool:
        """Whether rows were written or taken out since all was last durable."""
        return self._unflushed or (self.beside is not None and self.beside.unflushed)

    async def flush(self) -> None:
        """Make all that was written durable."""
        self._unflushed = False  # before: what is written meanwhile is for the next one
        try:
            await self._index.flush()
        except BaseException:
            self._unflushed = True
            raise
        if beside := self.beside:
            await self._also(beside, beside.flush())

    async def prove(self, kind: str) -> None:
        """Write a row that means nothing and take it out. Raises `IndexFailed` when the engine takes none."""
        chunk = IndexedChunk(_SCRATCH, 0, _SCRATCH, Sparse([1], [1.0]), wants_vector=False)
        row = IndexedRow(kind, _SCRATCH, _SCRATCH, "", "", (), (), (chunk,))
        async with self._writing:
            written = await self._index.put([row], {})
            await self._index.drop(list(written[row.ref].points))
            await self._index.flush()

    async def become(self, other: "Mirror") -> None:
        """Be the mirror of the generation that was filled beside. Raises `IndexFailed` when it was let go."""
        async with self._writing, other._writing:
            if self.beside is not other:
                raise IndexFailed
            self._index, self._known, self.beside = other._index, other._known, None
            self._unflushed = self._unflushed or other._unflushed

    async def bring(self, rows: Sequence[IndexedRow], force: Collection[str] = ()) -> list[IndexedRow]:
        """Write what differs, and the references of `force` in any case; gives what differed."""
        beside = self.beside
        differing = [
            row
            for row in rows
            if row.ref in force or not (known := self.known(row.ref)) or known.version != row.version
        ]
        if differing:
            await self.put(differing)
        if beside:
            await self._also(beside, beside.bring(rows, force))
        return differing

    def rows(self, kind: str) -> Mapping[str, Known]:
        """Rows of a kind, by key."""
        return self._known.get(kind, {})

    def known(self, ref: str) -> Known | None:
        """One row."""
        kind, _, key = ref.partition(":")
        return self._known.get(kind, {}).get(key)

    async def put(self, rows: Sequence[IndexedRow]) -> None:
        """Make the index hold exactly these rows' pieces."""
        async with self._writing:
            self._unflushed = True
            before = {row.ref: known for row in rows if (known := self.known(row.ref))}
            try:
                after = await self._index.put(rows, before)
            except BaseException:
                # How much of it was written is not known here: what it holds is read again.
                self._known = await self._index.load()
                raise
            for row in rows:
                self._known.setdefault(row.kind, {})[row.key] = after[row.ref]

    async def drop(self, kind: str, keys: Collection[str]) -> None:
        """Take rows out for good."""
        beside = self.beside
        async with self._writing:
            rows = self._known.get(kind, {})
            present = [key for key in keys if key in rows]
            self._unflushed = self._unflushed or bool(present)
            await self._index.drop([point for key in present for point in rows[key].points])
            for key in present:
                del rows[key]
        if beside:
            await self._also(beside, beside.drop(kind, keys))

    async def add_vectors(self, vectors: Mapping[Waiting, Sequence[float]]) -> int:
        """Give pieces their vectors, except those that have changed since; the number given."""
        async with self._writing:
            current = {
                piece.id: vector
                for piece, vector in vectors.items()
                if (known := self.known(f"{piece.kind}:{piece.key}"))
                and known.points.get(piece.id) == piece.digest
            }
            await self._index.add_vectors(current)
            return len(current)

    async def _also(self, beside: "Mirror", write: Awaitable[object]) -> None:
        """Write to the generation that is being filled: what is wrong with it is no fault of the rows."""
        try:
            await write
        except CloisterError as error:
            if self._index is beside._index:  # it is the one that is asked by now
                raise
            log.warning("sync.generation_let_go", reason=type(error).__name__)
            if self.beside is beside:
                self.beside = None
