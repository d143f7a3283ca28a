"""A generation on a Qdrant server: the same index for many searchers."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from retrieval.rights import Visibility
from retrieval.settings import ServerSettings

from .answers import ServerFailed, translated
from .points import (
    BATCH,
    BREADTH,
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
    Waiting,
    gather,
    hit_of,
    payload_of,
    points_of,
    rights_in,
    waiting_of,
)
from .reach import Reach

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

DENSE: Final = "dense"
TERMS: Final = "terms"
MEMORY: Final = ":memory:"
_SCROLL: Final = 5_000
_VECTORS: Final = 500
_OPERATIONS: Final = 200
_READ: Final = ["ref", "version", "shape", "names", "size", "digest"]
_HIT: Final = ["ref", "field", "ordinal"]
_OLDEST: Final = (1, 19)
"""Older servers pass over the corpus of a term's worth: scores would tell of rows that are not visible."""


def connect_server(settings: ServerSettings) -> "AsyncQdrantClient":
    """A client of a Qdrant server; `:memory:` is an engine in this process, for tests alone."""
    from qdrant_client import AsyncQdrantClient

    if settings.url == MEMORY:
        return AsyncQdrantClient(location=settings.url)
    return AsyncQdrantClient(
        url=settings.url,
        timeout=settings.timeout_s,
        transport=Reach(settings),
        check_compatibility=False,  # it would ask in a thread, past our limits and without our authority
        trust_env=False,
    )


async def check_version(client: "AsyncQdrantClient", settings: ServerSettings) -> str:
    """The server's version. Raises `ServerFailed` when it is too old to keep rights out of scores."""
    if settings.url == MEMORY:
        return MEMORY
    with translated():
        version = (await client.info()).version
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise ServerFailed(f"The Qdrant server is of version {version}; {oldest} or later is needed.")
    return version


