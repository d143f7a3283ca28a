"""Measure how long a change of the CRM takes to be answerable: `python -m tests.retrieval.measure_changes`.

Options: `--seconds N` (30), `--rate N` writes a second (120), `--poll` (by watermark instead of the log).
Writers insert, update and delete at the rate while probes, two a second, write a word that is nowhere else
and ask for it until a search by terms finds the row. The time counts from the commit. Everything is real but
the embedding model: vectors are hashed words.
"""

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import psycopg

from retrieval import SyncSettings, seed_demo_company
from retrieval.index import Leg, Terms
from retrieval.rights import visibility_of
from tests.clusters import running_cluster

from .oracle import Oracle
from .stand import Running, Stand, principal
from .writers import Writers

_GIVE_UP_S = 60.0


async def measure(stand: Stand, seconds: float, rate: float) -> dict[str, Any]:
    """Milliseconds from commit to found, and how many writes a second there were."""
    figures: dict[str, Any] = {}
    async with stand.running() as process:
        await process.caught_up()
        status = await process.follower.status()
        assert status.following is not None
        figures["mode"] = status.following.mode
        figures["rows"] = sum(one.rows for one in status.entities)
        await process.vectors_filled()
        idle = await _probe(process, stand, 10, "idle", 0)
        figures["without_load_ms"] = _cuts(idle)
        writers = Writers(stand.crm_dsn, rate=rate, seed=1, owners=0.2)
        await asyncio.to_thread(writers.start)
        began = time.monotonic()
        try:
            await asyncio.sleep(2)
            taken = await _probe(process, stand, int(seconds * 2), "load", 1_000)
        finally:
            await asyncio.to_thread(writers.stop)
        figures["writes_a_second"] = round(writers.written / (time.monotonic() - began), 1)
        figures["with_load_ms"] = _cuts(taken)
    return figures


async def _probe(process: Running, stand: Stand, times: int, name: str, first: int) -> list[float]:
    login = Oracle(stand.crm_dsn).people[0].login
    visibility = await visibility_of(process.state["records"], principal(login))
    assert visibility is not None
    terms, taken = Terms(), []
    pending: set[asyncio.Task[float]] = set()

    async def one(number: int) -> float:
        word = f"zw{name}{number}x{'qvjxz'[number % 5]}{number * 7919}"
        key = 50_000 + number
        statement = (
            "INSERT INTO articles (id, title, category, audience, staff_only, body, updated_on)"
            " VALUES (%s, %s, 'parts', 'public', false, %s, current_date)"
        )
        await asyncio.to_thread(stand.crm, statement, key, f"Probe {name} {number}", f"About {word}.")
        began = time.perf_counter()
        while time.perf_counter() - began < _GIVE_UP_S:
            (hits,) = await process.state["index"].search(visibility, [Leg(terms=terms.of_query(word))])
            if any(hit.ref == f"article:{key}" for hit in hits):
                return (time.perf_counter() - began) * 1000
            await asyncio.sleep(0.02)
        return _GIVE_UP_S * 1000

    for number in range(first, first + times):
        pending.add(asyncio.create_task(one(number)))
        await asyncio.sleep(0.5)
    for task in pending:
        taken.append(await task)
    return taken


def _cuts(taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    found = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "most": max(taken)}
    return {"probes": len(taken), **{name: round(value) for name, value in found.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=120)
    parser.add_argument("--poll", action="store_true")
    chosen = parser.parse_args()
    if chosen.rate <= 0:
        parser.error("--rate is more than 0; the first figures are those without writers")
    with running_cluster() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
            connection.execute("CREATE DATABASE demo")
        seed_demo_company(cluster.dsn("demo"))
        sync = SyncSettings(embed_batch=64, follow="poll" if chosen.poll else "log")
        folder = cluster.folder.parent / "stand"
        stand = Stand.make(folder, cluster.dsn("appliance"), cluster.dsn("demo"), sync=sync)
        print(json.dumps(asyncio.run(measure(stand, chosen.seconds, chosen.rate)), indent=2))


if __name__ == "__main__":
    main()
