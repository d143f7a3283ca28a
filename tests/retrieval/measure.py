"""Measure record search at the demo company's size: `python -m tests.retrieval.measure [QUESTIONS]`.

Everything is real but the embedding model: vectors are hashed words, so its time is not in the figures.
Milliseconds by the clock (p50, p95) and of this process's processor time (cpu, mean): the latter says what a
shared machine hides. PostgreSQL's own time is in the former only.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg

from retrieval import SyncSettings, seed_demo_company
from retrieval.index import Leg, Terms
from retrieval.rights import visibility_of
from tests.clusters import running_cluster

from .oracle import Oracle
from .stand import ADMIN, Running, Stand, principal


async def measure(stand: Stand, questions: int) -> dict[str, Any]:
    """Figures of one process: seconds of the sync, milliseconds of questions."""
    figures: dict[str, Any] = {}
    began, processor = time.perf_counter(), time.process_time()
    async with stand.running() as process:
        await process.caught_up()
        figures["first_sync_s"] = round(time.perf_counter() - began, 1)
        figures["first_sync_cpu_s"] = round(time.process_time() - processor, 1)
        await process.vectors_filled()
        status = await process.client.sync_status(ADMIN)
        figures["rows"] = sum(one.rows for one in status.entities)
        figures["points"] = sum(one.points for one in status.entities)
        figures["vectors"] = sum(one.vectors for one in status.entities)
        figures |= await _questions(process, stand, questions)
    began = time.perf_counter()
    async with stand.running() as process:
        await process.caught_up()
        figures["whole_comparison_without_changes_s"] = round(time.perf_counter() - began, 1)
    return figures


async def _questions(process: Running, stand: Stand, questions: int) -> dict[str, Any]:
    oracle = Oracle(stand.crm_dsn)
    draw = random.Random(3)  # noqa: S311 - test data
    words = sorted(
        {word for row in oracle.rows["case"].values() for word in re.findall(r"\w{4,}", row["description"])}
    )
    accounts = [f"account:{key}" for key in oracle.rows["account"]]
    theirs = {
        one.login: [ref for ref in accounts if oracle.may_see(one, ref)]
        for one in oracle.people
        if one.role in ("rep", "lead")
    }
    people = [login for login, refs in theirs.items() if refs]
    terms = Terms()

    async def open_question() -> None:
        question = "what about " + " ".join(draw.sample(words, 4))
        await process.client.search(principal(draw.choice(people)), question)

    async def about_somebody() -> None:
        login = draw.choice(people)
        named = (draw.choice(theirs[login]),)
        await process.client.search(principal(login), "which open cases are there", entities=named)

    visibility = await visibility_of(process.state["records"], principal(people[0]))
    assert visibility is not None
    seen = visibility

    async def engine_alone() -> None:
        found = terms.of_query(" ".join(draw.sample(words, 4)))
        vector = [draw.gauss(0, 1) for _ in range(384)]
        await process.state["index"].search(seen, [Leg(terms=found), Leg(vector=vector)])

    return {
        "open_question_ms": await _timed(open_question, questions),
        "about_a_customer_ms": await _timed(about_somebody, questions),
        "engine_alone_ms": await _timed(engine_alone, questions),
    }


async def _timed(ask: Callable[[], Coroutine[Any, Any, None]], times: int) -> dict[str, float]:
    for _ in range(5):
        await ask()
    taken = []
    processor = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    processor = (time.process_time() - processor) * 1000 / times
    cuts = statistics.quantiles(taken, n=20)
    return {"p50": round(statistics.median(taken), 1), "p95": round(cuts[18], 1), "cpu": round(processor, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=int, nargs="?", default=200)
    questions = parser.parse_args().questions
    with running_cluster() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
            connection.execute("CREATE DATABASE demo")
        seed_demo_company(cluster.dsn("demo"))
        sync = SyncSettings(embed_batch=256)
        folder = cluster.folder.parent / "stand"
        stand = Stand.make(folder, cluster.dsn("appliance"), cluster.dsn("demo"), sync=sync)
        print(json.dumps(asyncio.run(measure(stand, questions)), indent=2))


if __name__ == "__main__":
    main()
