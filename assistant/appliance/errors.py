"""What can keep the appliance from running, each with a sentence for the person and an exit code for scripts.

    ApplianceError            1  something else went wrong
      AlreadyRunning          3  another `cloister up` holds this state folder
      PortTaken               4  a port that was asked for is in use
      DiskLow                 5  too little room, or none left, on the disk of the state folder
      ChildFailed             6  a process does not become ready
      StepFailed              7  a step of the start failed (a download, a migration)
      FolderUnusable          8  the state folder cannot be used by this account
        ServerAccountBlocked  8  PostgreSQL's account may not enter the state folder

0 means stopped as asked, 2 is a usage error (typer), 130 means that a second Ctrl-C killed the children.
"""

from collections.abc import Sequence

KILLED_BY_SECOND_SIGNAL = 130


class ApplianceError(Exception):
    """Base: `str(error)` says what is wrong and what to do, and holds no secret."""

    exit_code = 1


class AlreadyRunning(ApplianceError):
    exit_code = 3


class PortTaken(ApplianceError):
    exit_code = 4


class DiskLow(ApplianceError):
    exit_code = 5


class ChildFailed(ApplianceError):
    """`lines` are the last lines of the child's log."""

    exit_code = 6

    def __init__(self, sentence: str, lines: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.lines = tuple(lines)


class StepFailed(ApplianceError):
    exit_code = 7


class FolderUnusable(ApplianceError):
    exit_code = 8


class ServerAccountBlocked(FolderUnusable):
    pass
