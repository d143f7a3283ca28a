"""Who the CRM knows: the identities of its rows, as they are published and as they are masked here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from redaction import EntityType, Gazetteer, GazetteerEntry, Redacted, durable
from retrieval.crm import Identity

_REBUILD_AT: Final = 500
_KEPT: Final = 20_000
_BETWEEN: Final = "\n\x1e betweentwotexts \x1e\n"  # a word, so that nothing is found across it


class Roster:
    """Identities by record, and the gazetteer over all of them, built anew when it has changed much."""

    def __init__(self) -> None:
        self._identities: dict[str, tuple[Identity, ...]] = {}
        self._gazetteer = Gazetteer.build([])
        self._pending: list[GazetteerEntry] = []
        self._since_build = 0
        self._lowered: dict[str, list[tuple[str, str]]] = {}
        self.version = 0
        """Raised when a text may be masked differently than before."""

    def replace(self, identities: Mapping[str, Iterable[Identity]]) -> None:
        """Learn what these records are called now."""
        for ref, found in identities.items():
            fresh = tuple(found)
            if self._identities.get(ref, ()) != fresh:
                self._identities[ref] = fresh
                self._lowered.pop(ref, None)
                self.version += 1
                self._pending += [_entry(ref, item) for item in fresh]

    def forget(self, refs: Iterable[str]) -> None:
        """Forget records; their values are masked until the next rebuild."""
        for ref in refs:
            if self._identities.pop(ref, None):
                self._lowered.pop(ref, None)
                self._since_build += 1
                self.version += 1

    def settle(self) -> None:
        """Bring the gazetteer up to date: a small change is a delta, a large one a rebuild."""
        if not self._pending and self._since_build < _REBUILD_AT:
            return
        self._since_build += len(self._pending)
        if self._since_build >= _REBUILD_AT:
            every = (_entry(ref, item) for ref, items in self._identities.items() for item in items)
            self._gazetteer = Gazetteer.build(every)
            self._since_build = 0
        else:
            self._gazetteer = self._gazetteer.with_delta(self._pending)
        self._pending = []
        self.version += 1

    def of(self, ref: str) -> tuple[Identity, ...]:
        """What a record is called."""
        return self._identities.get(ref, ())

    def own_values(self, ref: str, up: Sequence[str]) -> list[Identity]:
        """The record's identities without those that a record it belongs to has already."""
        taken = {item.value for above in up for item in self.of(above)}
        return [item for item in self.of(ref) if item.value not in taken]

    def mask(self, text: str, ref: str, up: Sequence[str]) -> Redacted:
        """The text with durable ids in place of identities.

        The record's own values and those of the records it belongs to are replaced by their class,
        however short they are; every other known value by the gazetteer.
        """
        lowered = text.lower()
        for owner in (ref, *up):
            if said := [value for low, value in self._lowered_of(owner) if low in lowered]:
                pattern = "|".join(map(re.escape, said))
                text = re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", word_of(owner), text, flags=re.IGNORECASE)
        # a record without a name prefers nothing: so the children of one customer share what was made for it
        named = [owner for owner in (ref, *up) if owner in self._identities]
        return durable(text, self._gazetteer.find(text, prefer=named))

    def mask_each(self, texts: Sequence[str], ref: str, up: Sequence[str]) -> list[str]:
        """Texts of one record, read at once: most of what reading costs is the same for a line and a page."""
        parts = self.mask(_BETWEEN.join(texts), ref, up).split(_BETWEEN) if texts else []
        return parts if len(parts) == len(texts) else [self.mask(text, ref, up) for text in texts]

    def _lowered_of(self, ref: str) -> list[tuple[str, str]]:
        """The record's own values, the longest first, each with its lower-case form."""
        if (found := self._lowered.get(ref)) is None:
            if len(self._lowered) > _KEPT:
                self._lowered.clear()
            values = sorted({item.value for item in self.of(ref)}, key=len, reverse=True)
            found = self._lowered[ref] = [(value.lower(), value) for value in values]
        return found


def word_of(ref: str) -> str:
    """A reference as one word, as `redaction` writes it: `contact:17` → `contact_17`."""
    return re.sub(r"\W+", "_", ref)


def _entry(ref: str, item: Identity) -> GazetteerEntry:
    return GazetteerEntry(item.value, EntityType(item.type.value), ref, item.field)
