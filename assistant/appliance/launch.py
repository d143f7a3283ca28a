"""Starting a child so that it never outlives the supervisor and never shares its terminal."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account a child runs as when the supervisor is root."""

    name: str
    uid: int
    gid: int


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """Return what a forked child must call so that the kernel sends it `sign` when its parent dies.

    Linux only (None elsewhere). The kernel ties this to the thread that forked, so fork from the main thread.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with both outputs appended to `log` (0600).

    A session of its own keeps Ctrl-C with the supervisor, which stops its children in order. `env` is the
    whole environment (None inherits). As `account` it has no other group. Raises OSError when the program
    cannot be executed.
    """
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=env,
            cwd=cwd if cwd is not None else "/",
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        os.close(out)
