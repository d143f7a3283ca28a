"""The command line: nouns, then verbs; `--json` for machines; exit codes that mean something."""

from .main import main

__all__ = ["main"]
