"""Quantise weights in a passing environment: packages laid over the engine's own, removed afterwards."""

import json
import shutil
from pathlib import Path

from models.children import run_lines
from models.engine import engine_python
from models.entries import Recipe
from models.errors import EngineMissing, QuantisationFailed
from models.pip import PipReader, run_pip
from models.progress import OnProgress, Phase, Progress

RECIPE_SCRIPT = Path(__file__).parent / "recipes" / "w8a8.py"
TOOLS_LOCK = Path(__file__).parent / "locks" / "quantising.txt"


def quantise(
    recipe: Recipe,
    original: Path,
    result: Path,
    scratch: Path,
    engine: Path | None,
    on_progress: OnProgress,
    hold: int | None = None,
) -> dict[str, str]:
    """Write the quantised model into `result`; returns the versions of the tools that made it.

    The overlay (300 MB) exists only while this runs.
    Raises EngineMissing, QuantisationFailed, DownloadFailed, DiskFull, ChecksumMismatch.
    """
    if engine is None:
        raise EngineMissing(
            "Quantising runs in the model server's environment; install the engine first and name it."
        )
    python = engine_python(engine)
    overlay = scratch / "overlay"
    try:
        _lay_overlay(python, overlay, scratch, on_progress, hold)
        return _run_recipe(recipe, python, overlay, original, result, scratch, on_progress, hold)
    finally:
        shutil.rmtree(overlay, ignore_errors=True)


def _lay_overlay(
    python: Path, overlay: Path, scratch: Path, on_progress: OnProgress, hold: int | None
) -> None:
    expected = sum(1 for line in TOOLS_LOCK.read_text(encoding="utf-8").splitlines() if "==" in line)
    on_progress(Progress(Phase.DOWNLOADING, "quantising tools", 0, expected, unit="packages"))
    arguments = [
        "install",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
        "--no-compile",
    ]
    where = ["--target", str(overlay), "-r", str(TOOLS_LOCK)]
    run_pip([*arguments, *where], scratch, PipReader(on_progress, expected), hold, into=python)


def _run_recipe(
    recipe: Recipe,
    python: Path,
    overlay: Path,
    original: Path,
    result: Path,
    scratch: Path,
    on_progress: OnProgress,
    hold: int | None,
) -> dict[str, str]:
    order = {
        "overlay": str(overlay),
        "original": str(original),
        "gguf": recipe.gguf,
        "result": str(result),
        "scratch": str(scratch),
        "scheme": recipe.scheme,
        "targets": recipe.targets,
        "ignore": list(recipe.ignore),
    }
    versions: dict[str, str] = {}

    def hear(line: str) -> None:
        if line.startswith("step: "):
            on_progress(Progress(Phase.QUANTISING, line.removeprefix("step: ")))
        elif line.startswith("tools: "):
            versions.update(json.loads(line.removeprefix("tools: ")))

    env = {
        "HOME": str(scratch),
        "HF_HOME": str(scratch / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    outcome = run_lines(
        [str(python), "-s", "-P", str(RECIPE_SCRIPT), json.dumps(order)],
        env=env,
        on_line=hear,
        hold=hold,
        cwd=scratch,
    )
    if outcome.code or not (result / "config.json").is_file() or not versions:
        raise QuantisationFailed(
            f"The quantising recipe ended with code {outcome.code} and left no model. If memory was short, "
            f"free some and start again; otherwise report its last words: {outcome.tail[-1500:]}"
        )
    return versions
