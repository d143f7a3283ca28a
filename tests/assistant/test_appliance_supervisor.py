"""The supervisor against real processes: what is started comes back, and what is stopped is gone."""

import http.client
import os
import queue
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from assistant.appliance.ports import free_port
from assistant.appliance.postgres import server_account
from assistant.appliance.processes import PidRecord, ProcessRef, process_ref, read_pid_file, write_pid_file
from tests.clusters import enterable_folder

ROOT = Path(__file__).parents[2]
PATIENCE = 60


class Up:
    """A running `up`: its lines as they come."""

    def __init__(self, state: Path, scenario: str, ports: Sequence[int]) -> None:
        self.state, self.ports = state, ports
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-u",
                "-m",
                "tests.assistant.appliance_up",
                str(state),
                scenario,
                *map(str, ports),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, words: str) -> str:
        """Return the next line that holds `words`."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            assert line is not None, f"`up` ended without saying {words!r}:\n" + "".join(self.said)
            self.said.append(line)
            if words in line:
                return line

    def end(self, sign: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(sign)
        return self.exit_code()

    def exit_code(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while not self._lines.empty():
            self.said.append(self._lines.get() or "")
        return code

    def child(self, name: str) -> ProcessRef:
        record = read_pid_file(self.state / "run" / f"{name}.pid")
        assert record is not None
        return record.process

    @property
    def text(self) -> str:
        return "".join(self.said)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)


Start = Callable[[str], Up]


@pytest.fixture
def state() -> Iterator[Path]:
    folder = enterable_folder(server_account())
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    running: list[Up] = []
    ports = [free_port(), free_port()]

    def begin(scenario: str) -> Up:
        running.append(Up(state, scenario, ports))
        return running[-1]

    yield begin
    for up in running:
        if up.process.poll() is None:
            up.process.kill()
        up.exit_code()
    for process in remaining(state):
        process.kill()


def remaining(state: Path) -> list[psutil.Process]:
    """Everything that was started for this state folder and still runs."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CLOISTER_STATE_FOLDER") == str(state):
                found.append(process)
        except psutil.Error:
            continue
    return found


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read().decode()
    connection.close()
    return body


def wait_until_gone(ref: ProcessRef) -> None:
    try:
        psutil.Process(ref.pid).wait(PATIENCE)
    except psutil.NoSuchProcess:
        return


def test_everything_is_started_in_order_and_nothing_is_left_after_ctrl_c(start: Start, state: Path) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    up.wait_for("open after True")
    titles = [line.split("] ")[1].strip() for line in up.said]
    assert titles[0].startswith("first")
    assert [t for t in titles if t.endswith("…")] == ["first …", "Preparing …", "second …"]
    assert get(up.ports[1], "/pid") == str(up.child("second").pid)
    assert up.end() == 0
    assert remaining(state) == []
    assert list((state / "run").glob("*.pid")) == []
    assert start("pair").wait_for("Ready after")


def test_the_dependent_child_is_stopped_before_what_it_needs(start: Start, state: Path) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    assert up.end(signal.SIGTERM) == 0
    asked = [(state / "log" / f"{name}.log").stat().st_mtime_ns for name in ("second", "first")]
    assert asked == sorted(asked)
    assert "asked to stop" in (state / "log" / "first.log").read_text()


def test_a_killed_child_is_started_again(start: Start) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    killed = up.child("first")
    os.kill(killed.pid, signal.SIGKILL)
    up.wait_for("first was ended by SIGKILL; it is started again")
    up.wait_for("first is ready again")
    assert get(up.ports[0], "/pid") == str(up.child("first").pid) != str(killed.pid)


def test_a_child_that_ends_by_itself_is_started_again(start: Start) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    with pytest.raises(http.client.HTTPException):
        get(up.ports[0], "/end")
    up.wait_for("first ended with exit code 3; it is started again")
    up.wait_for("first is ready again")


def test_a_child_that_hangs_is_told_once_and_that_it_answers_again(start: Start) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    hung = up.child("first")
    os.kill(hung.pid, signal.SIGSTOP)
    said = up.wait_for("first runs, but is not ready any more: it does not answer in time.")
    assert "first.log" in said
    os.kill(hung.pid, signal.SIGCONT)
    up.wait_for("first answers again")
    assert up.end() == 0
    assert up.text.count("not ready any more") == 1
    assert "started again" not in up.text