class ServerIndex:
    """An index in one collection of a Qdrant server; made by `ServerStore`.

    Any number of processes may search it, one may write. Every write waits until the server has it, on as
    many replicas as the collection asks for.
    """

    def __init__(
        self,
        client: "AsyncQdrantClient",
        settings: ServerSettings,
        collection: str,
        *,
        model: str,
        dimensions: int,
    ) -> None:
        from qdrant_client import models

        self._client = client
        self._m = models
        self._model = model
        self._dimensions = dimensions
        self.collection = collection
        self._limit: Any = {"timeout": settings.timeout_s}
        self._searching: Any = {"timeout": settings.question_timeout_s, "consistency": _read(settings)}
        self._reading: Any = {**self._limit, "consistency": _read(settings)}
        self._writing: Any = {
            **self._limit,
            "wait": True,
            "ordering": models.WriteOrdering(settings.write_ordering),
        }

    async def complete(self) -> None:
        """Make what filters look at quick to find; what was cut off is finished."""
        with translated():
            for name in KEYWORDS:
                await self._client.create_payload_index(
                    self.collection, name, self._m.PayloadSchemaType.KEYWORD, **self._writing
                )

    async def load(self) -> dict[str, dict[str, Known]]:
        return gather(await self._payloads(_READ))

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        m = self._m
        written: dict[str, Known] = {}
        kept: list[Any] = []
        fresh: dict[str, IndexedPoint] = {}
        changed: list[str] = []
        stale: list[str] = []
        for row in rows:
            before = known[row.ref].points if row.ref in known else {}
            points = {point.id: point for point in points_of(self._model, row)}
            same = [key for key, point in points.items() if before.get(key) == point.digest]
            if same:
                payload = m.SetPayload(payload=payload_of(row), points=list(same))
                kept.append(m.SetPayloadOperation(set_payload=payload))
            fresh |= {key: point for key, point in points.items() if key not in same}
            changed += [key for key in points if key in before and key not in same]
            stale += [key for key in before if key not in points]
            digests = {key: point.digest for key, point in points.items()}
            written[row.ref] = Known(row.version, row.shape, row.names, digests)
        vectors = await self._unchanged(changed, fresh)
        with translated():
            for start in range(0, len(kept), _OPERATIONS):
                batch = kept[start : start + _OPERATIONS]
                await self._client.batch_update_points(self.collection, batch, **self._writing)
            new = [self._point(point, vectors.get(key)) for key, point in fresh.items()]
            for start in range(0, len(new), BATCH):
                await self._client.upsert(self.collection, new[start : start + BATCH], **self._writing)
        await self.drop(stale)
        return written

    async def drop(self, points: Sequence[str]) -> None:
        with translated():
            for start in range(0, len(points), BATCH):
                batch = self._m.PointIdsList(points=list(points[start : start + BATCH]))
                await self._client.delete(self.collection, batch, **self._writing)

    async def waiting(self, limit: int) -> list[Waiting]:
        m = self._m
        wanted = m.Filter(
            must=[m.FieldCondition(key="wants", match=m.MatchValue(value=WANTS_VECTOR))],
            must_not=[m.HasVectorCondition(has_vector=DENSE)],
        )
        with translated():
            records, _ = await self._client.scroll(
                self.collection,
                scroll_filter=wanted,
                limit=limit,
                with_payload=[*_HIT, "digest", "vdigest"],
                **self._reading,
            )
        return [waiting_of(str(record.id), record.payload or {}) for record in records]

    async def add_vectors(self, vectors: Mapping[str, Sequence[float]]) -> None:
        m = self._m
        named = [m.PointVectors(id=point, vector={DENSE: list(vector)}) for point, vector in vectors.items()]
        with translated():
            for start in range(0, len(named), BATCH):
                await self._client.update_vectors(
                    self.collection, named[start : start + BATCH], **self._writing
                )

    async def vectors_for(self, vdigests: Collection[str]) -> dict[str, list[float]]:
        m = self._m
        missing = {vdigest for vdigest in vdigests if vdigest}
        found: dict[str, list[float]] = {}
        while missing:
            wanted = m.Filter(
                must=[
                    m.FieldCondition(key="vdigest", match=m.MatchAny(any=sorted(missing))),
                    m.HasVectorCondition(has_vector=DENSE),
                ]
            )
            with translated():
                records, _ = await self._client.scroll(
                    self.collection,
                    scroll_filter=wanted,
                    limit=max(64, len(missing)),
                    with_payload=["vdigest"],
                    with_vectors=[DENSE],
                    **self._reading,
                )
            fresh = {str((one.payload or {})["vdigest"]): _dense(one.vector) for one in records}
            found |= {vdigest: vector for vdigest, vector in fresh.items() if vector is not None}
            if not fresh:
                break
            missing -= fresh.keys()
        return found

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        if not visibility.grants or not legs:
            return [[] for _ in legs]
        with translated():
            answers = await self._client.query_batch_points(
                self.collection, [self._query(visibility, leg) for leg in legs], **self._searching
            )
        return [
            [hit_of(str(point.id), point.payload or {}, point.score) for point in answer.points]
            for answer in answers
        ]

    async def counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        m = self._m
        counts = {}
        with translated():
            for kind in kinds:
                of_kind = m.FieldCondition(key="kind", match=m.MatchValue(value=kind))
                with_vector = m.Filter(must=[of_kind, m.HasVectorCondition(has_vector=DENSE)])
                points = await self._client.count(self.collection, m.Filter(must=[of_kind]), **self._limit)
                vectors = await self._client.count(self.collection, with_vector, **self._limit)
                counts[kind] = Counts(points.count, vectors.count)
        return counts

    async def rights(self, refs: Collection[str] | None = None) -> dict[str, frozenset[str]]:
        payloads = await self._payloads(["ref", "acl"], refs)
        return rights_in(payloads.values())

    async def flush(self) -> None:
        """Nothing to do: every write here waited until the server had it."""

    async def size(self) -> Size:
        with translated():
            info = await self._client.get_collection(self.collection)
        points = info.points_count or 0
        loose = None if info.indexed_vectors_count is None else max(0, points - info.indexed_vectors_count)
        return Size(points, info.segments_count, loose=loose)

    async def tend(self, *, asked: bool = False) -> bool:
        """Nothing to do: the server builds its graph by itself."""
        del asked
        return False

    async def close(self) -> None:
        """Nothing to do: the connection is the store's."""

    async def replicas(self) -> dict[int, int]:
        """How many active copies each shard has."""
        with translated():
            info = await self._client.collection_cluster_info(self.collection)
        found: list[Any] = [*info.local_shards, *info.remote_shards]
        shards = Counter({shard.shard_id: 0 for shard in found})
        shards.update(shard.shard_id for shard in found if shard.state == self._m.ReplicaState.ACTIVE)
        return dict(shards)

    async def dump(self) -> AsyncIterator[Point]:
        offset: Any = None
        while True:
            with translated():
                records, offset = await self._client.scroll(
                    self.collection,
                    limit=_VECTORS,
                    offset=offset,
                    with_payload=True,
                    with_vectors=True,
                    **self._reading,
                )
            for record in records:
                named: Any = record.vector or {}  # by name: every collection of ours has names
                yield str(record.id), record.payload or {}, named
            if offset is None:
                return

    async def fill(self, points: Sequence[Point]) -> None:
        if not points:
            return
        m = self._m
        new = [
            m.PointStruct(id=key, payload=dict(payload), vector=dict(named)) for key, payload, named in points
        ]
        with translated():
            await self._client.upsert(self.collection, new, **self._writing)

    async def _unchanged(
        self, changed: Sequence[str], fresh: Mapping[str, IndexedPoint]
    ) -> dict[str, list[float]]:
        """Vectors of points whose embedded text is still the same."""
        kept: dict[str, list[float]] = {}
        wanted = [key for key in changed if fresh[key].vdigest]
        for start in range(0, len(wanted), _VECTORS):
            with translated():
                records = await self._client.retrieve(
                    self.collection,
                    wanted[start : start + _VECTORS],
                    with_payload=["vdigest"],
                    with_vectors=[DENSE],
                    **self._reading,
                )
            for one in records:
                vector = _dense(one.vector)
                if vector and (one.payload or {}).get("vdigest") == fresh[str(one.id)].vdigest:
                    kept[str(one.id)] = vector
        return kept

    async def _payloads(
        self, fields: list[str], refs: Collection[str] | None = None
    ) -> dict[str, Mapping[str, Any]]:
        m = self._m
        payloads: dict[str, Mapping[str, Any]] = {}
        offset: Any = None
        wanted = None
        if refs is not None:
            wanted = m.Filter(must=[m.FieldCondition(key="ref", match=_any(list(refs)))])
        with translated():
            while True:
                records, offset = await self._client.scroll(
                    self.collection,
                    wanted,
                    limit=_SCROLL,
                    offset=offset,
                    with_payload=fields,
                    **self._reading,
                )
                payloads |= {str(record.id): record.payload or {} for record in records}
                if offset is None:
                    return payloads

    def _point(self, point: IndexedPoint, vector: Sequence[float] | None) -> Any:
        m = self._m
        named: dict[str, Any] = {}
        if point.terms:
            named[TERMS] = m.SparseVector(indices=point.terms.indices, values=point.terms.values)
        if vector is not None:
            named[DENSE] = list(vector)
        return m.PointStruct(id=point.id, vector=named, payload=point.payload)

    def _query(self, visibility: Visibility, leg: Leg) -> Any:
        m = self._m
        visible = m.FieldCondition(key="acl", match=_any(visibility.grants))
        must = [visible]
        if leg.within:
            must.append(m.FieldCondition(key="up", match=_any(leg.within)))
        if leg.kinds:
            must.append(m.FieldCondition(key="kind", match=_any(leg.kinds)))
        query: Any = list(leg.vector or ())
        # Where few points are visible the graph falls apart: then neighbours of hidden ones are looked at.
        params = m.SearchParams(hnsw_ef=BREADTH, acorn=m.AcornSearchParams(enable=True))
        if leg.terms is not None:
            query = m.SparseVector(indices=leg.terms.indices, values=leg.terms.values)
            # What a term is worth is counted among visible points only: else a score would tell of others.
            params = m.SearchParams(idf=m.IdfCorpusParams(corpus=m.Filter(must=[visible])))
        return m.QueryRequest(
            query=query,
            using=DENSE if leg.terms is None else TERMS,
            filter=m.Filter(must=list(must)),
            params=params,
            limit=leg.limit,
            with_payload=_HIT,
        )


def _any(values: Sequence[str]) -> Any:
    from qdrant_client import models

    return models.MatchAny(any=list(dict.fromkeys(values)))


def _dense(vector: Any) -> list[float] | None:
    found = vector.get(DENSE) if isinstance(vector, dict) else None
    return [float(value) for value in found] if found else None


def _read(settings: ServerSettings) -> Any:
    from qdrant_client import models

    wanted = settings.read_consistency
    return models.ReadConsistencyType(wanted) if isinstance(wanted, str) else wanted
