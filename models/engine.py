"""The model server's environment: vLLM in a virtual environment of its own, built from locks."""

import json
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread

from models.children import run_lines
from models.errors import DiskFull, EngineInstallFailed, EngineMissing, ModelsError
from models.folders import full_disk_explained, need_space, only_installer
from models.pip import PipReader, run_pip
from models.progress import OnProgress, Phase, Progress, silent

LOCKS = Path(__file__).parent / "locks"
# Downloads (0.6 GB, kept until the end so that a broken installation can go on) and the environment (2.3 GB).
NEEDED_BYTES = 4_000_000_000
_MARKER = "installed.lock"
_CUDA_BY_DEFAULT = frozenset({"x86_64", "AMD64"})  # elsewhere the public index has the CPU build
_PROBE = "import torch, vllm; from vllm.entrypoints.openai import api_server"


def install_engine(folder: Path, on_progress: OnProgress = silent) -> Path:
    """Make `folder` a virtual environment that serves models, and return its Python.

    Quick when it is there already. The marker is written last and holds the locks' checksum: a folder
    without it, or with another one, is built anew; downloads of an interrupted attempt are used again.
    `on_progress` may be called from another thread.

    Raises EngineInstallFailed, DownloadFailed, DiskFull, ChecksumMismatch, InstallBusy.
    """
    folder = folder.absolute()
    with only_installer(folder, on_progress) as hold:
        if not is_engine_current(folder):
            with full_disk_explained(folder, "the model server"):
                _build(folder, on_progress, hold)
    on_progress(Progress(Phase.DONE, "model server"))
    return engine_python(folder)


def engine_python(folder: Path) -> Path:
    """The environment's Python; raises EngineMissing unless it was installed to the end."""
    if not (folder / _MARKER).is_file():
        raise EngineMissing(
            f"No complete model server environment lies in {folder}; install the engine first."
        )
    return folder.absolute() / "bin" / "python"


def is_engine_current(folder: Path) -> bool:
    """Whether the environment was built to the end from this release's locks."""
    try:
        return (folder / _MARKER).read_text(encoding="utf-8").strip() == _locks_checksum()
    except FileNotFoundError:
        return False


def _build(folder: Path, on_progress: OnProgress, hold: int) -> None:
    downloads, scratch = (folder.parent / f".{folder.name}.{part}" for part in ("downloads", "scratch"))
    need_space(folder, NEEDED_BYTES, "Installing the model server")
    for stale in (folder, scratch):
        shutil.rmtree(stale, ignore_errors=True)
    scratch.mkdir(parents=True)
    python = _create(folder, scratch, on_progress, hold)
    reader = PipReader(on_progress, _count("engine.txt") + _count("engine-torch.txt"))
    exact = ["install", "--no-deps", "--only-binary", ":all:", "--no-compile", "--cache-dir", str(downloads)]
    _require_cpu_build(python, scratch, on_progress, hold)
    # torch first: the largest, and the one whose build the index decides.
    with _unpacked_packages(folder, reader.packages or 0, on_progress):
        run_pip([*exact, "-r", str(LOCKS / "engine-torch.txt")], scratch, reader, hold, into=python)
        hashed = [*exact, "--require-hashes", "-r", str(LOCKS / "engine.txt")]
        run_pip(hashed, scratch, reader, hold, into=python)
    _prove(python, scratch, on_progress, hold)
    (folder / _MARKER).write_text(_locks_checksum() + "\n", encoding="utf-8")
    for done in (scratch, downloads):
        shutil.rmtree(done, ignore_errors=True)


def _require_cpu_build(python: Path, scratch: Path, on_progress: OnProgress, hold: int) -> None:
    """Ask pip which build of torch it would take, before half a gigabyte of the wrong one is fetched."""
    on_progress(Progress(Phase.CHECKING, "the build of torch that pip finds"))
    report = scratch / "torch.json"
    dry = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary", ":all:", "--quiet"]
    lock = str(LOCKS / "engine-torch.txt")
    run_pip([*dry, "--report", str(report), "-r", lock], scratch, PipReader(silent), hold, into=python)
    for package in json.loads(report.read_text(encoding="utf-8"))["install"]:
        version = package["metadata"]["version"]
        if platform.machine() in _CUDA_BY_DEFAULT and not version.endswith("+cpu"):
            raise EngineInstallFailed(
                f"pip finds only the build of torch {version} for NVIDIA GPUs, which does not run here. "
                "Add PyTorch's index of CPU builds to pip's configuration (its address stands on the "
                "installation page of pytorch.org, for pip and CPU): pip config set global.extra-index-url "
                "ADDRESS. Then start again. Everything but the language model works without it (--no-model)."
            )


@contextmanager
def _unpacked_packages(folder: Path, expected: int, on_progress: OnProgress) -> Iterator[None]:
    """Tell every second how many packages stand: pip says nothing while it unpacks."""
    ended = Event()

    def count() -> None:
        before = 0
        while not ended.wait(1):
            there = sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))
            if there > before:
                on_progress(Progress(Phase.INSTALLING, "packages", there, expected, unit="packages"))
            before = there

    watcher = Thread(target=count, name="unpacked-packages", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _create(folder: Path, scratch: Path, on_progress: OnProgress, hold: int) -> Path:
    on_progress(Progress(Phase.INSTALLING, "virtual environment"))
    argv = [sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)]
    outcome = run_lines(argv, env={"TMPDIR": str(scratch)}, on_line=lambda _line: None, hold=hold)
    if outcome.code:
        if "No space left" in outcome.tail:
            raise DiskFull(f"The disk that holds {folder} is full; make room and start again.")
        raise EngineInstallFailed(
            f"{sys.executable} could not create a virtual environment "
            f"(Debian: install python3-venv): {outcome.tail}"
        )
    return folder / "bin" / "python"


def _prove(python: Path, scratch: Path, on_progress: OnProgress, hold: int) -> None:
    """Import the server once, so that a broken build is found now and not when the first question waits."""
    on_progress(Progress(Phase.CHECKING, "the model server's imports"))
    env = {"HOME": str(scratch), "TMPDIR": str(scratch), "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    began = time.monotonic()
    outcome = run_lines(
        [str(python), "-s", "-P", "-c", _PROBE], env=env, on_line=lambda _line: None, hold=hold
    )
    if outcome.code:
        raise EngineInstallFailed(
            f"The model server was installed but cannot be imported ({time.monotonic() - began:.0f} s): "
            f"{outcome.tail[-1500:]}"
        )


def _count(lock: str) -> int:
    return sum(1 for line in (LOCKS / lock).read_text(encoding="utf-8").splitlines() if "==" in line)


def _locks_checksum() -> str:
    """Checksum over the locks and the Python that the environment was built with."""
    digest = sha256(f"{sys.version_info[:2]}".encode())
    for lock in ("engine-torch.txt", "engine.txt"):
        try:
            digest.update((LOCKS / lock).read_bytes())
        except FileNotFoundError as error:
            raise ModelsError(
                f"{LOCKS / lock} is missing: the installation of Cloister is incomplete."
            ) from error
    return digest.hexdigest()
