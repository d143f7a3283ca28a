"""What can go wrong on the CRM's side.

CrmError
├── MapInvalid            the map cannot be used; carries every problem with its line
├── CrmUnavailable        the CRM database does not answer; trying again may help
│   └── CrmTimedOut       it did not answer in time; trying again at once does not help
├── CrmRefused            the CRM database answered and said no
│   └── RowUnreadable     a row holds a value that cannot be read, such as an infinite date
└── ImportFailed          a file or row cannot be imported; nothing was
    └── AlreadyImported   the tables are there and ``replace`` was not asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair in a map: ``line`` counts from 1, ``where`` is the dotted path in the file."""

    line: int
    where: str
    sentence: str

    def __str__(self) -> str:
        place = f"line {self.line}: {self.where}" if self.where else f"line {self.line}"
        return f"{place}: {self.sentence}"

    def in_file(self, path: Path | str) -> str:
        """The problem with its place as editors and terminals open it: ``my-map.yaml:71: users.key: …``."""
        return ": ".join(filter(None, (f"{path}:{self.line}", self.where, self.sentence)))


class CrmError(Exception):
    """Base of all errors of the CRM's side; its text is a sentence without record content."""

    retry_helps = False


class MapInvalid(CrmError):
    def __init__(self, source: Path, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem.in_file(source)}" for problem in self.problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"The CRM map {source.name} has {len(self.problems)} {noun}:\n{lines}")


class CrmUnavailable(CrmError):
    retry_helps = True


class CrmTimedOut(CrmUnavailable):
    pass


class CrmRefused(CrmError):
    pass


class RowUnreadable(CrmRefused):
    pass


class ImportFailed(CrmError):
    pass


class AlreadyImported(ImportFailed):
    pass
