"""What the index holds, as this process, its only writer, knows it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from retrieval.index import Index, IndexedRow, Known, Waiting


class Mirror:
    """The index and a picture of it in memory, changed together, one writer at a time.

    While another generation is filled `beside` it, that one is written too.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: dict[str, dict[str, Known]] = {}
        self._writing = asyncio.Lock()
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

    async def flush(self) -> None:
        """Make all that was written durable."""
        await self._index.flush()
        if self.beside:
            await self.beside.flush()

    async def become(self, other: "Mirror") -> None:
        """Be the mirror of the generation that was filled beside."""
        async with self._writing, other._writing:
            self._index, self._known, self.beside = other._index, other._known, None

    async def bring(self, rows: Sequence[IndexedRow], force: Collection[str] = ()) -> list[IndexedRow]:
        """Write what differs, and the references of `force` in any case; gives what differed."""
        differing = [
            row
            for row in rows
            if row.ref in force or not (known := self.known(row.ref)) or known.version != row.version
        ]
        if differing:
            await self.put(differing)
        if self.beside:
            await self.beside.bring(rows, force)
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
        async with self._writing:
            rows = self._known.get(kind, {})
            present = [key for key in keys if key in rows]
            await self._index.drop([point for key in present for point in rows[key].points])
            for key in present:
                del rows[key]
        if self.beside:
            await self.beside.drop(kind, keys)

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
