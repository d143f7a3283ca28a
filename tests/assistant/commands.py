"""Commands inside the test's process: a start of Python costs two seconds, a command a few milliseconds."""

import io
import sys
import traceback
from subprocess import CompletedProcess

import pytest

from assistant.cli import main


def cloister(*arguments: str, stdin: str = "") -> CompletedProcess[str]:
    """What `cloister ARGUMENTS` prints and how it ends, run by its own `main`; nobody is at a terminal.

    One at a time: the standard streams are those of the whole process while it runs.
    """
    code: object = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cloister", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        try:
            main()
        except SystemExit as ending:
            code = ending.code or 0
        except Exception:  # noqa: BLE001 - as the interpreter does at the end of a process
            traceback.print_exc()
            code = 1
    stdout, stderr = (_written(stream) for stream in streams.values())
    return CompletedProcess(["cloister", *arguments], code if isinstance(code, int) else 1, stdout, stderr)


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
