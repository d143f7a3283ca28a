"""Run a long child process line by line, so that progress can be told and its last words quoted."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TAIL = 40
# What a child may inherit: enough to find programs, proxies, certificates and pip's configuration.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_INHERITED_PREFIXES = ("PIP_", "XDG_CONFIG_")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    tail: str


def run_lines(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    hold: int | None = None,
    cwd: Path | None = None,
) -> Outcome:
    """Run to the end, handing on each line of both outputs; the child ends with us when we are interrupted.

    `hold` is a descriptor (an install lock) that stays open in the child for as long as it lives.
    """
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        argv,
        env={**inherited(), **env},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        pass_fds=() if hold is None else (hold,),
        start_new_session=True,
    ) as child:
        try:
            for raw in child.stdout or ():
                line = raw.rstrip()
                if line:
                    tail.append(line)
                    on_line(line)
            code = child.wait()
        except BaseException:
            _end(child)
            raise
    return Outcome(code, "\n".join(tail))


def inherited() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES) or name.lower() in _PROXIES
    }


def _end(child: subprocess.Popen[str]) -> None:
    """End the child's whole session: pip and venv start processes of their own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
            child.wait(timeout=5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