def test_a_child_that_keeps_failing_is_reported_with_its_log(start: Start) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    os.kill(up.child("first").pid, signal.SIGKILL)
    up.wait_for("is ready again")
    os.kill(up.child("first").pid, signal.SIGKILL)
    assert "first.log" in up.wait_for("first keeps failing: it was ended by SIGKILL")
    up.wait_for("listening on")
    up.wait_for("is ready again")


def test_the_workers_of_a_killed_child_go_with_it(start: Start, state: Path) -> None:
    up = start("family")
    up.wait_for("Ready after")
    worker = int(re.findall(r"worker (\d+)", (state / "log" / "first.log").read_text())[-1])
    ref = process_ref(worker)
    assert ref is not None
    os.kill(up.child("first").pid, signal.SIGKILL)
    up.wait_for("is ready again")
    assert process_ref(worker) != ref


@pytest.mark.parametrize("scenario", ["pair", "killable", "family"])
def test_after_kill_nine_of_the_supervisor_the_next_start_recovers(
    start: Start, state: Path, scenario: str
) -> None:
    up = start(scenario)
    up.wait_for("Ready after")
    left = up.child("first")
    up.end(signal.SIGKILL)
    again = start("pair")
    again.wait_for("Ready after")
    wait_until_gone(left)
    assert again.child("first") != left
    assert again.end() == 0
    assert remaining(state) == []


def test_a_stubborn_child_left_by_a_crash_is_found_by_pid_and_start_time(start: Start, state: Path) -> None:
    up = start("killable")
    up.wait_for("Ready after")
    left = up.child("first")
    up.end(signal.SIGKILL)
    assert process_ref(left.pid) == left
    again = start("pair")
    again.wait_for("Ended 1 processes that an earlier start had left")
    again.wait_for("Ready after")
    assert process_ref(left.pid) != left


def test_a_worker_that_hides_its_environment_is_ended_after_its_server_and_the_supervisor_were_killed(
    start: Start, state: Path
) -> None:
    up = start("untitled")
    up.wait_for("Ready after")
    found = re.search(r"worker (\d+)", (state / "log" / "first.log").read_text())
    assert found
    worker = process_ref(int(found[1]))
    assert worker is not None
    server = up.child("first")
    os.kill(up.process.pid, signal.SIGSTOP)  # or it would tidy up after its child
    os.kill(server.pid, signal.SIGKILL)
    up.end(signal.SIGKILL)
    assert process_ref(worker.pid) == worker
    again = start("pair")
    again.wait_for("that an earlier start had left")
    again.wait_for("Ready after")
    assert process_ref(worker.pid) != worker


def test_ctrl_c_in_the_middle_of_the_first_start_ends_it_with_no_fault(start: Start, state: Path) -> None:
    up = start("starting")
    up.wait_for("Installing the model")
    assert up.end() == 0
    assert "Traceback" not in up.text
    assert "Stopped." in up.text
    assert remaining(state) == []


def test_a_stranger_that_got_a_recorded_pid_is_left_alone(start: Start, state: Path) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    up.end()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ref = process_ref(stranger.pid)
    assert ref is not None
    earlier = ProcessRef(ref.pid, ref.started[:-1] + ("1" if ref.started[-1] != "1" else "2"))
    write_pid_file(state / "run" / "first.pid", PidRecord(earlier, signal.SIGKILL, 1))
    again = start("pair")
    again.wait_for("Ready after")
    assert stranger.poll() is None
    stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_a_second_ctrl_c_kills(start: Start, state: Path) -> None:
    up = start("stubborn")
    up.wait_for("Ready after")
    up.process.send_signal(signal.SIGINT)
    up.wait_for("Ctrl-C again kills")
    assert up.end() == 130
    assert remaining(state) == []


def test_a_child_that_does_not_stop_in_time_is_killed(start: Start, state: Path) -> None:
    up = start("killable")
    up.wait_for("Ready after")
    assert up.end() == 0
    assert remaining(state) == []


def test_a_second_start_in_the_same_folder_is_refused(start: Start) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    other = start("pair")
    assert other.exit_code() == 3
    assert f"already runs in {up.state} (pid {up.process.pid})" in other.text
    assert up.process.poll() is None


