"""Rankings as files: TREC runs and judgements for other tools, and every query with what came of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval import System

from .trying import Tried


def write_runs(folder: Path, tried: Sequence[Tried], systems: Sequence[System]) -> None:
    """`qrels.txt` and a `SYSTEM.run` each, in TREC's forms. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = [
        f"{one.query.id} 0 {_word(ref)} {grade}\n"
        for one in tried
        for ref, grade in one.query.relevant.items()
    ]
    (folder / "qrels.txt").write_text("".join(judged), "utf-8")
    for system in systems:
        lines = [
            f"{one.query.id} Q0 {_word(ref)} {place} {1 / place:.6f} {system.value}\n"
            for one in tried
            for place, ref in enumerate(one.ranked[system].refs, 1)
        ]
        (folder / f"{system.value}.run").write_text("".join(lines), "utf-8")


def write_details(
    file: Path, tried: Sequence[Tried], per_query: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> None:
    """A line of JSON for each query: how it was searched, where what is relevant came up, the first ten."""
    with file.open("w", encoding="utf-8") as out:
        for one in tried:
            found = {
                system.value: {
                    "weak": ranked.weak,
                    "ranks": {
                        ref: ranked.refs.index(ref) + 1 if ref in ranked.refs else None
                        for ref in one.query.relevant
                    },
                    "first": list(ranked.refs[:10]),
                    "measures": per_query.get(system.value, {}).get(one.query.id, {}),
                    "ms": {stage: round(value * 1000, 2) for stage, value in ranked.seconds.items()},
                }
                for system, ranked in one.ranked.items()
            }
            query = one.query
            line: dict[str, Any] = {
                "id": query.id,
                "kind": query.kind,
                "turns": query.turns,
                "searched": one.question,
            }
            line |= {"answerable": query.answerable, "template": query.template, "found": found}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _word(ref: str) -> str:
    return "_".join(ref.split())
