"""Processes known by pid and start time, so that a recycled pid is never mistaken for a child of ours."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_ZOMBIE = "Z"
_KILL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ProcessRef:
    """One process. `started` tells it from every other that ever has its pid, whatever the clock says."""

    pid: int
    started: str


def process_ref(pid: int) -> ProcessRef | None:
    """Return the reference of a running process, None when there is none (a zombie does not run)."""
    started = _start_by_ticks(pid) if sys.platform.startswith("linux") else _start_by_clock(pid)
    return ProcessRef(pid, started) if started is not None else None


def is_running(ref: ProcessRef) -> bool:
    """Return whether the very process that `ref` was made of still runs."""
    return process_ref(ref.pid) == ref


def _start_by_ticks(pid: int) -> str | None:
    """Return boot and clock ticks since: a start time in seconds would move with the system's clock."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rpartition(")")[2].split()  # the name before it may hold anything
    if fields[0] == _ZOMBIE:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{fields[19]}"


def _start_by_clock(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.NoSuchProcess:
        return None


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


@dataclass(frozen=True, slots=True)
class PidRecord:
    """What is written down of a running child, for the start after a crash."""

    process: ProcessRef
    stop_signal: signal.Signals
    stop_timeout: float


def write_pid_file(path: Path, record: PidRecord) -> None:
    """Write a record as JSON, atomically: a reader sees the old one or the new one, never half of one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(_as_json(record)), encoding="utf-8")
    fresh.replace(path)


def read_pid_file(path: Path) -> PidRecord | None:
    """Return the record, None when the file is missing or was cut off."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return PidRecord(
            ProcessRef(int(fields["pid"]), str(fields["started"])),
            signal.Signals(fields["stop_signal"]),
            float(fields["stop_timeout"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _as_json(record: PidRecord) -> dict[str, object]:
    return {
        "pid": record.process.pid,
        "started": record.process.started,
        "stop_signal": int(record.stop_signal),
        "stop_timeout": record.stop_timeout,
    }


def marked(variable: str, value: str) -> list[ProcessRef]:
    """Return the processes, except us and our ancestors, that were started with `variable=value`.

    The environment of other accounts' processes cannot be read; those are never returned.
    """
    found = []
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            hit = process.pid not in ours and process.environ().get(variable) == value
        except (psutil.Error, OSError):
            continue
        if hit and (ref := process_ref(process.pid)) is not None:
            found.append(ref)
    return found


def writing_to(folder: Path) -> list[ProcessRef]:
    """Return the processes, except us and our ancestors, whose output goes into a file of `folder`.

    This finds those too that have overwritten their environment, as servers that set a title do. Linux only.
    """
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    place = folder.resolve()
    return [
        ref
        for pid in psutil.pids()
        if pid not in ours and any(path.parent == place for path in _outputs(pid))
        if (ref := process_ref(pid)) is not None
    ]


def _outputs(pid: int) -> Iterator[Path]:
    for handle in (1, 2):
        with suppress(OSError):
            yield Path(os.readlink(f"/proc/{pid}/fd/{handle}"))


def session_members(leader: int) -> list[ProcessRef]:
    """Return what is left of the session that the ended process `leader` led.

    The kernel gives a pid to no one else while a session still bears it; so where a process has that pid
    again, the old session is empty.
    """
    if psutil.pid_exists(leader):
        return []
    found = []
    for pid in psutil.pids():
        try:
            member = os.getsid(pid) == leader
        except OSError:
            continue
        if member and (ref := process_ref(pid)) is not None:
            found.append(ref)
    return found


def session_of(ref: ProcessRef) -> int | None:
    """Return the pid of the leader of the session a process is in, None when the process has ended."""
    try:
        return os.getsid(ref.pid)
    except OSError:
        return None


def end(refs: Iterable[ProcessRef], sign: signal.Signals, timeout: float) -> list[ProcessRef]:
    """Send `sign` to each, wait up to `timeout` seconds in all, kill what is left; return what was ended."""
    ended = [ref for ref in refs if _send(ref, sign)]
    left = _wait_until_gone(ended, timeout)
    for ref in left:
        _send(ref, signal.SIGKILL)
    _wait_until_gone(left, _KILL_TIMEOUT_S)
    return ended


def _send(ref: ProcessRef, sign: signal.Signals) -> bool:
    if not is_running(ref):
        return False
    try:
        os.kill(ref.pid, sign)
    except ProcessLookupError:
        return False
    return True


def _wait_until_gone(refs: Sequence[ProcessRef], timeout: float) -> list[ProcessRef]:
    """Return which still run after `timeout` seconds. They need not be our children, so they are polled."""
    until = time.monotonic() + timeout
    left = [ref for ref in refs if is_running(ref)]
    while left and time.monotonic() < until:
        time.sleep(0.02)
        left = [ref for ref in left if is_running(ref)]
    return left
