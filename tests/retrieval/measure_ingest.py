"""Measure taking a CRM in: `python -m tests.retrieval.measure_ingest [passes|repeats|questions] [COPIES]`.

`passes`: the text-only first pass over a large CRM, until search is ready. `repeats`: vectors a second when
none, 80 % and 95 % of the texts have been said before, with the real embedding model where MODEL names the
folder of one that is installed, else with hashed words that take 12 ms each. `questions`: the time of a
question while nothing else runs, and while the whole index is built anew.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from assistant.evaluation.retrieval.embedding import InProcess
from gateway import Principal
from retrieval import Embedder, HashedWords, SyncSettings
from retrieval.index.embedding import Purpose
from tests.clusters import running_cluster

from .big import fill_big
from .oracle import Oracle
from .stand import ADMIN, Running, Stand, principal

_SLOW_S = 0.012
_NOTES = int(os.environ.get("NOTES", "2000"))


class SlowWords(HashedWords):
    """Takes as long as a model would."""

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        await asyncio.sleep(_SLOW_S * len(texts))
        return await super().embed(principal, texts, purpose)


def embedder() -> Embedder:
    folder = os.environ.get("MODEL")
    return InProcess(Path(folder)) if folder else SlowWords()


async def first_pass(stand: Stand) -> dict[str, Any]:
    began, processor = time.perf_counter(), time.process_time()
    async with stand.running() as process:
        await process.caught_up()
        took, cpu = time.perf_counter() - began, time.process_time() - processor
        status = await process.client.sync_status(ADMIN)
        points = sum(one.points for one in status.entities)
        rows = sum(one.rows for one in status.entities)
    return {
        "rows": rows,
        "pieces": points,
        "ready_s": round(took, 1),
        "processor_s": round(cpu, 1),
        "pieces_a_second": round(points / took),
        "load": os.getloadavg()[0],
    }


async def repeats(stand: Stand) -> dict[str, Any]:
    """Notes alone, so many of which say what others said."""
    figures: dict[str, Any] = {"embedder": type(embedder()).__name__}
    texts = [row[0] for row in stand.crm("SELECT body FROM case_notes ORDER BY id")]
    draw = random.Random(4)  # noqa: S311 - test data
    alone = embedder()
    sample = [f"note Heat pump question\n{draw.choice(texts)} {number}" for number in range(128)]
    began = time.perf_counter()
    for start in range(0, len(sample), 16):
        await alone.embed(ADMIN, sample[start : start + 16], "index")
    figures["embedding_alone_texts_a_second"] = rate = round(len(sample) / (time.perf_counter() - began), 1)
    stand.crm("DELETE FROM cases WHERE id > 1")
    stand.crm("DELETE FROM orders")
    stand.crm("DELETE FROM contacts")
    stand.crm("DELETE FROM accounts WHERE id <> (SELECT account_id FROM cases)")
    for share in (0, 80, 95):
        stand.crm("DELETE FROM case_notes")
        stock = [f"{draw.choice(texts)} Reference word {_word(number)}." for number in range(_NOTES)]
        fresh = max(1, _NOTES * (100 - share) // 100)
        said = stock[:fresh] + [draw.choice(stock[:fresh]) for _ in range(_NOTES - fresh)]
        draw.shuffle(said)
        with psycopg.connect(stand.crm_dsn) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO case_notes (id, case_id, case_no, author_id, internal, confidential, written_on,"
                " body) VALUES (%s, (SELECT id FROM cases), 'CS-1', 1, false, false, now(), %s)",
                list(enumerate(said, 1_000_000 * (share + 1))),
            )
        async with stand.running(embedder()) as process:
            filler = process.state["filler"]
            await process.caught_up()
            began = time.perf_counter()
            await process.vectors_filled()
            done = filler.embedded + filler.copied
            a_second = done / (time.perf_counter() - began)
            figures[f"{share} % repeats"] = {
                "vectors": done,
                "embedded": filler.embedded,
                "a_second": round(a_second, 1),
                "of_embedding_alone": round(a_second / rate, 1),
            }
            print(f"{share} %", figures[f"{share} % repeats"], file=sys.stderr, flush=True)
    return figures


def _word(number: int) -> str:
    letters = "bcdfghklmnprstvz"
    return "".join(letters[number // 16**place % 16] + "aeiou"[place % 5] for place in range(4))


async def questions(stand: Stand, times: int = 150) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        ask = _asker(process, stand)
        await _timed(ask, 20)
        figures["quiet"] = await _timed(ask, times)
        await process.client.sync_rebuild(ADMIN)
        await asyncio.sleep(2)
        figures["while_it_is_built_anew"] = await _timed(ask, times)
        state = await process.client.sync_rebuilding(ADMIN)
        figures["still_building_at_the_end"] = state.running
        figures["p95_ratio"] = round(figures["while_it_is_built_anew"]["p95"] / figures["quiet"]["p95"], 2)
        figures["load"] = os.getloadavg()[0]
    return figures


def _asker(process: Running, stand: Stand) -> Any:
    oracle, draw = Oracle(stand.crm_dsn), random.Random(3)  # noqa: S311 - test data
    words = sorted({word for row in oracle.rows["case"].values() for word in row["description"].split()})
    people = [one.login for one in oracle.people if one.role in ("rep", "lead")]

    async def ask() -> None:
        question = "what about " + " ".join(draw.sample(words, 4))
        await process.client.search(principal(draw.choice(people)), question)

    return ask


async def _timed(ask: Any, times: int) -> dict[str, float]:
    taken = []
    for _ in range(times):
        await asyncio.sleep(0.1)
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(taken, n=20)
    return {"p50": round(statistics.median(taken), 1), "p95": round(cuts[18], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("passes", "repeats", "questions"), nargs="?", default="passes")
    parser.add_argument("copies", type=int, nargs="?", default=1)
    options = parser.parse_args()
    what, copies = options.what, options.copies
    with running_cluster() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
            connection.execute("CREATE DATABASE demo")
        fill_big(cluster.dsn("demo"), copies)
        sync = SyncSettings(follow="poll", embed_batch=16, fill_vectors=what != "passes")
        folder = cluster.folder.parent / "stand"
        stand = Stand.make(folder, cluster.dsn("appliance"), cluster.dsn("demo"), sync=sync)
        measure = {"passes": first_pass, "repeats": repeats, "questions": questions}[what]
        print(json.dumps(asyncio.run(measure(stand)), indent=2))


if __name__ == "__main__":
    main()
