"""What the index holds: references, versions, rights and vectors. No text and no identity."""

import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from retrieval.rights import Visibility

LAYOUT: Final = 2
"""Raised when payloads or vectors of points change: a new generation is filled beside the old."""

BATCH: Final = 500
"""Points a call; larger ones hold the engine for too long."""

Point = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""Id, payload, named vectors: a list of numbers, or a sparse one with `indices` and `values`."""

COMPARED_KB: Final = 60_000
"""Visible vectors of up to so many kilobytes are compared one by one: that is exact, and takes some 10 ms."""

BREADTH: Final = 160
"""How many candidates a search in the graph keeps (`ef`)."""

MARK: Final = "-"
"""The field of the one point of a row that nobody may see."""

KEYWORDS: Final = ("ref", "kind", "acl", "up", "wants", "vdigest")
"""Payload fields that filters look at."""

WANTS_VECTOR: Final = "vector"
"""A word, because the engine in this process does not match booleans."""

_SPACE: Final = uuid.UUID("6a1f4c1e-6c0a-5d0e-9a55-0f2f6f6c7d11")


class Sparse(NamedTuple):
    """A sparse vector: term numbers (u32) and their weights."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A piece of a row. `digest` changes with anything of it; `wants_vector` says that it is worth embedding.

    `vdigest` changes with the text that is embedded: pieces that share it share their vector.
    """

    field: str
    ordinal: int
    digest: str
    terms: Sparse
    wants_vector: bool
    vdigest: str = ""


@dataclass(frozen=True, slots=True)
class IndexedRow:
    """A row as the index keeps it.

    `version` changes when anything of this does; `shape` when its children must be looked at again,
    `names` when its identities must be published again.
    `acl` are the keys that let a user see it, `up` the records it belongs to. A row that nobody may see
    has no chunks and is kept as a mark only.
    """

    kind: str
    key: str
    version: str
    shape: str
    names: str
    acl: tuple[str, ...]
    up: tuple[str, ...]
    chunks: tuple[IndexedChunk, ...]

    @property
    def ref(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of a row: its points (id → digest). A half-written row has no version."""

    version: str
    shape: str
    names: str
    points: Mapping[str, str]


class Hit(NamedTuple):
    """A point that a leg found."""

    id: str
    kind: str
    key: str
    field: str
    ordinal: int
    score: float

    @property
    def ref(self) -> str:
        return f"{self.kind}:{self.key}"


