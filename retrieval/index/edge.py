"""Qdrant Edge: the vector engine inside this process. The only module that imports it."""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import PartUnavailable, log
from retrieval.rights import Visibility

from .errors import IndexFailed
from .files import bytes_in, write_durably
from .points import (
    BATCH,
    KEYWORDS,
    WANTS_VECTOR,
    Counts,
    Hit,
    IndexedPoint,
    IndexedRow,
    Known,
    Leg,
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
_SCROLL: Final = 20_000
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


class EdgeIndex:
    """An index in a folder of ours; one process owns it.

    The folder holds shards and the name of the one in use; another one is there only while it is being made.
    """

    def __init__(self, folder: Path, *, model: str, dimensions: int) -> None:
        """Open the folder, or make it. Raises `PartUnavailable` when another process has it.

        What cannot be read is put aside and filled anew from the CRM.
        """
        import qdrant_edge

        self._q = qdrant_edge
        self._folder = folder
        self._model = model
        self._slot = Slot(self._open(dimensions))
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

    async def rights(self) -> dict[str, frozenset[str]]:
        payloads = await self._read(partial(self._payloads, ["ref", "acl"]))
        return rights_in(payloads.values())

    async def size(self) -> Size:
        return await self._read(self._size)

    async def tend(self, *, asked: bool = False) -> bool:
        return asked and False

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

        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run)
        except Exception as error:  # the engine raises nothing narrower
            raise IndexFailed from error

    def _open(self, dimensions: int) -> Any:
        pointer = self._folder / POINTER
        if not pointer.exists():
            return self._create(dimensions)
        name = pointer.read_text().strip()
        for other in self._folder.iterdir():
            if other.is_dir() and other.name != name:
                shutil.rmtree(other)  # being made when the process ended, or left behind by an exchange
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
        config = q.EdgeConfig(
            vectors={_DENSE: q.EdgeVectorParams(size=dimensions, distance=q.Distance.Cosine)},
            sparse_vectors={_TERMS: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
        )
        shard = q.EdgeShard.create(str(folder), config)
        for name in KEYWORDS:
            shard.update(q.UpdateOperation.create_field_index(name, q.PayloadSchemaType.Keyword))
        shard.flush()
        write_durably(self._folder / POINTER, folder.name)
        return shard

    def _payloads(self, fields: list[str], shard: Any) -> dict[str, Mapping[str, Any]]:
        payloads: dict[str, Mapping[str, Any]] = {}
        offset = None
        while True:
            request = self._q.ScrollRequest(limit=_SCROLL, offset=offset, with_payload=fields)
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
                shard.update(operation.set_payload(kept, payload_of(row)))
            fresh += [point for key, point in points.items() if key not in before]
            changed += [point for key, point in points.items() if key in before and key not in kept]
            stale += [key for key in before if key not in points]
            digests = {key: point.digest for key, point in points.items()}
            written[row.ref] = Known(row.version, row.shape, row.names, digests)
        vectors = self._own_vectors(changed, shard)
        made = [self._point(point, vectors.get(point.id)) for point in (*fresh, *changed)]
        for some in _batches(made):
            shard.update(operation.upsert_points(some))
        self._delete(stale, shard)
        return written

    def _delete(self, points: Sequence[str], shard: Any) -> None:
        for some in _batches(points):
            shard.update(self._q.UpdateOperation.delete_points([*some]))

    def _add_vectors(self, vectors: Mapping[str, Sequence[float]], shard: Any) -> None:
        named = [self._q.PointVectors(point, {_DENSE: list(vector)}) for point, vector in vectors.items()]
        for some in _batches(named):
            shard.update(self._q.UpdateOperation.update_vectors(some))

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
        return Size(info.points_count, info.segments_count, bytes_in(self._folder))

    def _point(self, point: IndexedPoint, dense: Sequence[float] | None) -> Any:
        vector: dict[str, Any] = {_DENSE: list(dense)} if dense else {}
        if point.terms:
            vector[_TERMS] = self._q.SparseVector(point.terms.indices, point.terms.values)
        return self._q.Point(point.id, vector, point.payload)

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
            query, params = q.Query.Nearest(list(leg.vector or ()), using=_DENSE), None
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


def _batches(things: Sequence[T]) -> Iterable[list[T]]:
    return (list(things[start : start + BATCH]) for start in range(0, len(things), BATCH))
