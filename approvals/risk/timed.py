"""Patterns that nobody has tried on texts made to keep them busy: their engine stops in time.

The seconds are those of the process's own work, so a busy machine makes no text unreadable. What `re` takes
for a pattern means the same to `regex`, but that a combining mark is part of a word, and that letters in
braces (`{e<=2}`) stand for mistakes: those are refused.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

import regex  # type: ignore[import-untyped]

TEXT_S: Final = 0.5
"""For all such patterns over one text together."""
_MISTAKES: Final = re.compile(r"(?<!\\)\{[^{}]*[a-z][^{}]*\}")
"""Braces that `regex` would read as so many letters amiss."""


class Finds(Protocol):
    """A pattern of either engine."""

    def finditer(self, string: str, /) -> Iterable["re.Match[str]"]:
        """Every place where it is met, from left to right."""


class NotInTime(Exception):
    """A pattern was not done with a text in time."""


class _Clock:
    def __init__(self) -> None:
        self.left = TEXT_S


_clock: ContextVar[_Clock | None] = ContextVar("clock", default=None)


@contextmanager
def one_text() -> Iterator[None]:
    """What patterns take for whatever is read within is counted together."""
    token = _clock.set(_Clock())
    try:
        yield
    finally:
        _clock.reset(token)


class Timed:
    """A pattern, in any case of letters."""

    def __init__(self, source: str) -> None:
        """Raises `ValueError` for what is not a pattern to this engine."""
        if found := _MISTAKES.search(source):
            raise ValueError(f"write \\{{ for a brace: {found[0]}")
        try:
            self._pattern = regex.compile(source, regex.IGNORECASE)
        except regex.error as error:
            raise ValueError(str(error)) from error

    def finditer(self, string: str, /) -> Iterable["re.Match[str]"]:
        """Every place where it is met, from left to right. Raises `NotInTime`."""
        clock = _clock.get() or _Clock()
        began = time.process_time()
        try:
            if clock.left <= 0:
                raise TimeoutError
            return list(self._pattern.finditer(string, timeout=clock.left))
        except TimeoutError as error:
            raise NotInTime from error
        finally:
            clock.left -= time.process_time() - began
