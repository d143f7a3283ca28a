"""Deletions that are too many at once wait for a person's word, whatever way they come."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway import log
from retrieval.settings import MAY_DELETE

_FEW: Final = 3  # so few rows may always be gone, whatever share of a small table they are
_WINDOW_S: Final = 600.0
_SLACK: Final = 1.15  # so many more than were kept may be gone after a restart


@dataclass
class _Kind:
    """One kind: rows that wait for a word, rows that stay by one, and how many there were lately."""

    held: set[str] = field(default_factory=set)
    held_before: int = 0
    known: int = 0
    kept: set[str] = field(default_factory=set)
    kept_before: int = 0
    sizes: deque[tuple[float, int]] = field(default_factory=deque)


class Brake:
    """Says which of the rows that are gone may leave the index.

    When a kind would lose more than 15 % at once or within ten minutes, none of it is deleted until somebody
    decides; nobody is shown those rows meanwhile, because each hit is looked up in the CRM.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def restore(self, kind: str, held: int, kept: int) -> None:
        """What was so before a restart; which rows they are, the next comparison finds."""
        state = self._of(kind)
        state.held_before, state.kept_before = held, kept

    def allowed(
        self, kind: str, gone: Collection[str], known: int, *, added: int = 0, whole: bool = False
    ) -> list[str]:
        """Those of `gone` that may be deleted now; the others wait.

        `known` is how many rows the index has, `added` how many come at the same time; `whole` says that
        nothing but `gone` is missing.
        """
        state = self._of(kind)
        if whole:
            self._learn(state, set(gone))
        fresh = [key for key in gone if key not in state.kept and key not in state.held]
        base = self._largest(state, known)
        lost = max(len(fresh) if whole else 0, base - known + len(fresh) - added)
        stops = bool(state.held or state.held_before) or lost > max(_FEW, MAY_DELETE * base)
        if not fresh or not stops:
            return fresh
        if not state.held:
            log.warning("sync.stopped", entity=kind, gone=len(fresh), known=known)
        state.held |= set(fresh)
        state.held_before, state.known = 0, known
        return []

    def back(self, kind: str, keys: Iterable[str]) -> None:
        """The CRM has these rows."""
        state = self._kinds.get(kind)
        if state and (state.held or state.kept):
            present = set(keys)
            state.held -= present
            state.kept -= present

    def lift(self, kind: str) -> None:
        """Somebody said that the deletions are right: what is gone may go."""
        self._kinds.pop(kind, None)

    def keep(self, kind: str) -> int:
        """Somebody said that the rows stay until the CRM has them again; how many they are."""
        state = self._of(kind)
        state.kept |= state.held
        state.held, state.held_before, state.sizes = set(), 0, deque()
        return len(state.kept)

    def held(self, kind: str) -> int:
        """How many rows wait for a word."""
        state = self._of(kind)
        return len(state.held) or state.held_before

    def kept(self, kind: str) -> int:
        """How many rows stay although the CRM no longer has them."""
        state = self._of(kind)
        return len(state.kept) or state.kept_before

    def sentence(self, kind: str) -> str | None:
        """What stopped, and what there is to decide; None when nothing waits."""
        state = self._of(kind)
        if not (held := self.held(kind)):
            return None
        of = f"{held:,} of {state.known:,}" if state.known else f"{held:,}"
        return (
            f"The CRM no longer has {of} rows of “{kind}”. Nobody is shown "
            "them, because each hit is looked up in the CRM, but they were not deleted from the index. If "
            f"this is right: cloister sync resolve {kind} --allow-deletes; else --keep until they are back."
        )

    def _of(self, kind: str) -> _Kind:
        return self._kinds.setdefault(kind, _Kind())

    @staticmethod
    def _learn(state: _Kind, gone: set[str]) -> None:
        """A whole look tells which rows are back."""
        if state.kept_before and not state.kept and len(gone) <= max(_FEW, _SLACK * state.kept_before):
            state.kept = set(gone)
        state.kept_before = 0
        state.kept &= gone
        state.held &= gone
        if not gone - state.kept:
            state.held_before = 0

    def _largest(self, state: _Kind, known: int) -> int:
        """The most rows that there were lately."""
        now = self._clock()
        while state.sizes and (state.sizes[0][0] < now - _WINDOW_S or state.sizes[0][1] <= known):
            state.sizes.popleft()
        while state.sizes and state.sizes[-1][1] <= known:
            state.sizes.pop()
        state.sizes.append((now, known))
        return state.sizes[0][1]
