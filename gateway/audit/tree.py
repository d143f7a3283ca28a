"""The stored tree: full subtrees of every eighth level are rows; a proof reads a few runs of 256."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import CloisterError

from .merkle import (
    Frontier,
    Span,
    consistency_spans,
    full_subtrees,
    inclusion_spans,
    node_hash,
    span_hash,
)

STRIDE: Final = 8
_PAGE: Final = 20_000
_LEAVES: Final = text(
    "SELECT sequence - 1 AS place, leaf AS hash FROM gateway.audit_seal"
    " WHERE sequence > :first AND sequence <= :end ORDER BY sequence"
)
_NODES: Final = text(
    "SELECT place, hash FROM gateway.audit_node"
    " WHERE level = :level AND place >= :first AND place < :end ORDER BY place"
)
_ADDING: Final = (
    "INSERT INTO gateway.audit_node (level, place, hash) SELECT * FROM"
    " unnest(CAST(:levels AS smallint[]), CAST(:places AS bigint[]), CAST(:hashes AS bytea[]))"
)

_ADD: Final = text(_ADDING)
_ADD_MISSING: Final = text(f"{_ADDING} ON CONFLICT DO NOTHING")

Node = tuple[int, int, bytes]


class RecordBroken(CloisterError):
    """What is stored of the record's tree is not whole."""

    title = "The record is broken"


async def span_hashes(session: AsyncSession, spans: Sequence[Span]) -> list[bytes]:
    """The hashes of subtrees of the stored tree, in the order given. Raises `RecordBroken`."""
    known = await _read(session, (node for span in spans for node in full_subtrees(span)))

    def full(level: int, place: int) -> bytes:
        found = known.get((level, place))
        if found is None and level % STRIDE:
            found = node_hash(full(level - 1, 2 * place), full(level - 1, 2 * place + 1))
        if found is None:
            raise RecordBroken("A part of the record's tree is missing. Run `cloister audit verify`.")
        return found

    return [span_hash(span, full) for span in spans]


async def root_of(session: AsyncSession, size: int) -> bytes:
    """The root over the first `size` events."""
    return (await span_hashes(session, [(0, size)]))[0]


async def inclusion_proof(session: AsyncSession, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962. Raises `ValueError` when there is no such leaf."""
    return await span_hashes(session, inclusion_spans(index, size))


async def consistency_proof(session: AsyncSession, old: int, size: int) -> list[bytes]:
    """PROOF(old, D[size]) of RFC 6962. Raises `ValueError` when the old tree is larger."""
    return await span_hashes(session, consistency_spans(old, size))


async def frontier_of(session: AsyncSession, size: int) -> Frontier:
    """The right edge of the tree over the first `size` events."""
    spans = [(place << level, (place + 1) << level) for level, place in full_subtrees((0, size))]
    return Frontier(size, await span_hashes(session, spans))


def stored(completed: Iterable[Node]) -> list[Node]:
    """Those of completed subtrees that get a row."""
    return [node for node in completed if node[0] % STRIDE == 0]


async def add_nodes(session: AsyncSession, nodes: Sequence[Node], statement: TextClause = _ADD) -> None:
    """Store full subtrees."""
    if nodes:
        levels, places, hashes = (list(column) for column in zip(*nodes, strict=True))
        connection = await session.connection()
        await connection.execute(statement, {"levels": levels, "places": places, "hashes": hashes})


async def complete(session: AsyncSession, size: int) -> int:
    """Store what is missing of the tree over `size` events: a version without one sealed them."""
    have = text("SELECT count(*) FROM gateway.audit_node WHERE level = :level")
    connection = await session.connection()
    if (await connection.execute(have, {"level": STRIDE})).scalar_one() >= size >> STRIDE:
        return 0
    frontier, added = Frontier(), 0
    while frontier.size < size:
        end = min(size, frontier.size + _PAGE)
        rows = await connection.execute(_LEAVES, {"first": frontier.size, "end": end})
        nodes = stored(node for row in rows.all() for node in frontier.append(bytes(row.hash)))
        if frontier.size != end:
            raise RecordBroken("Seals of the record are missing. Run `cloister audit verify`.")
        await add_nodes(session, nodes, _ADD_MISSING)
        added += len(nodes)
    return added


async def _read(session: AsyncSession, nodes: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The runs of 256 stored hashes in which these subtrees lie."""
    runs = {(level - level % STRIDE, (place << level % STRIDE) >> STRIDE << STRIDE) for level, place in nodes}
    connection = await session.connection()
    known: dict[tuple[int, int], bytes] = {}
    for level, first in sorted(runs):
        span = {"first": first, "end": first + (1 << STRIDE)}
        statement, of = (_NODES, {"level": level, **span}) if level else (_LEAVES, span)
        rows = await connection.execute(statement, of)
        known |= {(level, row.place): bytes(row.hash) for row in rows}
    return known
