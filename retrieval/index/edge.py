"""Qdrant Edge: the vector engine inside this process. The only module that imports it."""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import PartUnavailable, log
from retrieval.rights import Visibility

from .errors import IndexFailed
from .points import (
    BATCH,
    WANTS_VECTOR,
    Counts,
    Hit,
    IndexedPoint,
    IndexedRow,
    Known,
    Leg,
    Sparse,
    Waiting,
    gather,
    hit_of,
    payload_of,
    points_of,
    waiting_of,
)

_DENSE: Final = "dense"
_TERMS: Final = "terms"
_SHAPE: Final = 1  # raised when the payload or the vectors change: a new folder is filled beside the old
_KEYWORDS: Final = ("ref", "kind", "acl", "up", "wants")
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

    `optimize()` is never called here: it would hold this process for seconds to minutes.
    """

    def __init__(self, folder: Path, *, model: str, dimensions: int) -> None:
        """Open the folder, or make it. Raises `PartUnavailable` when another process has it.

        What cannot be read is put aside and filled anew from the CRM.
        """
        import qdrant_edge

        self._q = qdrant_edge
        self._model = model
        self._shard = self._open(folder / f"{model}-{dimensions}-{_SHAPE}", dimensions)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="edge")

    async def load(self) -> dict[str, dict[str, Known]]:
        return gather(await self._run(partial(self._payloads, _READ)))

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        return await self._run(partial(self._put, rows, known))

    async def drop(self, points: Sequence[str]) -> None:
        for start in range(0, len(points), BATCH):
            batch: list[Any] = list(points[start : start + BATCH])
            await self._run(partial(self._shard.update, self._q.UpdateOperation.delete_points(batch)))

    async def waiting(self, limit: int) -> list[Waiting]:
        q = self._q
        wanted = q.Filter(
            must=[q.FieldCondition("wants", match=q.MatchValue(WANTS_VECTOR))],
            must_not=[q.HasVectorCondition(_DENSE)],
        )
        request = q.ScrollRequest(limit=limit, filter=wanted, with_payload=[*_HIT, "digest"])
        records, _ = await self._run(partial(self._shard.scroll, request))
        return [waiting_of(str(record.id), record.payload) for record in records]

    async def add_vectors(self, vectors: Mapping[str, Sequence[float]]) -> None:
        named = [self._q.PointVectors(point, {_DENSE: list(vector)}) for point, vector in vectors.items()]
        if named:
            await self._run(partial(self._shard.update, self._q.UpdateOperation.update_vectors(named)))

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        if not visibility.grants or not legs:
            return [[] for _ in legs]
        batch = self._q.QueryBatchRequest([self._query(visibility, leg) for leg in legs])
        answers = await self._run(partial(self._shard.query_batch, batch))
        return [[hit_of(str(point.id), point.payload, point.score) for point in answer] for answer in answers]

    async def counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        return await self._run(partial(self._counts, kinds))

    async def rights(self) -> dict[str, frozenset[str]]:
        payloads = await self._run(partial(self._payloads, ["ref", "acl"]))
        return {str(one["ref"]): frozenset(map(str, one["acl"])) for one in payloads.values()}

    async def flush(self) -> None:
        await self._run(self._shard.flush)

    async def close(self) -> None:
        await self._run(self._shard.flush)
        await self._run(self._shard.close)
        self._threads.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:  # the engine raises nothing narrower
            raise IndexFailed from error

    def _open(self, folder: Path, dimensions: int) -> Any:
        if not (folder / "edge_config.json").exists():
            return self._create(folder, dimensions)
        try:
            return self._q.EdgeShard.load(str(folder))
        except Exception as error:  # the engine raises nothing narrower
            if "WouldBlock" in str(error):
                raise PartUnavailable(
                    "record index",
                    f"The index in {folder} is in use by another process. Stop that one first: "
                    "one process owns the index.",
                ) from error
            aside = folder.with_name(f"{folder.name}.unreadable-{int(time.time())}")
            log.error("index.unreadable", exc_info=error, put_aside=str(aside))
            folder.rename(aside)
            return self._create(folder, dimensions)

    def _create(self, folder: Path, dimensions: int) -> Any:
        q = self._q
        if folder.exists():
            shutil.rmtree(folder)  # a creation that was cut off: it holds nothing yet
        folder.mkdir(parents=True, mode=0o700)
        config = q.EdgeConfig(
            vectors={_DENSE: q.EdgeVectorParams(size=dimensions, distance=q.Distance.Cosine)},
            sparse_vectors={_TERMS: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
        )
        shard = q.EdgeShard.create(str(folder), config)
        for name in _KEYWORDS:
            shard.update(q.UpdateOperation.create_field_index(name, q.PayloadSchemaType.Keyword))
        return shard

    def _payloads(self, fields: list[str]) -> dict[str, Mapping[str, Any]]:
        payloads: dict[str, Mapping[str, Any]] = {}
        offset = None
        while True:
            request = self._q.ScrollRequest(limit=_SCROLL, offset=offset, with_payload=fields)
            records, offset = self._shard.scroll(request)
            payloads |= {str(record.id): record.payload for record in records}
            if offset is None:
                return payloads

    def _put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        operation = self._q.UpdateOperation
        written: dict[str, Known] = {}
        fresh: list[Any] = []
        stale: list[Any] = []
        for row in rows:
            before = known[row.ref].points if row.ref in known else {}
            points = {point.id: point for point in points_of(self._model, row)}
            kept: list[Any] = [key for key, point in points.items() if before.get(key) == point.digest]
            if kept:
                self._shard.update(operation.set_payload(kept, payload_of(row)))
            fresh += [self._point(point) for key, point in points.items() if key not in kept]
            stale += [key for key in before if key not in points]
            digests = {key: point.digest for key, point in points.items()}
            written[row.ref] = Known(row.version, row.shape, row.names, digests)
        for start in range(0, len(fresh), BATCH):
            self._shard.update(operation.upsert_points(fresh[start : start + BATCH]))
        for start in range(0, len(stale), BATCH):
            self._shard.update(operation.delete_points(stale[start : start + BATCH]))
        return written

    def _point(self, point: IndexedPoint) -> Any:
        vector: dict[str, Any] = {}
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

    def _counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        q = self._q
        counts = {}
        for kind in kinds:
            of_kind = q.FieldCondition("kind", match=q.MatchValue(kind))
            points = self._shard.count(q.CountRequest(filter=q.Filter(must=[of_kind])))
            with_vector = q.Filter(must=[of_kind, q.HasVectorCondition(_DENSE)])
            counts[kind] = Counts(points, self._shard.count(q.CountRequest(filter=with_vector)))
        return counts
