"""Optimising beside the running index, and what is left when a process is killed in the middle of it."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.index import EdgeIndex

from .index_child import DIMENSIONS, MODEL, acknowledged, after_rounds, in_round, vector, write

SEEDS = int(os.environ.get("CLOISTER_KILL_SEEDS", "1"))
"""How often to kill at any moment; with more than one, at every step as well."""
STEPS = ("copied", "optimised", "caught up", "durable", "named", "exchanged")


def opened(folder: Path) -> EdgeIndex:
    return EdgeIndex(folder, model=MODEL, dimensions=DIMENSIONS)


async def rows_in(index: EdgeIndex) -> dict[str, str]:
    return {key: one.version for key, one in (await index.load()).get("case", {}).items()}


async def test_what_is_written_while_it_is_optimised_is_in_the_optimised_one(tmp_path: Path) -> None:
    index = opened(tmp_path / "index")
    await write(index, in_round(7, 0))
    tending = asyncio.create_task(index.tend(asked=True))
    rounds = 1
    while not tending.done():
        await write(index, in_round(7, rounds))
        rounds += 1
    assert await tending
    expected = after_rounds(7, rounds)
    assert await rows_in(index) == expected
    found = await index.vectors_for([f"{key}/{version}" for key, version in expected.items()])
    assert found.keys() == {f"{key}/{version}" for key, version in expected.items()}
    for name, stored in found.items():
        wanted = vector(*name.split("/"))
        length = sum(value * value for value in wanted) ** 0.5
        assert stored == pytest.approx([value / length for value in wanted], abs=1e-5)
    size = await index.size()
    assert size.optimised is not None
    assert size.points == len(expected)
    await index.close()
    assert folders_in(tmp_path / "index") == ["s0002"]
    again = opened(tmp_path / "index")
    assert await rows_in(again) == expected
    await again.close()


async def test_it_is_optimised_by_itself_only_when_that_is_worth_it(tmp_path: Path) -> None:
    index = opened(tmp_path / "index")
    await write(index, in_round(7, 0))
    assert not await index.tend()
    assert (await index.size()).loose == 400
    assert folders_in(tmp_path / "index") == ["s0001"]
    await index.close()


async def test_a_child_that_ends_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened(tmp_path / "index")
    await write(index, in_round(7, 0))
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(Exception, match="record index failed"):
        await index.tend(asked=True)
    assert await rows_in(index) == after_rounds(7, 1)
    assert folders_in(tmp_path / "index") == ["s0001"]
    await index.close()


async def test_searches_and_closing_do_not_wait_for_it(tmp_path: Path) -> None:
    index = opened(tmp_path / "index")
    await write(index, in_round(7, 0))
    tending = asyncio.create_task(index.tend(asked=True))
    await asyncio.sleep(0)
    assert await rows_in(index) == after_rounds(7, 1)
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    await write(index, in_round(7, 1))
    await index.close()
    assert folders_in(tmp_path / "index") in (["s0001"], ["s0002"])
    again = opened(tmp_path / "index")
    assert await rows_in(again) == after_rounds(7, 2)
    await again.close()


@pytest.mark.parametrize("step", STEPS if SEEDS > 1 else STEPS[1::2])
async def test_killed_at_a_step_of_the_optimising_it_has_all_that_was_acknowledged(
    tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "index"
    child = start(folder, seed=1, step=step)
    assert await asyncio.to_thread(child.wait, 120) == -signal.SIGKILL
    await all_acknowledged_is_there(folder, seed=1)
    assert len(folders_in(folder)) == 1


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_killed_at_any_moment_it_has_all_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "index"
    draw = random.Random(seed)  # noqa: S311 - test data
    for _ in range(3):
        before = acknowledged(folder)
        child = start(folder, seed, step="never" if draw.random() < 0.5 else "")
        async with asyncio.timeout(60):
            while acknowledged(folder) < before + draw.randint(2, 12):  # noqa: ASYNC110 - another process
                await asyncio.sleep(draw.random() / 50)
        child.kill()
        await asyncio.to_thread(child.wait, 20)
        await all_acknowledged_is_there(folder, seed)


def start(folder: Path, seed: int, step: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.retrieval.index_child", str(folder), str(seed), step]
    )


async def all_acknowledged_is_there(folder: Path, seed: int) -> None:
    """Every row is as it was acknowledged, or as the round left it that was under way."""
    count = acknowledged(folder)
    index = opened(folder)
    found = await rows_in(index)
    await index.close()
    least, most = after_rounds(seed, count), after_rounds(seed, count + 1)
    for key in {*least, *most, *found}:
        # a row whose points disagree has no version and is written anew
        assert found.get(key) in (least.get(key), most.get(key), ""), (key, count)
        if least.get(key) == most.get(key):
            assert found.get(key) == least.get(key), (key, count)


def folders_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir())
