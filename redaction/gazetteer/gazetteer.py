"""The customers that the CRM knows, found in any text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from redaction.entities import EntityType, GazetteerEntry, Source, Span
from redaction.normalise import Reading, compact_value, fold_value

from .lexicon import Lexicon, is_whole_word
from .phones import PhoneIndex, significant_digits
from .words import is_everyday_word

Row = tuple[str, str, str | None, str | None, str | None]
Match = tuple[int, int, list[GazetteerEntry]]

_NUMBERS = frozenset(
    {
        EntityType.ACCOUNT,
        EntityType.CARD,
        EntityType.IBAN,
        EntityType.TAX_ID,
        EntityType.ID,
        EntityType.SECRET,
    }
)
_SUBJECTS = (EntityType.PERSON, EntityType.ORGANIZATION)
_LEGAL_FORM = re.compile(
    r"\s+(?:gmbh(?: & co\.? kg)?|ag|kg|ug|ohg|e\.? ?k\.?|se|inc\.?|llc|ltd\.?|limited|plc|corp\.?|"
    r"corporation|company|co\.?|group|s\.?a\.?|s\.?r\.?l\.?|b\.?v\.?|n\.?v\.?|oy|ab|as|a/s)$"
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_TWO_ASCII_LETTERS = re.compile(r"[a-z][^a-z]*[a-z]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'>*\-]*$")
_SHARED_BY_AT_MOST = 64
_LONGEST_OPEN = 120


class Gazetteer:
    """Known values in an automaton. Immutable: `with_delta` gives a new one that shares the large part.

    Names, companies and addresses match without regard to case, accents, line breaks and commas, as
    whole words; names also as “Last, First” and “A. Last”; e-mail addresses as a whole; telephone
    numbers by their digits; other numbers also without their separators. Values with fewer than two
    letters or fewer than four digits say nothing and are left out (`skipped` counts them).
    """

    def __init__(self, base: _Index, delta: _Index, version: str) -> None:
        self._base = base
        self._delta = delta
        self.version = version

    @classmethod
    def build(cls, entries: Iterable[GazetteerEntry], version: str = "") -> Gazetteer:
        """Build from any number of entries: about 100,000 customers in a few seconds."""
        return cls(_Index(list(entries)), _Index([]), version)

    @classmethod
    def from_rows(cls, rows: Iterable[Row], version: str = "") -> Gazetteer:
        """Build from what `rows` gave, for example in another process."""
        return cls.build((_entry(row) for row in rows), version)

    def with_delta(self, entries: Iterable[GazetteerEntry], version: str | None = None) -> Gazetteer:
        """The same with some more entries, in milliseconds: only the delta is built anew."""
        delta = _Index([*self._delta.entries, *entries])
        return Gazetteer(self._base, delta, self.version if version is None else version)

    def rows(self) -> list[Row]:
        """Plain data from which the same gazetteer can be built elsewhere."""
        entries = [*self._base.entries, *self._delta.entries]
        return [(entry.value, entry.type, entry.entity, entry.field, entry.subject) for entry in entries]

    def __reduce__(self) -> tuple[Callable[..., Gazetteer], tuple[list[Row], str]]:
        return Gazetteer.from_rows, (self.rows(), self.version)

    def __len__(self) -> int:
        return len(self._base.entries) + len(self._delta.entries)

    @property
    def skipped(self) -> int:
        """How many entries are too short to be looked for."""
        return self._base.skipped + self._delta.skipped

    def open_from(self, text: str) -> int:
        """Where the end of `text` begins that more text could turn into a known value; its length if nowhere.

        For text that comes in pieces: what stands before it can be looked at now. The first call sorts
        the keys, which takes about a second for a million of them.
        """
        folded = Reading(text).folded
        for start in range(max(0, len(folded.text) - _LONGEST_OPEN), len(folded.text)):
            if (start == 0 or not folded.text[start - 1].isalnum()) and not folded.text[start].isspace():
                tail = folded.text[start:]
                if self._base.has_words_from(tail) or self._delta.has_words_from(tail):
                    return folded.original(start, len(folded.text))[0]
        return len(text)

    def find(self, text: str, prefer: Iterable[str] = ()) -> list[Span]:
        """All known values in `text`, longest first where one contains another.

        `prefer` names records that the text is about: of several records that share a value those win.
        """
        return self.find_in(Reading(text, frozenset(prefer)))

    def find_in(self, reading: Reading) -> list[Span]:
        """`find` on a reading that other detectors share."""
        by_range: dict[tuple[int, int], list[GazetteerEntry]] = {}
        for index in (self._base, self._delta):
            for start, end, entries in index.matches(reading):
                by_range.setdefault((start, end), []).extend(entries)
        return [
            self._span(start, end, by_range[start, end], reading.prefer)
            for start, end in _not_contained(by_range)
        ]

    def _span(self, start: int, end: int, entries: list[GazetteerEntry], prefer: frozenset[str]) -> Span:
        candidates = [entry for entry in entries if entry.entity in prefer] or entries
        chosen = candidates[0]
        names = {entry.entity for entry in candidates}
        if len(names) > 1:
            known = sorted(name for name in names if name is not None)
            shared = tuple(known) if len(known) <= _SHARED_BY_AT_MOST else ()
            return Span(start, end, chosen.type, 1.0, Source.GAZETTEER, field=chosen.field, entities=shared)
        entities = () if chosen.entity is None else (chosen.entity,)
        subject = chosen.subject or self._subject_of(chosen.entity)
        return Span(
            start, end, chosen.type, 1.0, Source.GAZETTEER, chosen.entity, chosen.field, entities, subject
        )

    def _subject_of(self, entity: str | None) -> EntityType | None:
        if entity is None:
            return None
        return self._base.subjects.get(entity) or self._delta.subjects.get(entity)


class _Index:
    """The automata over one list of entries."""

    def __init__(self, entries: list[GazetteerEntry]) -> None:
        self.entries = entries
        self.skipped = 0
        self.subjects: dict[str, EntityType] = {}
        words: dict[str, list[GazetteerEntry]] = {}
        compact: dict[str, list[GazetteerEntry]] = {}
        for entry in entries:
            if entry.entity is not None and entry.type in _SUBJECTS:
                self.subjects.setdefault(entry.entity, entry.type)
            self._add(entry, words, compact)
        self._words = Lexicon(words)
        self._compact = Lexicon(compact)
        self._phones = PhoneIndex([entry for entry in entries if entry.type is EntityType.PHONE])

    def _add(
        self,
        entry: GazetteerEntry,
        words: dict[str, list[GazetteerEntry]],
        compact: dict[str, list[GazetteerEntry]],
    ) -> None:
        folded = fold_value(entry.value)
        if not _says_something(folded):
            self.skipped += 1
            return
        if entry.type is EntityType.PHONE and len(significant_digits(entry.value)) >= 5:
            return  # the index of telephone numbers finds every spelling
        for key in _variants(entry, folded):
            words.setdefault(key, []).append(entry)
        if entry.type in _NUMBERS:
            number = compact_value(folded)
            if len(number) >= 6 and any(character.isdigit() for character in number):
                compact.setdefault(number, []).append(entry)

    def has_words_from(self, beginning: str) -> bool:
        """Whether more text could make a value of this."""
        return self._words.has_key_from(beginning)

    def matches(self, reading: Reading) -> Iterator[Match]:
        """Ranges of the original text with the entries found there."""
        yield from self._matches_as_words(reading)
        yield from self._matches_as_numbers(reading)
        for start, end, entries in self._phones.matches(reading.normalised.text):
            yield *reading.normalised.original(start, end), entries

    def _matches_as_words(self, reading: Reading) -> Iterator[Match]:
        if not len(self._words):
            return
        folded = reading.folded
        for start, end, key, entries in self._words.matches(folded.text):
            if not is_whole_word(folded.text, start, end):
                if not _is_genitive(folded.text, end, entries[0]) or not is_whole_word(
                    folded.text, start, end + 1
                ):
                    continue
                end += 1
            first, last = folded.original(start, end)
            fitting = [entry for entry in entries if _fits(entry, key, reading.text, first)]
            if fitting:
                yield first, last, fitting

    def _matches_as_numbers(self, reading: Reading) -> Iterator[Match]:
        if not len(self._compact):
            return
        compact, indexes = reading.compact
        folded = reading.folded
        for begin, finish, _, entries in self._compact.matches(compact):
            start, end = indexes[begin], indexes[finish - 1] + 1
            if is_whole_word(folded.text, start, end):
                yield *folded.original(start, end), entries


def _entry(row: Row) -> GazetteerEntry:
    value, kind, entity, field, subject = row
    return GazetteerEntry(value, EntityType(kind), entity, field, EntityType(subject) if subject else None)


def _variants(entry: GazetteerEntry, folded: str) -> set[str]:
    keys = {folded}
    if not entry.value.isascii():
        keys.add(fold_value(entry.value.translate(_UMLAUTS)))
    if entry.type is EntityType.PERSON:
        keys |= {variant for key in tuple(keys) for variant in _name_variants(key)}
    elif entry.type is EntityType.ORGANIZATION:
        keys |= {short for key in tuple(keys) if len(short := _LEGAL_FORM.sub("", key)) >= 4}
    elif entry.type is EntityType.ADDRESS:
        street = fold_value(re.split(r"[,\n]", entry.value, maxsplit=1)[0])
        if len(street) >= 8 and any(c.isdigit() for c in street) and any(c.isalpha() for c in street):
            keys.add(street)
    return keys


def _name_variants(folded: str) -> Iterator[str]:
    words = folded.split(" ")
    if not 2 <= len(words) <= 4:
        return
    first, last = words[0], words[-1]
    yield f"{last} {' '.join(words[:-1])}"
    yield f"{first[0]}. {last}"
    if len(words) > 2:
        yield f"{first} {last}"


def _says_something(folded: str) -> bool:
    if _TWO_ASCII_LETTERS.search(folded) is not None:
        return True
    letters = sum(character.isalpha() for character in folded)
    digits = sum(character.isdigit() for character in folded)
    return letters >= 2 or digits >= 4 or (letters == 1 and (digits >= 2 or not folded.isascii()))


def _is_genitive(text: str, end: int, entry: GazetteerEntry) -> bool:
    return entry.type in _SUBJECTS and text[end : end + 1] == "s" and text[end - 1].isalpha()


def _fits(entry: GazetteerEntry, key: str, text: str, start: int) -> bool:
    """Whether this spelling counts as this value: a lone everyday word must be written like a name."""
    if entry.type is EntityType.EMAIL:
        return not (start > 0 and (text[start - 1].isalnum() or text[start - 1] in "._%+-"))
    if " " in key or entry.type not in _SUBJECTS or not is_everyday_word(key):
        return True
    return text[start].isupper() and _SENTENCE_START.search(text, max(0, start - 20), start) is None


def _not_contained(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    furthest = -1
    for start, end in sorted(ranges, key=lambda pair: (pair[0], -pair[1])):
        if end > furthest:
            kept.append((start, end))
            furthest = end
    return kept
