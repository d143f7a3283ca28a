"""What was found once in a conversation, found everywhere in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from redaction.entities import EntityType, GazetteerEntry, Source, Span
from redaction.gazetteer.lexicon import Lexicon, is_whole_word
from redaction.gazetteer.words import is_everyday_word
from redaction.normalise import Reading, fold_value

from .edges import is_function_word

_WHOLE = frozenset(
    {
        EntityType.EMAIL,
        EntityType.URL,
        EntityType.USERNAME,
        EntityType.SECRET,
        EntityType.IBAN,
        EntityType.CARD,
    }
)
_NAME_PARTS = frozenset({"first", "middle", "last"})
_CASE_MATTERS = frozenset({EntityType.ORGANIZATION, EntityType.LOCATION})
_PART = re.compile(r"[^\W\d_][\w'’\-]*[^\W\d_]")
_TITLES_AND_PARTICLES = """
von van der den de di da du del della dos das el al bin ben la le mac mc o zu zum zur und and the dr
mr mrs ms miss prof herr frau sir madam jr sr ii iii st
"""
_NO_NAMES = frozenset(_TITLES_AND_PARTICLES.split())


@dataclass(frozen=True, slots=True)
class _Known:
    """What a folded value stands for, and whether a mention of it must begin with a capital."""

    type: EntityType
    careful: bool
    entity: str | None = None
    field: str | None = None
    subject: EntityType | None = None
    root: str | None = None


def find_known(reading: Reading, found: list[Span], dictionary: Iterable[GazetteerEntry]) -> list[Span]:
    """Further mentions of the values `found` in this text and of those in `dictionary`.

    `found` is disjoint and in text order. Case and accents do not matter, except for lone words that are
    everyday words or names of companies and places, which must be written with a capital. Each first
    and last name of a full name counts too; a name part that two known people share belongs to neither.
    """
    values = [*_entries_of(reading.text, found), *dictionary]
    table = _parts(values)
    for entry in values:
        folded = fold_value(entry.value)
        careful = _is_careful(entry.type, folded)
        is_owned = entry.entity is not None and (entry.field or "") not in _NAME_PARTS
        if _says_something(folded, careful) and (is_owned or folded not in table):
            table[folded] = _Known(entry.type, careful, entry.entity, entry.field, entry.subject)
    return [mention for mention in _mentions(reading, Lexicon(table)) if not _is_old_news(mention, found)]


def _is_old_news(mention: Span, found: list[Span]) -> bool:
    """Whether a detector covered it and the dictionary knows nothing better."""
    place = bisect_right(found, mention.start, key=lambda span: span.start) - 1
    if place < 0 or found[place].end < mention.end:
        return False
    span = found[place]
    inside = span.end - span.start > mention.end - mention.start
    if inside and span.type in _WHOLE:
        return True  # the name in a mail address is a piece of that address
    links = mention.root is not None or mention.entity is not None
    return span.source is Source.GAZETTEER or (span.type is mention.type and (inside or not links))


def _mentions(reading: Reading, lexicon: Lexicon[_Known]) -> Iterator[Span]:
    folded = reading.folded
    for start, end, _, known in lexicon.matches(folded.text):
        if not is_whole_word(folded.text, start, end):
            continue
        first, last = folded.original(start, end)
        if known.careful and not reading.text[first].isupper():
            continue
        span = Span(first, last, known.type, 0.9, Source.DICTIONARY, known.entity, known.field)
        entities = () if known.entity is None else (known.entity,)
        yield replace(span, entities=entities, subject=known.subject, root=known.root)


def _entries_of(text: str, spans: Iterable[Span]) -> Iterator[GazetteerEntry]:
    for span in spans:
        yield GazetteerEntry(text[span.start : span.end], span.type, span.entity, span.field, span.subject)


def _parts(values: list[GazetteerEntry]) -> dict[str, _Known]:
    parts: dict[str, _Known] = {}
    for entry in values:
        if entry.type is not EntityType.PERSON:
            continue
        words = [word for word in _PART.findall(entry.value) if _may_be_name_part(word, entry.value)]
        if len(words) < 2:
            continue
        for place, word in enumerate(words):
            folded = fold_value(word)
            field = "first" if place == 0 else "last" if place == len(words) - 1 else None
            root = None if entry.entity else entry.value
            known = _Known(entry.type, is_everyday_word(folded), entry.entity, field, entry.subject, root)
            parts[folded] = known if _is_same_person(parts.get(folded), known) else _nobodys(known)
    return parts


def _may_be_name_part(word: str, name: str) -> bool:
    """No title or function word, and no word in lower case in a name that has capitals: a wrong guess at half
    a sentence must not hide its words wherever they stand."""
    if fold_value(word) in _NO_NAMES or is_function_word(word):
        return False
    return not word.islower() or name.islower()


def _is_same_person(earlier: _Known | None, known: _Known) -> bool:
    if earlier is None:
        return True
    same_root = fold_value(earlier.root or "") == fold_value(known.root or "")
    return earlier.entity == known.entity and same_root and (earlier.entity or earlier.root) is not None


def _nobodys(known: _Known) -> _Known:
    return replace(known, entity=None, field=None, subject=None, root=None)


def _is_careful(kind: EntityType, folded: str) -> bool:
    return " " not in folded and (kind in _CASE_MATTERS or is_everyday_word(folded))


def _says_something(folded: str, careful: bool) -> bool:
    letters = sum(character.isalpha() for character in folded)
    return letters >= (3 if careful else 2) or len(folded) - letters >= 4