class Waiting(NamedTuple):
    """A point without its vector yet."""

    id: str
    kind: str
    key: str
    field: str
    ordinal: int
    digest: str
    vdigest: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One way to look: by terms or by a vector.

    `within` keeps to these records and what belongs to them, `kinds` to kinds of records; empty, to nothing.
    """

    terms: Sparse | None = None
    vector: Sequence[float] | None = None
    within: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    limit: int = 40


@dataclass(frozen=True, slots=True)
class IndexedPoint:
    """A point as an engine stores it."""

    id: str
    digest: str
    vdigest: str
    terms: Sparse | None
    payload: dict[str, object]


class Counts(NamedTuple):
    """Of one kind: points, those with a vector, and those that will never want one included in neither."""

    points: int
    vectors: int


@dataclass(frozen=True, slots=True)
class Size:
    """How much an index holds. None is what an engine does not tell.

    `loose` are points written since the engine last built its graph, which are found by comparing with each;
    `optimised` is the time of that in UTC (ISO 8601).
    """

    points: int
    segments: int
    bytes: int | None = None
    loose: int | None = None
    optimised: str | None = None


class Searches(Protocol):
    """What answers a question."""

    async def search(self, visibility: Visibility, legs: Sequence[Leg]) -> list[list[Hit]]:
        """Best hits of each leg, among what `visibility` lets through."""


class Index(Searches, Protocol):
    """A vector engine. Writes are done by one task at a time; searches may run beside them."""

    async def load(self) -> dict[str, dict[str, Known]]:
        """Everything the index knows: kind → key → row."""

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        """Make the index hold exactly these rows' chunks; `known` is by ref, as is the answer.

        A chunk keeps its vector as long as its `vdigest` is the same (without one: its digest).
        """

    async def drop(self, points: Sequence[str]) -> None:
        """Take points out for good."""

    async def waiting(self, limit: int) -> list[Waiting]:
        """Points that want a vector and have none."""

    async def add_vectors(self, vectors: Mapping[str, Sequence[float]]) -> None:
        """Give points their vectors; every id must be there."""

    async def vectors_for(self, vdigests: Collection[str]) -> dict[str, list[float]]:
        """Vectors that pieces with these digests of their embedded text already have."""

    async def counts(self, kinds: Sequence[str]) -> dict[str, Counts]:
        """How much there is of each kind."""

    async def rights(self, refs: Collection[str] | None = None) -> dict[str, frozenset[str]]:
        """The keys that let a user see each row, for checking: ref → keys; of `refs` alone when given."""

    async def flush(self) -> None:
        """Make everything written durable."""

    def dump(self) -> AsyncIterator[Point]:
        """Every point with all that belongs to it."""

    async def fill(self, points: Sequence[Point]) -> None:
        """Write points that `dump` gave, at most `BATCH`."""

    async def size(self) -> Size:
        """How much there is in all."""

    async def tend(self, *, asked: bool = False) -> bool:
        """Build what makes searching quick, beside the running searches; whether there was need to.

        Without `asked` there is need when enough has changed. Returns when it is done.
        """

    async def close(self) -> None:
        """Let go of the engine."""


def point_id(model: str, ref: str, field: str, ordinal: int) -> str:
    """The same piece has the same id for ever, so that writing it twice is writing it once."""
    return str(uuid.uuid5(_SPACE, "\x1f".join((model, ref, field, str(ordinal)))))


def payload_of(row: IndexedRow) -> dict[str, object]:
    """What every point of a row carries."""
    return {
        "ref": row.ref,
        "kind": row.kind,
        "version": row.version,
        "shape": row.shape,
        "names": row.names,
        "acl": list(row.acl),
        "up": [row.ref, *row.up],
        "size": max(1, len(row.chunks)),
    }


def points_of(model: str, row: IndexedRow) -> list[IndexedPoint]:
    """The points of a row: one for each chunk, or the mark of a row that nobody may see."""
    shared = payload_of(row)
    if not row.chunks:
        own = {"field": MARK, "ordinal": 0, "digest": "", "vdigest": "", "wants": ""}
        return [IndexedPoint(point_id(model, row.ref, MARK, 0), "", "", None, {**shared, **own})]
    return [
        IndexedPoint(
            point_id(model, row.ref, chunk.field, chunk.ordinal),
            chunk.digest,
            chunk.vdigest,
            chunk.terms,
            {
                **shared,
                "field": chunk.field,
                "ordinal": chunk.ordinal,
                "digest": chunk.digest,
                "vdigest": chunk.vdigest,
                "wants": WANTS_VECTOR if chunk.wants_vector else "",
            },
        )
        for chunk in row.chunks
    ]


def hit_of(point: str, payload: Mapping[str, Any], score: float) -> Hit:
    """A hit from what an engine gives back."""
    kind, _, key = str(payload["ref"]).partition(":")
    return Hit(point, kind, key, str(payload["field"]), int(payload["ordinal"]), score)


def waiting_of(point: str, payload: Mapping[str, Any]) -> Waiting:
    """A piece that waits for its vector, from what an engine gives back."""
    kind, _, key = str(payload["ref"]).partition(":")
    field, ordinal = str(payload["field"]), int(payload["ordinal"])
    return Waiting(point, kind, key, field, ordinal, str(payload["digest"]), str(payload.get("vdigest", "")))


def rights_in(payloads: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """The keys that let a user see each row; where its points do not agree, no keys that a row could have."""
    found: dict[str, frozenset[str]] = {}
    for one in payloads:
        ref, acl = str(one["ref"]), frozenset(map(str, one["acl"]))
        found[ref] = acl if found.setdefault(ref, acl) == acl else found[ref] | acl | {"its points differ"}
    return found


def gather(payloads: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, Known]]:
    """Rows from the payloads of all points; a row whose points disagree or are too few has no version."""
    rows: dict[str, list[tuple[str, Mapping[str, object]]]] = {}
    for point, payload in payloads.items():
        rows.setdefault(str(payload["ref"]), []).append((point, payload))
    found: dict[str, dict[str, Known]] = {}
    for ref, points in rows.items():
        first = points[0][1]
        whole = len(points) == first["size"] and len({payload["version"] for _, payload in points}) == 1
        kind, _, key = ref.partition(":")
        digests = {point: str(payload["digest"]) for point, payload in points}
        state = [str(first[name]) if whole else "" for name in ("version", "shape", "names")]
        found.setdefault(kind, {})[key] = Known(state[0], state[1], state[2], digests)
    return found
