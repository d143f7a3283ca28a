"""A process that writes to an index, for a test to kill: `FOLDER SEED STEP`.

Round by round it writes, flushes and says so in the file `acknowledged` beside FOLDER. With a STEP of the
optimising it optimises meanwhile and kills itself there.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from retrieval.index import EdgeIndex, IndexedChunk, IndexedRow, Sparse, point_id

MODEL, DIMENSIONS, ROWS = "model", 8, 400


def in_round(seed: int, number: int) -> dict[str, str | None]:
    """What one round writes: key → version, None where it takes the row out."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - test data
    keys = draw.sample(range(ROWS), 60) if number else range(ROWS)
    return {str(key): None if number and draw.random() < 0.2 else f"{number}" for key in keys}


def after_rounds(seed: int, count: int) -> dict[str, str]:
    """The rows there are after so many rounds."""
    rows: dict[str, str] = {}
    for number in range(count):
        for key, version in in_round(seed, number).items():
            if version is None:
                rows.pop(key, None)
            else:
                rows[key] = version
    return rows


def row(key: str, version: str) -> IndexedRow:
    terms = Sparse([int(key), 10_000 + int(version)], [1.0, 1.0])
    chunk = IndexedChunk("body", 0, f"{key}/{version}", terms, True, f"{key}/{version}")
    return IndexedRow("case", key, version, "shape", "", ("a",), (), (chunk,))


def vector(key: str, version: str) -> list[float]:
    draw = random.Random(f"{key}/{version}")  # noqa: S311 - test data
    return [draw.gauss(0, 1) for _ in range(DIMENSIONS)]


async def write(index: EdgeIndex, changes: dict[str, str | None]) -> None:
    known = {f"case:{key}": one for key, one in (await index.load()).get("case", {}).items()}
    kept = {key: version for key, version in changes.items() if version is not None}
    await index.put([row(key, version) for key, version in kept.items()], known)
    ids = {key: point_id(MODEL, f"case:{key}", "body", 0) for key in changes}
    await index.add_vectors({ids[key]: vector(key, version) for key, version in kept.items()})
    await index.drop([ids[key] for key in changes.keys() - kept.keys()])


def acknowledge(folder: Path, number: int) -> None:
    with folder.with_name("acknowledged").open("a") as file:
        file.write(f"{number}\n")


def acknowledged(folder: Path) -> int:
    """How many rounds were acknowledged."""
    file = folder.with_name("acknowledged")
    return len(file.read_text().split()) if file.exists() else 0


async def run(folder: Path, seed: int, step: str) -> None:
    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    index = EdgeIndex(folder, model=MODEL, dimensions=DIMENSIONS, on_step=on_step)
    tending: Iterable[asyncio.Task[bool]] = ()
    for number in range(acknowledged(folder), 100_000):
        await write(index, in_round(seed, number))
        await index.flush()
        acknowledge(folder, number)
        if step and not tending and number > 3:
            tending = [asyncio.create_task(index.tend(asked=True))]


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
