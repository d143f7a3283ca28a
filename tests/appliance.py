"""The whole appliance, really started, for the tests that try it as people do.

Its state folder lies in the checkout (`build/test-appliance`; CLOISTER_TEST_CACHE names another). The
model server and the models in it are kept between runs, since installing them takes minutes; everything
else is made anew.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from assistant.appliance import StateFolder, free_port

ROOT = Path(__file__).parent.parent
STATE = Path(os.environ.get("CLOISTER_TEST_CACHE", ROOT / "build" / "test-appliance"))
_KEPT = {"engines", "models", "etc"}
_START_SECONDS = 240
_MODEL_SECONDS = 900


@dataclass(frozen=True)
class RunningAppliance:
    """Where it is, and how to come in."""

    url: str
    folder: Path
    password: str

    def token(self, login: str) -> str:
        """An API token of a demo person."""
        secret = (self.folder / "secrets" / "demo").read_text().strip()
        headers = {"X-Demo-Secret": secret}
        response = httpx.post(f"{self.url}/api/v1/demo/token", json={"login": login}, headers=headers)
        response.raise_for_status()
        return str(response.json()["token"])

    def client(self, login: str) -> httpx.Client:
        """An HTTP client in a demo person's name."""
        headers = {"Authorization": f"Bearer {self.token(login)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def cloister(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command against it."""
        argv = [sys.executable, "-m", "assistant", *arguments, "--data", str(self.folder)]
        return subprocess.run(argv, capture_output=True, text=True, check=check, timeout=180)

    def settings(self, process: str) -> dict[str, object]:
        """A process's settings file."""
        return dict(yaml.safe_load((self.folder / "etc" / f"{process}.yaml").read_text()))

    def log(self, process: str) -> str:
        """What a process has written."""
        return (self.folder / "log" / f"{process}.log").read_text("utf-8", "replace")

    def wait_for_model(self) -> None:
        """Wait until the language model answers (the first time it is installed first)."""
        port = json.loads((self.folder / "etc" / "ports.json").read_text())["vllm"]
        until = time.monotonic() + _MODEL_SECONDS
        while time.monotonic() < until:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(1)
        raise AssertionError(f"the model does not serve:\n{self.log('up')[-2000:]}")


@contextmanager
def started_appliance(*options: str, folder: Path = STATE) -> Iterator[RunningAppliance]:
    """`cloister up --demo`, and a clean stop at the end that leaves no process behind."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    StateFolder.open(folder)
    for entry in folder.iterdir():
        if entry.name not in _KEPT:
            shutil.rmtree(entry)  # made anew by `up`
    port = free_port()
    argv = [sys.executable, "-m", "assistant", "up", "--demo", "--data", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    process = subprocess.Popen(
        [*argv, *options], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environment
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, folder)
        yield RunningAppliance(url, folder, (folder / "secrets" / "demo-password").read_text().strip())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    log = folder / "log" / "up.log"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"it ended:\n{log.read_text()[-3000:]}"
        if log.exists() and "Cloister is at" in log.read_text():
            assert httpx.get(f"{url}/readyz").is_success
            return
        time.sleep(0.5)
    raise AssertionError(f"it is not ready after {_START_SECONDS} s:\n{log.read_text()[-3000:]}")
