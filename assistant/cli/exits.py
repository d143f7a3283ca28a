"""Exit codes and how a command ends badly.

    0  done
    1  failed, and why is on standard error
    2  the command line is wrong
    3  no appliance is running, or a part of it does not answer
    4  refused: not signed in, not allowed, not found
    5  a check found faults

`cloister up` has more of its own: see `cloister up --help`.
"""

import sys
from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """What a script can rely on."""

    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    REFUSED = 4
    FAULTS = 5


def exit_of(status: int) -> Exit:
    """How a command ends that was refused with this HTTP status."""
    if status in {502, 503}:
        return Exit.NOT_RUNNING
    return Exit.REFUSED if status in {401, 403, 404, 422} else Exit.FAILED


def leave(code: int, sentence: str) -> NoReturn:
    """Say why on standard error, and end with `code`."""
    sys.stderr.write(sentence.rstrip("\n") + "\n")
    raise typer.Exit(code)