@pytest.mark.parametrize(
    ("scenario", "code", "words"),
    [
        (
            "broken",
            6,
            ["The door does not become ready: it ended with exit code 4", "door.log", "no licence found"],
        ),
        ("silent", 6, ["The door does not become ready: it did not answer within 1 s", "thinking"]),
        ("missing", 6, ["door does not become ready", "/no/such/program"]),
        ("failing step", 7, ["Installing the model failed: the package could not be downloaded"]),
        ("full disk", 5, ["The disk of", "is full"]),
        ("no room", 5, ["Installing the model needs 1000000000.0 GB in", "--data"]),
    ],
)
def test_a_failed_start_says_why_and_leaves_nothing(
    start: Start, state: Path, scenario: str, code: int, words: list[str]
) -> None:
    up = start(scenario)
    assert up.exit_code() == code
    for word in words:
        assert word in up.text
    assert "Traceback" not in up.text
    assert remaining(state) == []


def test_what_fails_in_the_background_leaves_the_rest_running(start: Start) -> None:
    up = start("background")
    up.wait_for("Ready after")
    assert "Installing the model failed" in up.text or up.wait_for("Installing the model failed")
    assert "without it there is no: engine" in up.text or up.wait_for("without it there is no: engine")
    assert get(up.ports[0], "/pid")
    assert up.end() == 0


@pytest.mark.parametrize("scenario", ["installing", "reporting"])
def test_an_installation_under_way_ends_with_the_appliance(start: Start, state: Path, scenario: str) -> None:
    up = start(scenario)
    up.wait_for("Ready after")
    assert up.end() == 0
    assert remaining(state) == []


def test_an_installation_left_by_a_killed_supervisor_is_ended_at_the_next_start(
    start: Start, state: Path
) -> None:
    up = start("installing")
    up.wait_for("Ready after")
    up.end(signal.SIGKILL)
    assert len(remaining(state)) >= 1
    again = start("pair")
    again.wait_for("that an earlier start had left")
    again.wait_for("Ready after")
    assert again.end() == 0
    assert remaining(state) == []


def test_postgresql_survives_kill_nine_of_itself_and_of_the_supervisor(start: Start, state: Path) -> None:
    up = start("postgres")
    up.wait_for("Ready after")
    password = (state / "secrets" / "postgres").read_text()
    dsn = f"postgresql://postgres:{password}@127.0.0.1:{up.ports[1]}/postgres"
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(up.child("postgres").pid, signal.SIGKILL)
    up.wait_for("The database is ready again")
    up.end(signal.SIGKILL)
    again = start("postgres")
    again.wait_for("Ready after")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    left = again.child("postgres")
    assert again.end() == 0
    assert process_ref(left.pid) is None
    assert not (state / "postgres" / "data" / "postmaster.pid").exists()


def test_a_terminal_gets_a_live_display(state: Path) -> None:
    controller, terminal = os.openpty()
    port = free_port()
    up = subprocess.Popen(
        [sys.executable, "-m", "tests.assistant.appliance_up", str(state), "reporting", str(port)],
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(terminal)
    seen = b""
    while b"still at it" not in seen or b"Ready after" not in seen:
        seen += os.read(controller, 65_536)
    up.send_signal(signal.SIGINT)
    with suppress(OSError):  # the terminal closes with its last user
        while chunk := os.read(controller, 65_536):
            seen += chunk
    assert up.wait(PATIENCE) == 0
    os.close(controller)
    text = seen.decode()
    assert "✓" in text
    assert "Installing the model" in text
    assert "Stopped." in text


def test_a_closed_terminal_stops_the_appliance(start: Start, state: Path) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    assert up.end(signal.SIGHUP) == 0
    assert remaining(state) == []


def test_a_pipe_is_told_the_beginning_and_the_end_of_a_step(start: Start) -> None:
    up = start("pair")
    up.wait_for("Preparing …")
    up.wait_for("Preparing: done")
    assert [line for line in up.said if "part 1" in line] == []


def test_logs_and_records_are_private_and_nothing_is_made_outside_the_folder(
    start: Start, state: Path
) -> None:
    up = start("pair")
    up.wait_for("Ready after")
    assert up.end() == 0
    assert [path.name for path in state.parent.iterdir()] == ["state"]
    for path in state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == (
            0o011 if path.name == "engines" and os.geteuid() == 0 else 0
        ), path
