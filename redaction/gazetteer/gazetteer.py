"""The customers that the CRM knows, found in any text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from redaction.entities import EntityType, GazetteerEntry, Source, Span
from redaction.normalise import Reading

from .candidates import SHARED_BY_AT_MOST, Candidate, candidates_of, chosen
from .entry_table import EntryTable, Row
from .expansions import expanded_matches
from .index import Hit, Index
from .nicknames import is_pet_name
from .scope import Scope
from .variants import Rank
from .wording import Words

_LONGEST_OPEN = 120
_SMALL_DELTA = 256
_SCOPES = 64
_AROUND = 24
_SCORES = {Rank.EXACT: 1.0, Rank.SHORTER: 1.0, Rank.NICKNAME: 0.9, Rank.TYPO: 0.85}


class Gazetteer:
    """Known values, looked up by their words. Immutable: `with_delta` gives a new one that shares the rest.

    Names, companies and addresses match without regard to case, accents, line breaks and commas, as whole
    words. People are found under their names in any order, with initials, in parts (“Anna-Lena” as “Anna”
    beside the surname), with a pet name or one slip beside the other half of the name; companies without
    their legal form and with “&” for “and”; addresses by their first line; e-mail addresses as a whole;
    telephone numbers by their digits; other numbers also without their separators. Values with fewer than
    two letters or fewer than four digits say nothing and are left out (`skipped` counts them).

    Where several records answer to one mention, the span names all of them and belongs to none.
    """

    def __init__(self, indexes: tuple[Index, ...], version: str) -> None:
        self._indexes = indexes
        self.version = version
        self._scopes = lru_cache(maxsize=_SCOPES)(self._scopes_for)

    @classmethod
    def build(cls, entries: Iterable[GazetteerEntry], version: str = "") -> Gazetteer:
        """Build from any number of entries: 100,000 customers in a few seconds.

        An `EntryTable` is kept, not copied: add nothing to it afterwards.
        """
        table = entries if isinstance(entries, EntryTable) else EntryTable(entries)
        return cls((Index(table),), version)

    @classmethod
    def from_rows(cls, rows: Iterable[Row], version: str = "") -> Gazetteer:
        """Build from what `rows` gave, for example in another process."""
        return cls.build((_entry(row) for row in rows), version)

    def with_delta(self, entries: Iterable[GazetteerEntry], version: str | None = None) -> Gazetteer:
        """The same with some more entries, in a millisecond: only the smallest part is built anew."""
        base, *deltas = self._indexes
        fresh: Iterable[GazetteerEntry] = entries
        if deltas and len(deltas[-1].entries) < _SMALL_DELTA:
            fresh = chain(deltas.pop().entries, fresh)
        fresh = EntryTable(fresh)
        if len(fresh) >= _SMALL_DELTA and deltas:
            fresh = EntryTable(chain(deltas.pop().entries, fresh))
        return Gazetteer((base, *deltas, Index(fresh)), self.version if version is None else version)

    def entries(self) -> Iterator[GazetteerEntry]:
        """Everything that is known, in the order in which it came."""
        return (entry for index in self._indexes for entry in index.entries)

    def rows(self) -> list[Row]:
        """Plain data from which the same gazetteer can be built elsewhere."""
        return [row for index in self._indexes for row in index.entries.rows()]

    def __reduce__(self) -> tuple[Callable[..., Gazetteer], tuple[list[Row], str]]:
        return Gazetteer.from_rows, (self.rows(), self.version)

    def __len__(self) -> int:
        return sum(len(index.entries) for index in self._indexes)

    def __contains__(self, entry: GazetteerEntry) -> bool:
        return entry.entity is not None and any(
            index.entries[row] == entry for index in self._indexes for row in index.rows_of(entry.entity)
        )

    @property
    def skipped(self) -> int:
        """How many entries are too short to be looked for."""
        return sum(index.skipped for index in self._indexes)

    def open_from(self, text: str) -> int:
        """Where the end of `text` begins that more text could turn into a known value; its length if nowhere.

        For text that comes in pieces: what stands before it can be looked at now. Slips in names are not
        foreseen here, pet names are.
        """
        reading = Reading(text)
        words = Words(reading.normalised.text)
        for start in range(len(words)):
            if len(words.text) - words.place(start)[0] <= _LONGEST_OPEN and self._is_open(words, start):
                return min(
                    reading.normalised.original(*words.place(start))[0], self._spelled_open_from(reading)
                )
        return self._spelled_open_from(reading)

    def _is_open(self, words: Words, start: int) -> bool:
        rest = words.folded[start:]
        is_partial = words.place(len(words) - 1)[1] == len(words.text)
        complete, partial = (rest[:-1], rest[-1]) if is_partial else (rest, "")
        if len(rest) == 1 and is_pet_name(rest[0]):
            return True
        return any(index.may_begin(complete, partial) for index in self._indexes)

    def _spelled_open_from(self, reading: Reading) -> int:
        if not any(index.has_spelled for index in self._indexes):
            return len(reading.text)
        folded = reading.folded
        for start in range(max(0, len(folded.text) - _LONGEST_OPEN), len(folded.text)):
            if (start > 0 and folded.text[start - 1].isalnum()) or folded.text[start].isspace():
                continue
            if any(index.may_be_spelled(folded.text[start:]) for index in self._indexes):
                return folded.original(start, len(folded.text))[0]
        return len(reading.text)

    def find(self, text: str, prefer: Iterable[str] = ()) -> list[Span]:
        """All known values in `text`, longest first where one contains another.

        `prefer` names the records that the text is about: of several records that share a value those win,
        and each word of their names, their pet names and slips in all of these count alone.
        """
        return self.find_in(Reading(text, frozenset(prefer)))

    def find_in(self, reading: Reading) -> list[Span]:
        """`find` on a reading that other detectors share."""
        words = Words(reading.normalised.text)
        by_range: dict[tuple[int, int], list[tuple[Index, Hit]]] = {}
        for index, hit in self._hits(reading, words):
            by_range.setdefault((hit.start, hit.end), []).append((index, hit))
        spans: list[Span] = []
        furthest = -1
        for start, end in sorted(by_range, key=lambda place: (place[0], -place[1])):
            if end > furthest and (span := self._answer(by_range[start, end], reading.prefer)) is not None:
                spans.append(span)
                furthest = end
        return spans

    def _hits(self, reading: Reading, words: Words) -> Iterator[tuple[Index, Hit]]:
        for index in self._indexes:
            look = index.look(words)
            for hit in index.matches(reading, words, look):
                yield index, hit
            for hit in expanded_matches(index, self._indexes, reading, words, look.telling):
                yield index, hit
        if reading.prefer:
            for index, scope in self._scopes(reading.prefer):
                for hit in scope.matches(reading, words):
                    yield index, hit
        spelled_out = words.with_umlauts_spelled_out()
        if spelled_out is not None:
            yield from self._hits_around(reading, *spelled_out)

    def _hits_around(self, reading: Reading, words: Words, changed: list[int]) -> Iterator[tuple[Index, Hit]]:
        """What is found only because some words are spelled otherwise."""
        near = {other for place in changed for other in range(place - _AROUND, place + _AROUND + 1)}
        for index in self._indexes:
            places = [place for place in index.look(words).telling if place in near]
            for hit in index.phrases_at(places, reading, words):
                yield index, hit
            for hit in expanded_matches(index, self._indexes, reading, words, places):
                yield index, hit
        if reading.prefer:
            for index, scope in self._scopes(reading.prefer):
                for hit in scope.matches(reading, words):
                    yield index, hit

    def _scopes_for(self, prefer: frozenset[str]) -> list[tuple[Index, Scope]]:
        return [(index, Scope(index, sorted(prefer))) for index in self._indexes]

    def _answer(self, found: list[tuple[Index, Hit]], prefer: frozenset[str]) -> Span | None:
        candidates = [who for index, hit in found for who in candidates_of(index, hit, prefer)]
        if not candidates:
            return None
        start, end = found[0][1].start, found[0][1].end
        return self._span(start, end, chosen(candidates, prefer))

    def _span(self, start: int, end: int, meant: list[Candidate]) -> Span:
        first = meant[0]
        entry = first.index.entries[first.row]
        score = _SCORES[first.rank]
        if all(candidate.doubtful for candidate in meant):
            return Span(start, end, entry.type, score, Source.GAZETTEER)
        names = {candidate.entity for candidate in meant}
        if len(names) > 1:
            known = sorted(name for name in names if name is not None)
            shared = tuple(known) if len(known) <= SHARED_BY_AT_MOST else ()
            return Span(start, end, entry.type, score, Source.GAZETTEER, field=entry.field, entities=shared)
        entities = () if entry.entity is None else (entry.entity,)
        subject = entry.subject or self._subject_of(entry.entity)
        return Span(
            start, end, entry.type, score, Source.GAZETTEER, entry.entity, entry.field, entities, subject
        )

    def _subject_of(self, entity: str | None) -> EntityType | None:
        if entity is None:
            return None
        for index in self._indexes:
            number = index.entries.number_of(entity)
            if number is not None and number in index.subjects:
                return index.subjects[number]
        return None


def _entry(row: Row) -> GazetteerEntry:
    value, kind, entity, field, subject = row
    return GazetteerEntry(value, EntityType(kind), entity, field, EntityType(subject) if subject else None)
