"""Processes known by pid and start time, so that a recycled pid is never mistaken for a child of ours."""

import json
import os
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# psutil derives a start time from the boot time and clock ticks (10 ms): the same process always yields the
# same value within one boot, and the tolerance only absorbs a clock that was set in between.
_SAME_START_S = 0.05


@dataclass(frozen=True, slots=True)
class ProcessRef:
    """One process: `started` is seconds since the epoch as the kernel's accounting gives it."""

    pid: int
    started: float


def process_ref(pid: int) -> ProcessRef | None:
    """Return the reference of a running process, None when there is none (a zombie does not run)."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessRef(pid, process.create_time())
    except psutil.NoSuchProcess:
        return None


def is_running(ref: ProcessRef) -> bool:
    """Return whether the very process that `ref` was made of still runs."""
    now = process_ref(ref.pid)
    return now is not None and abs(now.started - ref.started) <= _SAME_START_S


def describe(pid: int) -> str:
    """Return `pid 123 python` for people; the name is left out when it may not be read."""
    try:
        return f"pid {pid} {psutil.Process(pid).name()}"
    except psutil.Error:
        return f"pid {pid}"


def listener_on(port: int) -> int | None:
    """Return the pid that listens on a TCP port of this machine, None when it may not be known."""
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
            return process.pid
    return None


def runs_in(pid: int, name: str, folder: Path) -> bool:
    """Return whether `pid` is a program called `name` that works in `folder`."""
    try:
        process = psutil.Process(pid)
        return process.name() == name and Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return False


def write_pid_file(path: Path, ref: ProcessRef) -> None:
    """Record `ref` atomically: a reader sees the old record or the new one, never half of one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(ref)), encoding="utf-8")
    fresh.replace(path)


def read_pid_file(path: Path) -> ProcessRef | None:
    """Return the recorded process, None when the file is missing or was cut off by a crash."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return ProcessRef(int(record["pid"]), float(record["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def marked(variable: str, value: str) -> list[ProcessRef]:
    """Return the processes whose environment at their start held `variable=value`.

    The environment of other accounts' processes cannot be read; those are never returned.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                found.append(ProcessRef(process.pid, process.create_time()))
        except psutil.Error:
            continue
    return [ref for ref in found if is_running(ref)]


def descendants(pid: int) -> list[ProcessRef]:
    """Return the running children of `pid` and theirs."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    found = []
    for member in family:
        ref = process_ref(member.pid)
        if ref is not None:
            found.append(ref)
    return found


def end(refs: Iterable[ProcessRef], sign: signal.Signals, timeout: float) -> list[ProcessRef]:
    """Send `sign` to each, wait up to `timeout` seconds in all, kill what is left; return what was ended."""
    ended = []
    processes = []
    for ref in refs:
        if not is_running(ref):
            continue
        try:
            process = psutil.Process(ref.pid)
            process.send_signal(sign)  # psutil compares the start time once more before it sends
        except psutil.NoSuchProcess:
            continue
        processes.append(process)
        ended.append(ref)
    _, alive = psutil.wait_procs(processes, timeout=timeout)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)
    return ended
