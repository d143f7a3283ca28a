"""Measure whole questions over many passages: `python -m tests.retrieval.measure_questions [--copies 10]`.

The CRM is `tests.retrieval.big`: ten copies are more than 100,000 pieces of prose. Their vectors are hashed
words, because really embedding them takes hours; those of questions too, unless `--model` names the folder of
the embedding model. A question is one of our own set, by the person who asks it there: its names are hidden,
it is embedded, searched by words and meaning under that person's rights, and what is found is checked in the
CRM.

Milliseconds by the clock; `cpu_ms` is this process's processor time, which says what a shared machine hides.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from assistant.evaluation.retrieval import Asker, InProcess, Query, own_queries
from gateway import Principal
from redaction import load_redactor
from retrieval import (
    Embedder,
    HashedWords,
    Phase,
    System,
    Trial,
    build_company,
    load_map,
    open_trial,
    shipped_map,
)
from tests.clusters import running_cluster

from .big import ANCHOR, fill_big

_LIMIT: Final = 8  # passages, as an answer takes them
_WARM: Final = 20


class QuestionsOnly:
    """The real model for questions, hashed words for what is indexed."""

    def __init__(self, model: Path) -> None:
        self._model = InProcess(model)
        self._hashed = HashedWords()

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Any) -> list[list[float]]:
        way: Any = self._model if purpose == "query" else self._hashed
        found: list[list[float]] = await way.embed(principal, texts, purpose)
        return found


async def measure(dsn: str, folder: Path, embedder: Embedder, questions: int) -> dict[str, Any]:
    """Seconds of building, and percentiles of questions."""
    done = dict.fromkeys(Phase, 0)

    def told(phase: Phase, some: int, total: int) -> None:
        done[phase] += some
        if done[phase] == total or done[phase] // 10_000 > (done[phase] - some) // 10_000:
            print(f"{phase}: {done[phase]:,} of {total:,}", flush=True)

    file = shipped_map("demo")
    began = time.perf_counter()
    async with open_trial(load_map(file), file, dsn, folder, embedder, told) as trial:
        built = time.perf_counter() - began
        asked = own_queries(build_company(anchor=ANCHOR))
        asker = Asker(load_redactor(ner=False), trial)
        figures = await _asked(trial, asker, asked[:: max(1, len(asked) // questions)][:questions])
    counts = {"rows": done[Phase.ROWS], "vectors": done[Phase.VECTORS], "build_s": round(built, 1)}
    return {**counts, "questions": figures}


async def _asked(trial: Trial, asker: Asker, queries: Sequence[Query]) -> dict[str, Any]:
    ready = [((await asker.ask(one)).model_copy(update={"limit": _LIMIT}), one.login) for one in queries]
    for question, login in ready[:_WARM]:
        await trial.rank(System.OURS, question, login)
    processor = time.process_time()
    seconds = [(await trial.rank(System.OURS, question, login)).seconds for question, login in ready]
    processor = time.process_time() - processor
    stages = dict.fromkeys(stage for one in seconds for stage in one)
    spread = {stage: _spread([one.get(stage, 0.0) for one in seconds]) for stage in stages}
    return {"asked": len(ready), **spread, "cpu_ms": round(processor * 1000 / len(ready), 1)}


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {name: round(cuts[at] * 1000, 1) for name, at in (("p50", 49), ("p95", 94), ("p99", 98))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--model", type=Path, help="folder of the embedding model, for questions")
    wanted = parser.parse_args()
    embedder: Embedder = QuestionsOnly(wanted.model) if wanted.model else HashedWords()
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        dsn = cluster.dsn()
        counts = fill_big(dsn, wanted.copies)
        print(json.dumps(counts), flush=True)
        print(json.dumps(asyncio.run(measure(dsn, Path(folder), embedder, wanted.questions)), indent=2))


if __name__ == "__main__":
    main()
