"""Measure the engine in this process: `python -m tests.retrieval.measure_index --points N [--folder FOLDER]`.

Vectors are drawn around centres, as texts are alike in groups; a point may be seen by one or two of 200 teams
or, one in twenty, by everyone; a question is asked by somebody of three teams. Times by the clock, in
milliseconds; recall at 10 is against comparing with every visible point.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.crm import CrmUser, load_map
from retrieval.index import EdgeIndex, IndexedChunk, IndexedRow, Leg, Sparse, point_id
from retrieval.rights import Visibility

from .stand import DEMO_MAP

DIMENSIONS, BATCH, CENTRES, TEAMS, QUESTIONS, WORDS = 384, 5_000, 2_000, 200, 400, 50_000
EVERYONE = "*"
MODEL = "measured"


class Drawn:
    """The same points for the same seed."""

    def __init__(self, points: int) -> None:
        self.points = points
        centres = np.random.default_rng(1).normal(size=(CENTRES, DIMENSIONS))
        self.centres = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype("float32")

    def around(self, draw: Any, count: int) -> Any:
        near = self.centres[draw.integers(0, CENTRES, count)]
        found = near + draw.normal(scale=0.045, size=near.shape).astype("float32")
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def batches(self) -> Iterator[tuple[list[IndexedRow], Any]]:
        for start in range(0, self.points, BATCH):
            draw = np.random.default_rng(start + 2)
            count = min(BATCH, self.points - start)
            teams = draw.integers(0, TEAMS, (count, 2))
            open_to_all = draw.random(count) < 0.05
            words = np.minimum(draw.zipf(1.3, (count, 25)), WORDS)
            rows = []
            for at in range(count):
                teams_of = set(teams[at].tolist())
                acl = (EVERYONE,) if open_to_all[at] else tuple(f"team:{one}" for one in teams_of)
                terms = sorted(set(words[at].tolist()))
                weights = Sparse(terms, [1.0] * len(terms))
                chunk = IndexedChunk("body", 0, f"d{start + at}", weights, True, f"v{start + at}")
                up = (f"account:{(start + at) % 20_000}",)
                rows.append(IndexedRow("case", str(start + at), "1", "s", "", acl, up, (chunk,)))
            yield rows, self.around(draw, count)


class Exact:
    """What comparing with every visible point finds."""

    def __init__(self, questions: Any, visible: Sequence[frozenset[str]]) -> None:
        self._questions = questions
        self._visible = visible
        self._best: list[list[tuple[float, str]]] = [[] for _ in visible]

    def add(self, rows: Sequence[IndexedRow], vectors: Any) -> None:
        scores = self._questions @ vectors.T
        for number, grants in enumerate(self._visible):
            may = np.array([not grants.isdisjoint(row.acl) for row in rows])
            order = np.argsort(np.where(may, -scores[number], np.inf))[:10]
            found = [(float(scores[number][at]), rows[at].key) for at in order if may[at]]
            self._best[number] = sorted([*self._best[number], *found], reverse=True)[:10]

    def keys(self, number: int) -> set[str]:
        return {key for _, key in self._best[number]}


async def measure(points: int, folder: Path) -> dict[str, Any]:
    drawn = Drawn(points)
    pick = random.Random(5)  # noqa: S311 - test data
    questions = drawn.around(np.random.default_rng(3), QUESTIONS)
    people = [(EVERYONE, *(f"team:{one}" for one in pick.sample(range(TEAMS), 3))) for _ in range(QUESTIONS)]
    exact = Exact(questions[:40], [frozenset(one) for one in people[:40]])
    figures: dict[str, Any] = {"points": points, "dimensions": DIMENSIONS}
    index = EdgeIndex(folder / "index", model=MODEL, dimensions=DIMENSIONS)
    figures["filling_s"] = round(await fill(index, drawn, exact), 1)
    figures["before_optimising"] = await ask(index, questions, people, exact)
    began = time.perf_counter()
    assert await index.tend(asked=True)
    figures["optimising_s"] = round(time.perf_counter() - began, 1)
    await index.close()
    began = time.perf_counter()
    index = EdgeIndex(folder / "index", model=MODEL, dimensions=DIMENSIONS)
    figures["opening_s"] = round(time.perf_counter() - began, 2)
    figures["after_optimising"] = await ask(index, questions, people, exact)
    size = await index.size()
    figures |= {"segments": size.segments, "disk_mb": (size.bytes or 0) >> 20, "memory_mb": memory_mb()}
    await index.close()
    return figures


async def fill(index: EdgeIndex, drawn: Drawn, exact: Exact) -> float:
    """Seconds that the engine took; drawing and comparing are left out."""
    taken = 0.0
    for rows, vectors in drawn.batches():
        exact.add(rows, vectors)
        ids = [point_id(MODEL, row.ref, "body", 0) for row in rows]
        named = dict(zip(ids, vectors.tolist(), strict=True))
        began = time.perf_counter()
        await index.put(rows, {})
        await index.add_vectors(named)
        taken += time.perf_counter() - began
    began = time.perf_counter()
    await index.flush()
    return taken + time.perf_counter() - began


async def ask(
    index: EdgeIndex, questions: Any, people: Sequence[tuple[str, ...]], exact: Exact
) -> dict[str, Any]:
    crm_map, user = load_map(DEMO_MAP), CrmUser(1, {})
    times: dict[str, list[float]] = {"meaning": [], "both": []}
    right = 0
    for number, grants in enumerate(people):
        visibility = Visibility(crm_map, user, grants)
        meaning = Leg(vector=questions[number].tolist())
        terms = Leg(terms=Sparse(sorted({7, 40 + number, 300 + number, 1_000 + number}), [1.0] * 4))
        for name, legs in (("meaning", [meaning]), ("both", [meaning, terms])):
            began = time.perf_counter()
            found = await index.search(visibility, legs)
            times[name].append((time.perf_counter() - began) * 1000)
            if number < 40 and name == "meaning":
                right += len({hit.key for hit in found[0][:10]} & exact.keys(number))
    figures: dict[str, Any] = {"recall_at_10": round(right / 400, 3)}
    for name, taken in times.items():
        cuts = statistics.quantiles(taken[20:], n=20)
        figures[f"{name}_ms"] = {"p50": round(statistics.median(taken[20:]), 2), "p95": round(cuts[18], 2)}
    return figures


def memory_mb() -> int:
    """What this process holds in memory, files that are mapped included."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(json.dumps(asyncio.run(measure(given.points, Path(folder))), indent=2))


if __name__ == "__main__":
    main()
