"""Entries side by side in a few arrays: a tenth of what an object for each of them would take."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from redaction.entities import EntityType, GazetteerEntry

Row = tuple[str, str, str | None, str | None, str | None]

_TYPES = tuple(EntityType)
_NUMBER_OF_TYPE = {kind: number for number, kind in enumerate(_TYPES)}
_NOTHING = 255


class EntryTable:
    """A growing list of entries, each known by its row number. Only what is asked for becomes an object."""

    def __init__(self, entries: Iterable[GazetteerEntry] = ()) -> None:
        self._values = bytearray()
        self._ends = array("Q", [0])
        self._types = bytearray()
        self._subjects = bytearray()
        self._entities = array("i")
        self._fields = array("i")
        self._entity_names = _Names()
        self._field_names = _Names()
        for entry in entries:
            self.append(entry)

    def append(self, entry: GazetteerEntry) -> int:
        """Keep the entry, and give its row number."""
        self._values += entry.value.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._values))
        self._types.append(_NUMBER_OF_TYPE[entry.type])
        self._subjects.append(_NOTHING if entry.subject is None else _NUMBER_OF_TYPE[entry.subject])
        self._entities.append(self._entity_names.number(entry.entity))
        self._fields.append(self._field_names.number(entry.field))
        return len(self._types) - 1

    def __len__(self) -> int:
        return len(self._types)

    def __getitem__(self, row: int) -> GazetteerEntry:
        subject = self._subjects[row]
        return GazetteerEntry(
            self.value(row),
            _TYPES[self._types[row]],
            self.entity(row),
            self._field_names.name(self._fields[row]),
            None if subject == _NOTHING else _TYPES[subject],
        )

    def __iter__(self) -> Iterator[GazetteerEntry]:
        return (self[row] for row in range(len(self)))

    def rows(self) -> Iterator[Row]:
        """Plain data, from which the same entries can be made elsewhere."""
        return ((entry.value, entry.type, entry.entity, entry.field, entry.subject) for entry in self)

    def value(self, row: int) -> str:
        """What is written."""
        return self._values[self._ends[row] : self._ends[row + 1]].decode("utf-8", "surrogatepass")

    def type(self, row: int) -> EntityType:
        """What it is."""
        return _TYPES[self._types[row]]

    def types(self) -> Iterator[EntityType]:
        """What they are, row by row."""
        return map(_TYPES.__getitem__, self._types)

    def rows_by_type(self) -> list[int]:
        """All row numbers, those of one type together and in their order."""
        return sorted(range(len(self)), key=self._types.__getitem__)

    def entity(self, row: int) -> str | None:
        """Whose it is."""
        return self._entity_names.name(self._entities[row])

    def number_of(self, entity: str) -> int | None:
        """The number by which a record is known in these entries, None if it has no entry."""
        return self._entity_names.known(entity)

    def entity_number(self, row: int) -> int:
        """The number of the record whose it is, below 0 if nobody's."""
        return self._entities[row]

    def entity_numbers(self) -> array[int]:
        """The numbers of the records, row by row."""
        return self._entities


class _Names:
    """Strings that come again and again, each kept once and known by a number; None is -1."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str | None) -> int:
        if name is None:
            return -1
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def known(self, name: str) -> int | None:
        return self._numbers.get(name)

    def name(self, number: int) -> str | None:
        return None if number < 0 else self._names[number]
