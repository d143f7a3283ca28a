"""A Qdrant server: the same index for many searchers. The only module that imports its client."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from gateway import log, read_secret
from retrieval.rights import Visibility
from retrieval.settings import ServerSettings

from .errors import IndexFailed
from .points import (
    BATCH,
    KEYWORDS,
    WANTS_VECTOR,
    Counts,
    Hit,
    IndexedRow,
    Known,
    Leg,
    Size,
    Waiting,
    gather,
    hit_of,
    payload_of,
    points_of,
    waiting_of,
)

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

_DENSE: Final = "dense"
_TERMS: Final = "terms"
_SHAPE: Final = 1
_SCROLL: Final = 5_000
_READ: Final = ["ref", "version", "shape", "names", "size", "digest"]
_HIT: Final = ["ref", "field", "ordinal"]


def connect_server(settings: ServerSettings) -> "AsyncQdrantClient":
    """A client of a Qdrant server; `:memory:` is an engine in this process, for tests alone."""
    from qdrant_client import AsyncQdrantClient

    if settings.url == ":memory:":
        return AsyncQdrantClient(location=settings.url)
    return AsyncQdrantClient(
        url=settings.url,
        api_key=read_secret(settings.api_key_file) if settings.api_key_file else None,
        timeout=settings.timeout_s,
        verify=str(settings.ca_file) if settings.ca_file else True,
        trust_env=False,
    )


class ServerIndex:
    """An index in one collection of a Qdrant server; made by `open`.

    Any number of processes may search it, one may write: that is for the deployment to see to. Tried with
    the client's own engine, not yet with a real server.
    """

    def __init__(self, client: "AsyncQdrantClient", *, model: str, dimensions: int) -> None:
        from qdrant_client import models

        self._client = client
        self._m = models
        self._model = model
        self._dimensions = dimensions
        self._collection = f"{model}-{dimensions}-{_SHAPE}"

    async def open(self) -> None:
        """Make the collection when there is none. Raises `IndexFailed` when the server does not answer."""
        m = self._m
        async with _translated():
            if await self._client.collection_exists(self._collection):
                return
            await self._client.create_collection(
                self._collection,
                vectors_config={_DENSE: m.VectorParams(size=self._dimensions, distance=m.Distance.COSINE)},
                sparse_vectors_config={_TERMS: m.SparseVectorParams(modifier=m.Modifier.IDF)},
            )
            for name in KEYWORDS:
                await self._client.create_payload_index(
                    self._collection, name, m.PayloadSchemaType.KEYWORD, wait=True
                )

    async def load(self) -> dict[str, dict[str, Known]]:
        return gather(await self._payloads(_READ))

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        m = self._m
        written: dict[str, Known] = {}
        fresh: list[Any] = []
        stale: list[str] = []
        async with _translated():
            for row in rows:
                before = known[row.ref].points if row.ref in known else {}
                points = {point.id: point for point in points_of(self._model, row)}
                kept: list[Any] = [key for key, point in points.items() if before.get(key) == point.digest]
                if kept:
                    await self._client.set_payload(self._collection, payload_of(row), kept, wait=True)
                fresh += [
                    m.PointStruct(
                        id=point.id,
                        vector={
                            _TERMS: m.SparseVector(indices=point.terms.indices, values=point.terms.values)
                        }
                        if point.terms
                        else {},
                        payload=point.payload,
                    )
                    for key, point in points.items()
                    if key not in kept
                ]
                stale += [key for key in before if key not in points]
                digests = {key: point.digest for key, point in points.items()}
                written[row.ref] = Known(row.version, row.shape, row.names, digests)
            for start in range(0, len(fresh), BATCH):
                await self._client.upsert(self._collection, fresh[start : start + BATCH], wait=True)
        await self.drop(stale)
        return written

    async def drop(self, points: Sequence[str]) -> None:
        async with _translated():
            for start in range(0, len(points), BATCH):
                batch = self._m.PointIdsList(points=list(points[start : start + BATCH]))
                await self._client.delete(self._collection, batch, wait=True)

    async def waiting(self, limit: int) -> list[Waiting]:
        m = self._m
        wanted = m.Filter(
            must=[m.FieldCondition(key="wants", match=m.MatchValue(value=WANTS_VECTOR))],
            must_not=[m.HasVectorCondition(has_vector=_DENSE)],
        )
        async with _translated():
            records, _ = await self._client.scroll(
                self._collection, scroll_filter=wanted, limit=limit, with_payload=[*_HIT, "digest", "vdigest"]
            )
        return [waiting_of(str(record.id), record.payload or {}) for record in records]

    async def add_vectors(self, vectors: Mapping[str, Sequence[float]]) -> None:
        m = self._m
        named = [m.PointVectors(id=point, vector={_DENSE: list(vector)}) for point, vector in vectors.items()]
        if named:
            async with _translated():
                await self._client.update_vectors(self._collection, named, wait=True)

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        if not visibility.grants or not legs:
            return [[] for _ in legs]
        async with _translated():
            answers = await self._client.query_batch_points(
                self._collection, [self._query(visibility, leg) for leg in legs]
            )
        return [
            [hit_of(str(point.id), point.payload or {}, point.score) for point in answer.points]
            for answer in answers
        ]

    async def counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        m = self._m
        counts = {}
        async with _translated():
            for kind in kinds:
                of_kind = m.FieldCondition(key="kind", match=m.MatchValue(value=kind))
                points = await self._client.count(self._collection, m.Filter(must=[of_kind]))
                with_vector = m.Filter(must=[of_kind, m.HasVectorCondition(has_vector=_DENSE)])
                vectors = await self._client.count(self._collection, with_vector)
                counts[kind] = Counts(points.count, vectors.count)
        return counts

    async def rights(self) -> dict[str, frozenset[str]]:
        payloads = await self._payloads(["ref", "acl"])
        return {str(one["ref"]): frozenset(map(str, one["acl"])) for one in payloads.values()}

    async def vectors_for(self, vdigests: Collection[str]) -> dict[str, list[float]]:
        raise NotImplementedError

    async def size(self) -> Size:
        raise NotImplementedError

    async def tend(self, *, asked: bool = False) -> bool:  # noqa: ARG002 - as it is asked
        """Nothing to do: the server sees to it by itself."""
        return False

    async def flush(self) -> None:
        """Nothing to do: every write here waited until the server had it."""

    async def close(self) -> None:
        await self._client.close()

    async def _payloads(self, fields: list[str]) -> dict[str, Mapping[str, Any]]:
        payloads: dict[str, Mapping[str, Any]] = {}
        offset: Any = None
        async with _translated():
            while True:
                records, offset = await self._client.scroll(
                    self._collection, limit=_SCROLL, offset=offset, with_payload=fields
                )
                payloads |= {str(record.id): record.payload or {} for record in records}
                if offset is None:
                    return payloads

    def _query(self, visibility: Visibility, leg: Leg) -> Any:
        m = self._m
        visible = m.FieldCondition(key="acl", match=m.MatchAny(any=list(visibility.grants)))
        must = [visible]
        if leg.within:
            must.append(m.FieldCondition(key="up", match=m.MatchAny(any=list(leg.within))))
        if leg.kinds:
            must.append(m.FieldCondition(key="kind", match=m.MatchAny(any=list(leg.kinds))))
        query: Any = list(leg.vector or ())
        params = None
        if leg.terms is not None:
            query = m.SparseVector(indices=leg.terms.indices, values=leg.terms.values)
            # What a term is worth is counted among visible points only: else a score would tell of others.
            params = m.SearchParams(idf=m.IdfCorpusParams(corpus=m.Filter(must=[visible])))
        return m.QueryRequest(
            query=query,
            using=_DENSE if leg.terms is None else _TERMS,
            filter=m.Filter(must=list(must)),
            params=params,
            limit=leg.limit,
            with_payload=_HIT,
        )


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """The client's errors, which have no common base, as ours."""
    from httpx import HTTPError
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, HTTPError, ValueError) as error:
        log.error("index.failed", exc_info=error)
        raise IndexFailed from error
