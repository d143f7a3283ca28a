"""pip, as a child process: what it says becomes progress, and its failures become sentences."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.children import Outcome, run_lines
from models.errors import ChecksumMismatch, DiskFull, DownloadFailed
from models.progress import OnProgress, Phase, Progress

# `--progress-bar raw` writes machine-readable lines since this version.
_RAW_PROGRESS_SINCE = (24, 1)
_UNITS = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_DOWNLOADING = re.compile(r"^\s*Downloading (?P<what>\S+)(?: \((?P<size>[\d.]+) (?P<unit>bytes|[kMG]B)\))?")
_PROGRESS = re.compile(r"^Progress (?P<done>\d+) of (?P<total>\d+)$")
_COLLECTING = re.compile(r"^Collecting (?P<what>[^\s=<>!;]+)")
_USING = re.compile(r"^\s*(?:Using cached|Processing|Saved) (?P<what>\S+)")
_INSTALLING = re.compile(r"^Installing collected packages: (?P<what>.+)$")


@dataclass(slots=True)
class PipReader:
    """Turns pip's lines into progress. `packages` is how many are expected in all, where that is known."""

    on_progress: OnProgress
    packages: int | None = None
    _seen: set[str] = field(default_factory=set)
    _current: str = ""

    def line(self, text: str) -> None:
        if match := _PROGRESS.match(text):
            done, total = int(match["done"]), int(match["total"])
            self.on_progress(Progress(Phase.DOWNLOADING, self._current or "a package", done, total))
        elif match := _DOWNLOADING.match(text):
            self._current = _short(match["what"])
            size = int(float(match["size"]) * _UNITS[match["unit"]]) if match["size"] else None
            self.on_progress(Progress(Phase.DOWNLOADING, self._current, 0 if size else None, size))
        elif match := _COLLECTING.match(text):
            self._seen.add(match["what"])
            self.on_progress(
                Progress(Phase.DOWNLOADING, match["what"], len(self._seen), self.packages, unit="packages")
            )
        elif match := _USING.match(text):
            self._current = _short(match["what"])
        elif match := _INSTALLING.match(text):
            count = match["what"].count(",") + 1
            self.on_progress(Progress(Phase.INSTALLING, f"{count} packages", 0, count, unit="packages"))


def download(
    requirement: Sequence[str],
    into: Path,
    scratch: Path,
    on_progress: OnProgress,
    hold: int | None,
) -> None:
    """`pip download` what `requirement` (lines with hashes) pins, and nothing that it depends on."""
    listing = scratch / "requirements.txt"
    listing.write_text("\n".join(requirement) + "\n", encoding="utf-8")
    argv = ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-cache-dir"]
    run_pip([*argv, "-d", str(into), "-r", str(listing)], scratch, PipReader(on_progress), hold)


def run_pip(
    arguments: Sequence[str],
    scratch: Path,
    reader: PipReader,
    hold: int | None,
    into: Path | None = None,
) -> None:
    """Run our own pip, for the environment of the Python `into` where given; it works in `scratch`.

    Raises DownloadFailed, DiskFull, ChecksumMismatch.
    """
    version = pip_version(scratch)
    bar = "raw" if version >= _RAW_PROGRESS_SINCE else "off"
    target = ["--python", str(into)] if into else []
    argv = [sys.executable, "-I", "-m", "pip", *target, *arguments, "--progress-bar", bar, "--no-input"]
    settings = {
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    outcome = run_lines(argv, env=settings, on_line=reader.line, hold=hold)
    if outcome.code:
        raise explain(outcome)


def pip_version(scratch: Path) -> tuple[int, int]:
    """Raises DownloadFailed where this Python has no pip."""
    lines: list[str] = []
    outcome = run_lines(
        [sys.executable, "-I", "-m", "pip", "--version"], env={"TMPDIR": str(scratch)}, on_line=lines.append
    )
    match = re.search(r"pip (\d+)\.(\d+)", " ".join(lines))
    if outcome.code or not match:
        raise DownloadFailed(
            f"{sys.executable} has no pip; run `{sys.executable} -m ensurepip` and start again."
        )
    return int(match[1]), int(match[2])


def explain(outcome: Outcome) -> DownloadFailed | DiskFull | ChecksumMismatch:
    """The error that pip's last lines speak of."""
    last = _last_error(outcome.tail)
    if "No space left on device" in outcome.tail or "Disk quota exceeded" in outcome.tail:
        return DiskFull(
            "The disk ran full while packages were fetched or unpacked; make room and start again."
        )
    if "DO NOT MATCH THE HASHES" in outcome.tail:
        return ChecksumMismatch(
            f"A package that was fetched is not the pinned one, so nothing was installed. Ask who runs the "
            f"package index; do not go around this check. pip said: {last}"
        )
    if "No matching distribution" in outcome.tail or "Could not find a version" in outcome.tail:
        return DownloadFailed(
            f"The package index that pip uses does not have what is needed, or cannot be reached. Check the "
            f"network, the proxy and `pip config list`, then start again. pip said: {last}"
        )
    return DownloadFailed(
        f"pip ended with code {outcome.code}. Check the network and the proxy, then start again; what was "
        f"fetched is kept. pip said: {last}"
    )


def _last_error(tail: str) -> str:
    lines = [line for line in tail.splitlines() if not line.startswith("WARNING: Location")]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return errors[-1].strip() if errors else "nothing"


def _short(what: str) -> str:
    return what.rsplit("/", 1)[-1].split("-", 1)[0] if "/" in what or what.endswith(".whl") else what
