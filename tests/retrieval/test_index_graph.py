"""What the graph of an optimised shard finds for those who may see little of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.crm import CrmUser, load_map
from retrieval.index import EdgeIndex, IndexedChunk, IndexedRow, Leg, Terms, point_id
from retrieval.index.edge import optimise_shard
from retrieval.rights import Visibility

from .stand import DEMO_MAP

MODEL, DIMENSIONS, POINTS, TEAMS, QUESTIONS = "model", 384, 8_000, 40, 25
"""Fewer points than this have no graph."""
TERMS = Terms().of_document("pump")


def opened(folder: Path) -> EdgeIndex:
    return EdgeIndex(folder, model=MODEL, dimensions=DIMENSIONS)


@pytest.fixture(scope="module")
def vectors() -> Any:
    """Directions near some that texts are alike in; the last ones are questions."""
    draw = np.random.default_rng(7)
    around = draw.normal(size=(160, DIMENSIONS))
    made = around[draw.integers(0, len(around), POINTS + QUESTIONS)]
    made = made + draw.normal(scale=0.9, size=made.shape)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype("float32")


async def filled(folder: Path, vectors: Any) -> None:
    index = opened(folder)
    for start in range(0, POINTS, 500):
        rows = [
            IndexedRow("case", str(key), "1", "", "", (f"team:{key % TEAMS}",), (), (
                IndexedChunk("body", 0, f"d{key}", TERMS, wants_vector=True),
            ))
            for key in range(start, start + 500)
        ]  # fmt: skip
        await index.put(rows, {})
        await index.add_vectors(
            {point_id(MODEL, row.ref, "body", 0): vectors[int(row.key)].tolist() for row in rows}
        )
    await index.flush()
    await index.close()


async def test_whoever_sees_little_of_a_graph_finds_the_best_of_it(tmp_path: Path, vectors: Any) -> None:
    await filled(tmp_path, vectors)
    # One team's are compared one by one, those of three are looked for in the graph, which knows of no team.
    optimise_shard(tmp_path / "s0001", compared_kb=400)
    index, found = opened(tmp_path), 0
    for number, question in enumerate(vectors[POINTS:]):
        teams = {(number + step) % TEAMS for step in (0, 7, 15)}
        mine = np.array([key for key in range(POINTS) if key % TEAMS in teams])
        near = mine[np.argsort(-(vectors[mine] @ question))][:10]
        visibility = Visibility(
            load_map(DEMO_MAP), CrmUser(1, {}), tuple(f"team:{team}" for team in sorted(teams))
        )
        (hits,) = await index.search(visibility, [Leg(vector=question.tolist())])
        found += len({int(hit.key) for hit in hits[:10]} & set(near.tolist()))
    await index.close()
    assert found >= 0.9 * 10 * QUESTIONS
