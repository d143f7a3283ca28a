"""Can the time of an answer tell a forbidden record from one that does not exist?

`python -m tests.retrieval.timing [PAIRS]`: asks about both in turn, in random order, of a real process,
and compares by the Mann-Whitney U test (Mann & Whitney 1947, normal approximation with ties) and by the
difference of medians with a bootstrap interval. JSON on standard output; beside it the same for two halves of
the answers about records that do not exist, which differ by noise alone.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from retrieval import SyncSettings, seed_demo_company
from tests.clusters import running_cluster

from .oracle import Oracle
from .stand import Running, Stand, principal

_BOOTSTRAPS = 2_000
_QUESTIONS = (
    ("which cases are open", "entities"),
    ("what was promised", "scope"),
    ("a refund for a late delivery", "entities"),
    ("what is the state of case {}?", "number"),
    ("What is {} about, and how long is the warranty on a heat pump?", "number"),
)


async def measure(process: Running, pairs: int) -> dict[str, Any]:
    """Milliseconds of answers about forbidden and absent records, and what the tests say."""
    oracle = Oracle(process.stand.crm_dsn)
    draw = random.Random(17)  # noqa: S311 - test data
    people = [one for one in oracle.people if one.role == "rep"]
    forbidden = {
        one.login: [ref for ref in oracle.refs() if ref.startswith(("account:", "case:", "contact:"))]
        for one in people
    }
    hidden = {
        one.login: [ref for ref in forbidden[one.login] if not oracle.may_see(one, ref)][::7]
        for one in people
    }
    times: dict[str, list[float]] = {"forbidden": [], "absent": []}
    for number in range(pairs + 20):
        person = draw.choice(people)
        question, how = draw.choice(_QUESTIONS)
        if how == "number":
            case = draw.choice([one for one in hidden[person.login] if one.startswith("case:")])
            ref = oracle.rows["case"][int(case.partition(":")[2])]["case_no"]
            absent = f"CS-{draw.randint(90_000, 99_999)}"
        else:
            ref = draw.choice(hidden[person.login])
            absent = f"{ref.partition(':')[0]}:{draw.randint(10**6, 10**7)}"
        both = [("forbidden", ref), ("absent", absent)]
        draw.shuffle(both)
        for name, one in both:
            options: dict[str, Any] = {"entities": {"entities": (one,)}, "scope": {"scope": one}}.get(how, {})
            began = time.perf_counter()
            await process.client.search(principal(person.login), question.format(one), **options)
            if number >= 20:  # the first ones warm up
                times[name].append((time.perf_counter() - began) * 1000)
    halves = times["absent"][::2], times["absent"][1::2]
    return {
        "pairs": pairs,
        "median_ms": {name: round(statistics.median(each), 3) for name, each in times.items()},
        "p95_ms": {name: round(statistics.quantiles(each, n=20)[18], 3) for name, each in times.items()},
        "forbidden_against_absent": compared(times["forbidden"], times["absent"]),
        "noise_alone": compared(*halves),
    }


def compared(one: Sequence[float], other: Sequence[float]) -> dict[str, Any]:
    """The chance that one answer takes longer than the other (0.5: none can tell), its p, and medians."""
    u, p = mann_whitney(one, other)
    draw = random.Random(3)  # noqa: S311 - test data
    differences = sorted(
        statistics.median(draw.choices(one, k=len(one)))
        - statistics.median(draw.choices(other, k=len(other)))
        for _ in range(_BOOTSTRAPS)
    )
    low, high = differences[int(0.025 * _BOOTSTRAPS)], differences[int(0.975 * _BOOTSTRAPS)]
    return {
        "longer": round(u / (len(one) * len(other)), 4),
        "p": round(p, 4),
        "difference_of_medians_ms": round(statistics.median(one) - statistics.median(other), 3),
        "interval_95_ms": [round(low, 3), round(high, 3)],
    }


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """U of `one`, and the two-sided p."""
    ordered = sorted([*((value, True) for value in one), *((value, False) for value in other)])
    ranks, ties, start = 0.0, 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        rank = (start + 1 + end) / 2
        ranks += rank * sum(mine for _, mine in ordered[start:end])
        ties += (end - start) ** 3 - (end - start)
        start = end
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    whole = n + m
    spread = math.sqrt(n * m / 12 * (whole + 1 - ties / (whole * (whole - 1))))
    return u, math.erfc(abs(u - n * m / 2) / spread / math.sqrt(2))


async def _run(stand: Stand, pairs: int) -> dict[str, Any]:
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        return await measure(process, pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=int, nargs="?", default=1_000)
    pairs = parser.parse_args().pairs
    with running_cluster() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
            connection.execute("CREATE DATABASE demo")
        seed_demo_company(cluster.dsn("demo"))
        sync = SyncSettings(embed_batch=256, poll_s=3_600)
        stand = Stand.make(
            cluster.folder.parent / "stand", cluster.dsn("appliance"), cluster.dsn("demo"), sync=sync
        )
        print(json.dumps(asyncio.run(_run(stand, pairs)), indent=2))


if __name__ == "__main__":
    main()
