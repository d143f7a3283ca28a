"""A whole `up` of small children, as a process of its own: `python appliance_up.py STATE SCENARIO PORT…`."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from assistant.appliance.errors import ApplianceError
from assistant.appliance.plan import Backoff, Child, Item, OnProgress, Step
from assistant.appliance.postgres import PostgresCluster, install_programs
from assistant.appliance.probes import HttpProbe
from assistant.appliance.state import StateFolder
from assistant.appliance.supervisor import supervise

SERVER = str(Path(__file__).with_name("appliance_child.py"))
QUICK = Backoff(first=0.05, most=0.2, attempts=2)


def server(name: str, port: int, *needs: str, manner: str = "", timeout: float = 5) -> Child:
    return Child(
        name=name,
        argv=[sys.executable, SERVER, str(port), manner],
        ready=HttpProbe(f"http://127.0.0.1:{port}/readyz"),
        depends_on=needs,
        restart=QUICK,
        ready_timeout=30,
        stop_timeout=timeout,
        silent_after=1,
    )


def count(on_progress: OnProgress) -> None:
    for number in range(1, 4):
        on_progress(f"part {number}", number / 3)


def fail(on_progress: OnProgress) -> None:
    raise ConnectionError("the package could not be downloaded; check the network and start again")


def fill_the_disk(on_progress: OnProgress) -> None:
    with open("/dev/full", "w") as full:
        full.write("x" * 100_000)


def wait_for_ever(on_progress: OnProgress) -> None:
    on_progress("waiting", None)
    while True:
        on_progress("still waiting", 0.5)
        threading.Event().wait(0.05)


def install_for_ever(on_progress: OnProgress) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    subprocess.run(sleeper, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def report_for_ever(on_progress: OnProgress) -> None:
    while True:
        on_progress("still at it", None)
        threading.Event().wait(0.05)


def plan(scenario: str, ports: Sequence[int]) -> list[Item]:
    broken = [sys.executable, "-c", "print('no licence found'); raise SystemExit(4)"]
    silent = [sys.executable, "-c", "import time; print('thinking', flush=True); time.sleep(600)"]
    first = server("first", ports[0])
    match scenario:
        case "postgres":
            folder = Path(sys.argv[1])
            cluster = PostgresCluster(
                folder=folder / "postgres",
                port=ports[1],
                password_file=folder / "secrets" / "postgres",
                programs=install_programs(folder / "engines"),
            )
            create = Step("cluster", "Creating the database", lambda _: cluster.create())
            return [create, cluster.child("postgres", "The database", depends_on=("cluster",)), first]
        case "pair":
            return [
                server("second", ports[1], "prepare"),
                Step("prepare", "Preparing", count, ("first",)),
                first,
            ]
        case "stubborn":
            return [server("first", ports[0], manner="stubborn", timeout=600)]
        case "killable":
            return [server("first", ports[0], manner="stubborn", timeout=0.3)]
        case "family":
            return [server("first", ports[0], manner="family")]
        case "untitled":
            return [server("first", ports[0], manner="untitled")]
        case "broken":
            return [
                first,
                Child("door", broken, HttpProbe("http://127.0.0.1:9/"), restart=QUICK, title="The door"),
            ]
        case "silent":
            return [
                first,
                Child("door", silent, HttpProbe("http://127.0.0.1:9/"), ready_timeout=1, title="The door"),
            ]
        case "missing":
            return [Child("door", ["/no/such/program"], HttpProbe("http://127.0.0.1:9/"), restart=QUICK)]
        case "failing step":
            return [first, Step("model", "Installing the model", fail, ("first",))]
        case "full disk":
            return [Step("model", "Installing the model", fill_the_disk)]
        case "no room":
            return [Step("model", "Installing the model", count, room=10**18)]
        case "installing":
            return [first, Step("model", "Installing the model", install_for_ever, background=True)]
        case "starting":
            return [Step("model", "Installing the model", wait_for_ever), server("first", ports[0], "model")]
        case "reporting":
            return [first, Step("model", "Installing the model", report_for_ever, background=True)]
        case "background":
            engine = Child(
                "engine", broken, HttpProbe("http://127.0.0.1:9/"), depends_on=("model",), background=True
            )
            return [first, Step("model", "Installing the model", fail, background=True), engine]
        case _:
            raise ValueError(scenario)


def main() -> int:
    began = time.monotonic()
    try:
        state = StateFolder.open(Path(sys.argv[1]))
        with state.lock():
            items = plan(sys.argv[2], [int(port) for port in sys.argv[3:]])
            return supervise(state, items, on_ready=lambda: [f"open after {time.monotonic() - began > 0}"])
    except ApplianceError as error:
        print(error, flush=True)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
