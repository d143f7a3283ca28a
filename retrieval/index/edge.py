"""Qdrant Edge: the vector engine inside this process. The only module that imports it."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import PartUnavailable, log
from retrieval.rights import Visibility

from .errors import IndexFailed
from .files import bytes_in, sync_tree, write_durably
from .optimise import Child
from .points import (
    BATCH,
    BREADTH,
    COMPARED_KB,
    KEYWORDS,
    WANTS_VECTOR,
    Counts,
    Hit,
    IndexedPoint,
    IndexedRow,
    Known,
    Leg,
    Point,
    Size,
    Sparse,
    Waiting,
    gather,
    hit_of,
    payload_of,
    points_of,
    rights_in,
    waiting_of,
)
from .shard import Slot

_DENSE: Final = "dense"
_TERMS: Final = "terms"
POINTER: Final = "shard"
FIRST_SHARD: Final = "s0001"
_OPTIMISED: Final = "optimised.json"
_AT_ONCE: Final = 50  # points: nothing else of this process runs while the engine writes them, some 5 ms
_ENOUGH: Final = 20_000  # so many points are compared one by one in a few milliseconds
_SHARE: Final = 0.25
_ROUNDS: Final = 50
_SCROLL: Final = 2_000
_READ: Final = ["ref", "version", "shape", "names", "size", "digest"]
_HIT: Final = ["ref", "field", "ordinal"]

T = TypeVar("T")


class Terms:
    """BM25 weights of a text (Robertson & Zaragoza 2009); what a term is worth is for the index to say."""

    def __init__(self, language: str = "english") -> None:
        import qdrant_edge

        config = qdrant_edge.Bm25Config(language=language, ascii_folding=True, avg_len=80.0)
        self._model = qdrant_edge.Bm25(config)

    def of_document(self, text: str) -> Sparse:
        """Weights by frequency and length."""
        found = self._model.embed_document(text)
        return Sparse(list(found.indices), list(found.values))

    def of_query(self, text: str) -> Sparse:
        """Each term once."""
        found = self._model.embed_query(text)
        return Sparse(list(found.indices), list(found.values))


def optimise_shard(folder: Path, compared_kb: int = COMPARED_KB) -> None:
    """Build the graphs of a closed shard. Holds the interpreter meanwhile: for a process of its own."""
    import qdrant_edge as q

    threads = max(1, (os.cpu_count() or 2) // 2)
    graph = q.HnswIndexConfig(16, 100, full_scan_threshold=compared_kb, max_indexing_threads=threads)
    kept = json.loads((folder / "edge_config.json").read_text())
    shard = q.EdgeShard.load(str(folder), _config(kept["vectors"][_DENSE]["size"], graph))
    shard.optimize()
    shard.flush()
    vectors = shard.count(q.CountRequest(filter=q.Filter(must=[q.HasVectorCondition(_DENSE)])))
    shard.close()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    (folder / _OPTIMISED).write_text(json.dumps({"at": now, "vectors": vectors}))


class EdgeIndex:
    """An index in a folder of ours; one process owns it.

    The folder holds shards and the name of the one in use; another one is there only while it is being made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        dimensions: int,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> None:
        """Open the folder, or make it. Raises `PartUnavailable` when another process has it.

        What cannot be read is put aside and filled anew from the CRM. `on_step` hears how far `tend` is.
        """
        import qdrant_edge

        self._q = qdrant_edge
        self._folder = folder
        self._model = model
        self._on_step = on_step
        self._slot = Slot(self._open(dimensions))
        self._tending = asyncio.Lock()
        self._touched: set[str] | None = None  # points written since a copy was made, while one is being made
        self._written = 0  # vectors written and points deleted since the shard was opened
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="edge")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="edge-writer")

    async def load(self) -> dict[str, dict[str, Known]]:
        return gather(await self._read(partial(self._payloads, _READ)))

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        return await self._write(partial(self._put, rows, known))

    async def drop(self, points: Sequence[str]) -> None:
        await self._write(partial(self._delete, points))

    async def waiting(self, limit: int) -> list[Waiting]:
        q = self._q
        wanted = q.Filter(
            must=[q.FieldCondition("wants", match=q.MatchValue(WANTS_VECTOR))],
            must_not=[q.HasVectorCondition(_DENSE)],
        )
        request = q.ScrollRequest(limit=limit, filter=wanted, with_payload=[*_HIT, "digest", "vdigest"])
        records, _ = await self._read(lambda shard: shard.scroll(request))
        return [waiting_of(str(record.id), record.payload) for record in records]

    async def add_vectors(self, vectors: Mapping[str, Sequence[float]]) -> None:
        await self._write(partial(self._add_vectors, vectors))

    async def vectors_for(self, vdigests: Collection[str]) -> dict[str, list[float]]:
        return await self._read(partial(self._vectors_for, [one for one in vdigests if one]))

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        if not visibility.grants or not legs:
            return [[] for _ in legs]
        batch = self._q.QueryBatchRequest([self._query(visibility, leg) for leg in legs])
        answers = await self._read(lambda shard: shard.query_batch(batch))
        return [[hit_of(str(point.id), point.payload, point.score) for point in answer] for answer in answers]

    async def counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        return await self._read(partial(self._counts, kinds))

    async def rights(self, refs: Collection[str] | None = None) -> dict[str, frozenset[str]]:
        payloads = await self._read(partial(self._payloads, ["ref", "acl"], refs=refs))
        return rights_in(payloads.values())

    async def size(self) -> Size:
        return await self._read(self._size)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._folder.name

    async def dump(self) -> AsyncIterator[Point]:
        offset = None
        while True:
            request = self._q.ScrollRequest(limit=BATCH, offset=offset, with_payload=True, with_vector=True)
            records, offset = await self._read(partial(_scroll, request))
            for one in records:
                yield str(one.id), one.payload, one.vector or {}
            if offset is None:
                return

    async def fill(self, points: Sequence[Point]) -> None:
        for some in _batches(points):
            made = [self._q.Point(key, self._vectors(named), dict(payload)) for key, payload, named in some]
            operation = self._q.UpdateOperation.upsert_points(made)
            await self._write(partial(self._update, operation=operation, points=[key for key, _, _ in some]))

    async def tend(self, *, asked: bool = False) -> bool:
        if self._tending.locked():
            return False
        async with self._tending:
            if not asked and not _is_worth_it(await self.size()):
                return False
            source, target = self._shards()
            needed, free = 2 * bytes_in(source), shutil.disk_usage(self._folder).free
            if free < needed:
                log.warning("index.no_room_to_optimise", needed=needed, free=free)
                return False
            try:
                await self._optimise(source, target)
            finally:
                self._touched = None
                if self._shards()[0] != target:
                    await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
            await asyncio.to_thread(shutil.rmtree, source, ignore_errors=True)
            return True

    async def flush(self) -> None:
        await self._write(lambda shard: shard.flush())

    async def close(self) -> None:
        await self._write(lambda shard: shard.flush())
        await self._write(lambda shard: shard.close())
        self._writer.shutdown()
        self._readers.shutdown()

    async def _read(self, work: Callable[[Any], T]) -> T:
        return await self._run(self._readers, work)

    async def _write(self, work: Callable[[Any], T]) -> T:
        return await self._run(self._writer, work)

    async def _run(self, threads: ThreadPoolExecutor, work: Callable[[Any], T]) -> T:
        def run() -> T:
            with self._slot.use() as shard:
                return work(shard)

        return await self._on(threads, run)

    async def _on(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except IndexFailed:
            raise
        except Exception as error:  # the engine raises nothing narrower
            raise IndexFailed from error

    async def _optimise(self, source: Path, target: Path) -> None:
        """Copy, let the child optimise the copy, bring it up to what was written meanwhile, and use it."""
        loop = asyncio.get_running_loop()
        child = Child(source, target)
        try:
            await self._on(self._readers, partial(child.hear, "ready"))
            await self._write(partial(self._copy, child))
            self._on_step("copied")
            await loop.run_in_executor(None, child.hear, "done")
        finally:
            await loop.run_in_executor(None, child.end)
        self._on_step("optimised")
        fresh = await self._on(self._readers, partial(self._q.EdgeShard.load, str(target)))
        for _ in range(_ROUNDS):
            if len(self._touched or ()) <= BATCH:
                break
            touched = await self._on(self._writer, self._take_touched)
            await self._read(partial(self._catch_up, fresh, touched))
        self._on_step("caught up")
        former = await self._on(self._writer, partial(self._exchange, fresh, target))
        self._on_step("exchanged")
        await self._on(self._readers, former.close)

    def _copy(self, child: Child, shard: Any) -> None:
        """Nothing is written while the files are copied."""
        shard.flush()
        child.copy()
        self._touched = set()

    def _take_touched(self) -> set[str]:
        touched, self._touched = self._touched or set(), set()
        return touched

    def _catch_up(self, fresh: Any, touched: Collection[str], shard: Any) -> None:
        """Make these points of the fresh shard what they are in the one in use."""
        operation = self._q.UpdateOperation
        for some in _batches(list(touched)):
            there = shard.retrieve(some, with_payload=True, with_vector=True)
            if there:
                points = [self._q.Point(str(one.id), one.vector or {}, one.payload) for one in there]
                fresh.update(operation.upsert_points(points))
            gone: list[Any] = list(set(some) - {str(one.id) for one in there})
            if gone:
                fresh.update(operation.delete_points(gone))

    def _exchange(self, fresh: Any, target: Path) -> Any:
        """The last of it, while nothing is written; from then on the fresh shard is used."""
        with self._slot.use() as shard:
            touched = self._take_touched()
            self._catch_up(fresh, touched, shard)
        fresh.flush()
        sync_tree(target)
        self._on_step("durable")
        write_durably(self._folder / POINTER, target.name)
        self._on_step("named")
        self._touched, self._written = None, len(touched)
        return self._slot.exchange(fresh)

    def _shards(self) -> tuple[Path, Path]:
        """The folder of the shard in use, and one for the next."""
        name = (self._folder / POINTER).read_text().strip()
        return self._folder / name, self._folder / f"s{int(name[1:]) + 1:04}"

    def _update(self, shard: Any, operation: Any, points: Collection[str]) -> None:
        try:
            shard.update(operation)
        finally:  # part of it may have been written
            if self._touched is not None:
                self._touched.update(points)

    def _open(self, dimensions: int) -> Any:
        pointer = self._folder / POINTER
        if not pointer.exists():
            return self._create(dimensions)
        name = pointer.read_text().strip()
        for other in self._folder.iterdir():
            if other.is_dir() and other.name != name:
                # being made when the process ended, or left behind by an exchange
                shutil.rmtree(other, ignore_errors=True)
        try:
            return self._q.EdgeShard.load(str(self._folder / name))
        except Exception as error:  # the engine raises nothing narrower
            if "WouldBlock" in str(error):
                raise PartUnavailable(
                    "record index",
                    f"The index in {self._folder} is in use by another process. Stop that one first: "
                    "one process owns the index.",
                ) from error
            aside = self._folder.with_name(f"{self._folder.name}.unreadable-{int(time.time())}")
            log.error("index.unreadable", exc_info=error, put_aside=str(aside))
            self._folder.rename(aside)
            return self._create(dimensions)

    def _create(self, dimensions: int) -> Any:
        q = self._q
        if self._folder.exists():
            shutil.rmtree(self._folder)  # a creation that was cut off: it holds nothing yet
        folder = self._folder / FIRST_SHARD
        folder.mkdir(parents=True, mode=0o700)
        shard = q.EdgeShard.create(str(folder), _config(dimensions))
        for name in KEYWORDS:
            shard.update(q.UpdateOperation.create_field_index(name, q.PayloadSchemaType.Keyword))
        shard.flush()
        write_durably(self._folder / POINTER, folder.name)
        return shard

    def _payloads(
        self, fields: list[str], shard: Any, *, refs: Collection[str] | None = None
    ) -> dict[str, Mapping[str, Any]]:
        q = self._q
        payloads: dict[str, Mapping[str, Any]] = {}
        wanted = None
        if refs is not None:
            wanted = q.Filter(must=[q.FieldCondition("ref", match=q.MatchAny(list(refs)))])
        offset = None
        while True:
            request = q.ScrollRequest(limit=_SCROLL, offset=offset, filter=wanted, with_payload=fields)
            records, offset = shard.scroll(request)
            payloads |= {str(record.id): record.payload for record in records}
            if offset is None:
                return payloads

    def _put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known], shard: Any) -> dict[str, Known]:
        operation = self._q.UpdateOperation
        written: dict[str, Known] = {}
        fresh: list[IndexedPoint] = []
        changed: list[IndexedPoint] = []
        stale: list[str] = []
        for row in rows:
            before = known[row.ref].points if row.ref in known else {}
            points = {point.id: point for point in points_of(self._model, row)}
            kept: list[Any] = [key for key, point in points.items() if before.get(key) == point.digest]
            if kept:
                self._update(shard, operation.set_payload(kept, payload_of(row)), kept)
            fresh += [point for key, point in points.items() if key not in before]
            changed += [point for key, point in points.items() if key in before and key not in kept]
            stale += [key for key in before if key not in points]
            digests = {key: point.digest for key, point in points.items()}
            written[row.ref] = Known(row.version, row.shape, row.names, digests)
        vectors = self._own_vectors(changed, shard)
        for some in _batches([*fresh, *changed]):
            made = [self._point(point, vectors.get(point.id)) for point in some]
            self._update(shard, operation.upsert_points(made), [point.id for point in some])
        self._written += len(vectors)
        self._delete(stale, shard)
        return written

    def _delete(self, points: Sequence[str], shard: Any) -> None:
        for some in _batches(points):
            self._update(shard, self._q.UpdateOperation.delete_points([*some]), some)
        self._written += len(points)

    def _add_vectors(self, vectors: Mapping[str, Sequence[float]], shard: Any) -> None:
        named = [self._q.PointVectors(point, {_DENSE: list(vector)}) for point, vector in vectors.items()]
        for some in _batches(named):
            self._update(shard, self._q.UpdateOperation.update_vectors(some), [str(one.id) for one in some])
        self._written += len(named)

    def _own_vectors(self, points: Sequence[IndexedPoint], shard: Any) -> dict[str, list[float]]:
        """Vectors that points have already for the text that is embedded of them now."""
        found: dict[str, list[float]] = {}
        wanted = {point.id: point.vdigest for point in points if point.vdigest}
        for some in _batches(list(wanted)):
            for record in shard.retrieve(some, with_payload=["vdigest"], with_vector=[_DENSE]):
                vector = (record.vector or {}).get(_DENSE)
                if vector and record.payload.get("vdigest") == wanted[str(record.id)]:
                    found[str(record.id)] = vector
        return found

    def _vectors_for(self, vdigests: Sequence[str], shard: Any) -> dict[str, list[float]]:
        q = self._q
        found: dict[str, list[float]] = {}
        missing = list(dict.fromkeys(vdigests))
        while missing:
            some, missing = missing[:BATCH], missing[BATCH:]
            wanted = q.Filter(
                must=[q.FieldCondition("vdigest", match=q.MatchAny(some)), q.HasVectorCondition(_DENSE)]
            )
            request = q.ScrollRequest(
                limit=2 * BATCH, filter=wanted, with_payload=["vdigest"], with_vector=[_DENSE]
            )
            records, more = shard.scroll(request)
            found |= {record.payload["vdigest"]: record.vector[_DENSE] for record in records}
            if more is not None:  # many points share a digest: those not seen yet are asked for again
                missing += [one for one in some if one not in found]
        return found

    def _size(self, shard: Any) -> Size:
        info = shard.info()
        with_vector = self._q.Filter(must=[self._q.HasVectorCondition(_DENSE)])
        vectors = shard.count(self._q.CountRequest(filter=with_vector))
        built = self._shards()[0] / _OPTIMISED
        optimised: dict[str, Any] = json.loads(built.read_text()) if built.exists() else {}
        loose = max(self._written, abs(vectors - optimised.get("vectors", 0)))
        return Size(
            info.points_count, info.segments_count, bytes_in(self._folder), loose, optimised.get("at")
        )

    def _point(self, point: IndexedPoint, dense: Sequence[float] | None) -> Any:
        vector: dict[str, Any] = {_DENSE: list(dense)} if dense else {}
        if point.terms:
            vector[_TERMS] = self._q.SparseVector(point.terms.indices, point.terms.values)
        return self._q.Point(point.id, vector, point.payload)

    def _vectors(self, named: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: vector
            if isinstance(vector, list)
            else self._q.SparseVector(vector["indices"], vector["values"])
            for name, vector in named.items()
        }

    def _query(self, visibility: Visibility, leg: Leg) -> Any:
        q = self._q
        visible = q.FieldCondition("acl", match=q.MatchAny(list(visibility.grants)))
        must = [visible]
        if leg.within:
            must.append(q.FieldCondition("up", match=q.MatchAny(list(leg.within))))
        if leg.kinds:
            must.append(q.FieldCondition("kind", match=q.MatchAny(list(leg.kinds))))
        if leg.terms is not None:
            terms = q.SparseVector(leg.terms.indices, leg.terms.values)
            query = q.Query.Nearest(terms, using=_TERMS)
            # What a term is worth is counted among visible points only: else a score would tell of others.
            params = q.SearchParams(idf=q.IdfParams(corpus=q.Filter(must=[visible])))
        else:
            query = q.Query.Nearest(list(leg.vector or ()), using=_DENSE)
            # Where few points are visible a graph falls apart: then neighbours of hidden ones are looked at.
            params = q.SearchParams(hnsw_ef=BREADTH, acorn=q.AcornSearchParams(enable=True))
        return q.QueryRequest(
            limit=leg.limit, query=query, filter=q.Filter(must=must), params=params, with_payload=_HIT
        )

    def _counts(self, kinds: Sequence[str], shard: Any) -> dict[str, Counts]:
        q = self._q
        counts = {}
        for kind in kinds:
            of_kind = q.FieldCondition("kind", match=q.MatchValue(kind))
            points = shard.count(q.CountRequest(filter=q.Filter(must=[of_kind])))
            with_vector = q.Filter(must=[of_kind, q.HasVectorCondition(_DENSE)])
            counts[kind] = Counts(points, shard.count(q.CountRequest(filter=with_vector)))
        return counts


def _scroll(request: Any, shard: Any) -> Any:
    return shard.scroll(request)


def _config(dimensions: int, graph: Any = None) -> Any:
    import qdrant_edge as q

    return q.EdgeConfig(
        vectors={_DENSE: q.EdgeVectorParams(size=dimensions, distance=q.Distance.Cosine)},
        sparse_vectors={_TERMS: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
        hnsw_config=graph,
    )


def _is_worth_it(size: Size) -> bool:
    loose = size.loose or 0
    return loose >= _ENOUGH and loose >= _SHARE * size.points


def _batches(things: Sequence[T]) -> Iterable[list[T]]:
    return (list(things[start : start + _AT_ONCE]) for start in range(0, len(things), _AT_ONCE))
