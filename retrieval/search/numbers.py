"""Records that a question names by their number, such as `CS-30517`, and numbers that no visible record has.

A record's number is what its title is made of: a fact, or the key. A code that is none of a record's, such as
that of an error, is a word like any other; so a number counts as one of a record only where the word for a
kind stands before it, or where it is written as the numbers of visible records are.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from retrieval.crm import CrmMap
from retrieval.crm.map import FactColumn, FactKind, Row, placeholders
from retrieval.records import Match, Records
from retrieval.rights import Visibility

from .focus import FOCUS_ROWS, kinds_beneath
from .values import Missing
from .wanted import names_of
from .words import CODES, written_otherwise

_SHAPES: Final = 12
"""The numbers of so many visible records, the latest, say how numbers of their kind are written."""

_ROWS: Final = 50
_LONGER: Final = 3  # digits that a number may have more than those that were seen: `case 999999`
_FOREIGN: Final = 4  # digits of a number after a kind's word that is written as none of that kind is

_VALUE: Final = r"(?:[A-Za-z]{1,6}[-_/.#]?|(?-i:[A-Z]{1,5} )|(?=\d))\d+(?:-\d+)*(?!\w|[.,]\d|[-_/]\w)"
_SIDE: Final = r"(?:[A-Za-z]{1,6}-)?\d{3,}"
_SLASHED: Final = rf"(?!(?:19|20)\d\d/){_SIDE}(?=(?:/{_SIDE}){{1,7}}(?![\w/]))"
"""One of several numbers with nothing but a slash between: `30001/30002`, not `24/7` or `2024/0001`."""

_SEVERAL: Final = rf"(?:{_SLASHED}|{_VALUE})"
_ENDS: Final = frozenset({"to", "bis", "/"})
_END: Final = 3  # digits that what stands between may have at least: `case 4711 to 5 people` has one end
_PARTS: Final = re.compile(r"#?\s?(?P<head>[A-Za-z]*)[-_/.# ]?(?P<number>[\d-]+)")
_REFERENCE: Final = re.compile(r"\[[^\]]*\]")
_DATE: Final = re.compile(r"(?:19|20)\d\d-\d\d?(?:-\d\d?)?")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MARK: Final = re.compile(r"#|\b(?:no|nr|number|nummer|id)\b", re.IGNORECASE)
_IDIOM: Final = re.compile(r"\b(?:in (?:case|order)|(?:im|auf jeden|auf alle) F[aä]lle?)\Z", re.IGNORECASE)
_DOING: Final = re.compile(
    r"\b(?:to|I|we|you|they|he|she|can|could|must|should|will|would|may|please|customers?|(?:re)?ordered)\s+"
    r"orders?\Z",
    re.IGNORECASE,
)
_BACK: Final = 24
"""Characters before a number in which such words are looked for: a text is read once, however long."""

_AMOUNT: Final = re.compile(
    r"\s*(?:[%€$£]|(?:eur|usd|gbp|percent|(?:piece|unit|day|month|week|hour|minute|year|litre|liter)s?"
    r"|tage?|wochen?|monate?|stunden?|jahre?|stück|mal|kg|cm|mm|km)\b)",
    re.IGNORECASE,
)
_THINGS: Final = re.compile(
    r"\s*(?!(?:is|was|has|does|status|this|its|details|als|das|bis|es|aus)\b)[^\W\d_]{2,}s\b",
    re.IGNORECASE,
)


Span = tuple[int, int]


@dataclass(frozen=True)
class Typed:
    """A number as it stands in a text at `span`: `text` has letters in capitals before its `digits`, or none.

    `kind` is the one whose word stands before it, empty where none does; `marked` where a `#` or `number`
    says that it is one. It is `sure` to be meant for a record's where it is also written like one. What may
    as well be an amount (`order 300 filters`) is `doubtful`: a record's where there is one, never missing.
    """

    text: str
    head: str
    digits: str
    span: Span
    kind: str = ""
    marked: bool = False
    doubtful: bool = False
    sure: bool = False
    word: int | None = None
    """Where the kind's word begins, if it stands right before."""

    @property
    def written(self) -> tuple[str, ...]:
        """The ways in which a CRM may write it."""
        return written_otherwise((self.head, self.digits)) if self.head else (self.digits, f"#{self.digits}")

    @property
    def missing(self) -> Missing:
        return Missing(kind=self.kind.replace("_", " "), number=self.text)

    def is_among(self, others: Iterable["Typed"]) -> bool:
        """Whether the very same number is there; one without letters, as one of the same kind."""
        return any(
            (one.head, one.digits) == (self.head, self.digits) and (self.head or one.kind == self.kind)
            for one in others
        )


@dataclass(frozen=True)
class Numbered:
    """References of the visible records that a text names by their number, and the numbers of none.

    What does not exist and what is not the caller's is missing in the same way.
    """

    found: tuple[str, ...] = ()
    missing: tuple[Typed, ...] = ()


class _Shape(NamedTuple):
    """How the numbers of a kind are written: their letters, how many digits they have, and hyphens."""

    heads: frozenset[str]
    least: int
    most: int
    parted: bool

    def has(self, one: Typed) -> bool:
        return one.head in self.heads and self.least <= len(one.digits) <= self.most


def missing_sentence(missing: Iterable[Missing]) -> str:
    """What is said of numbers that no record has which the asker may see, whether there are such or not."""
    told = [f"no {one.kind or 'record'} {one.number}" for one in missing]
    return f"There is {', '.join(told[:-1])}{' and ' * bool(told[1:])}{told[-1]} that you may see."


def typed_in(crm_map: CrmMap, text: str) -> list[Typed]:
    """What may be the number of a record in a text, each once, those after the word for a kind first."""
    each: dict[tuple[str, str, str], Typed] = {}
    for one in _typed(crm_map, text):
        each.setdefault((one.head, one.digits, "" if one.head else one.kind), one)
    return list(each.values())


def places_of(crm_map: CrmMap, text: str, numbers: Collection[Typed]) -> list[Span]:
    """Where a text names one of these, with the kind's word before it; digits alone may stand there again."""
    ends = {
        one.span[1]: one.span[0] if one.word is None else one.word
        for one in reversed(_typed(crm_map, text))
        if one.is_among(numbers)
    }
    for one in numbers:
        if not one.head and len(one.digits) >= _FOREIGN:
            for again in re.finditer(rf"(?<![\w.,-])#?{re.escape(one.digits)}(?![\w-]|[.,]\d)", text):
                ends.setdefault(again.end(), again.start())
    return [(start, end) for end, start in ends.items()]


def _typed(crm_map: CrmMap, text: str) -> list[Typed]:
    text = _REFERENCE.sub(lambda found: "[" * len(found.group()), text)
    found = list(_after_words(crm_map, text))
    taken = {place for one in found for place in range(*one.span)}
    for code in CODES.finditer(text):
        start, end = code.span()
        if taken.isdisjoint(range(start, end)):
            head = (code["head"] or code["upper"]).upper()
            found.append(Typed(code.group(), head, code["number"], (start, end)))
    return found


async def numbered(records: Records, visibility: Visibility, text: str) -> Numbered:
    """The visible records that a text names by their number, however it is written: `CS-30517`, `cs30517`.

    A number that several records of a kind have is the number of none of them, and is not missing.
    """
    crm_map = records.crm_map
    found, left, shapes = await _look_up(records, visibility, text)
    for kind in identifiers(crm_map):
        if kind not in shapes and any(one.kind in {"", kind} for one in left):
            shapes[kind] = await _shape(records, visibility, kind)
    missing = [of_kind for one in left if (of_kind := _of_kind(crm_map, one, shapes))]
    return Numbered(found, tuple(missing))


async def found_by_number(records: Records, visibility: Visibility, text: str) -> tuple[str, ...]:
    """The same without what is missing, which takes statements of its own."""
    found, _, _ = await _look_up(records, visibility, text)
    return found


async def _look_up(
    records: Records, visibility: Visibility, text: str
) -> tuple[tuple[str, ...], list[Typed], dict[str, _Shape | None]]:
    """What is found, the numbers for which nothing is, and how those of kinds that had to be known are
    written."""
    crm_map = records.crm_map
    typed = typed_in(crm_map, text)[:FOCUS_ROWS]
    found: list[str] = []
    there: set[Span] = set()
    bare = {one.kind for one in typed if not one.head}
    shapes = {kind: await _shape(records, visibility, kind) for kind in identifiers(crm_map) if kind in bare}
    for kind in identifiers(crm_map):
        ways = {
            one.span: _in_full(one, None if one.head else shapes.get(kind))
            for one in typed
            if one.head or one.kind == kind
        }
        for span, keys in (await _having(records, visibility, kind, ways)).items():
            there.add(span)
            found += [f"{kind}:{key}" for key in keys if len(keys) == 1]
    left = [one for one in typed if one.span not in there]
    return tuple(dict.fromkeys(found)), left, shapes


def identifiers(crm_map: CrmMap) -> dict[str, tuple[str, ...]]:
    """Kind → the columns that hold its number: the facts in words or digits that are part of its title, and
    the key where that is. What is an identity is none."""
    found = {}
    for kind, entity in crm_map.entities.items():
        titled = placeholders(entity.label)
        facts = {
            name
            for name, column in entity.readable
            if isinstance(column, FactColumn)
            and not column.of
            and column.kind in {FactKind.TEXT, FactKind.NUMBER}
        }
        if columns := tuple(
            name
            for name in titled
            if name == entity.key or (name in facts and not _is_of_parent(crm_map, kind, name))
        ):
            found[kind] = columns
    return found


def _is_of_parent(crm_map: CrmMap, kind: str, name: str) -> bool:
    """Whether a column has the number of the record that this one belongs to: `case_no` of a note."""
    entity = crm_map.entities[kind]
    above = entity.parent and entity.parent.entity
    if not above or name not in placeholders(crm_map.entities[above].label):
        return False
    return above.lower() in re.split(r"[\W_]+", f"{name} {entity.columns[name].label}".lower())


async def _having(
    records: Records, visibility: Visibility, kind: str, ways: Mapping[Span, Collection[str]]
) -> dict[Span, set[str]]:
    """The keys of visible rows with one of these values as their number, for each that there are any of."""
    entity, columns = records.crm_map.entities[kind], identifiers(records.crm_map)[kind]
    values = tuple(dict.fromkeys(value for each in ways.values() for value in each))
    found: dict[Span, set[str]] = {}
    for column in columns if values else ():
        if column == entity.key:
            rows: Iterable[Row] = (await records.rows(kind, values, visibility)).values()
        else:
            rows = await records.matching(kind, [Match(column, values)], visibility, _ROWS)
            if len(rows) == _ROWS:  # of some of them there are many: these may hide others
                each = [
                    await records.matching(kind, [Match(column, tuple(way))], visibility, 2)
                    for way in ways.values()
                ]
                rows = [row for some in each for row in some]
        for row in rows:
            for span, way in ways.items():
                if str(row[column]) in way:
                    found.setdefault(span, set()).add(str(row[entity.key]))
    return found


async def _shape(records: Records, visibility: Visibility, kind: str) -> _Shape | None:
    """How the numbers of a kind are written that the caller sees; None where they see none."""
    columns = identifiers(records.crm_map)[kind]
    rows = await records.newest(kind, visibility, _SHAPES)
    parts = [
        found for row in rows for column in columns if (found := _PARTS.fullmatch(str(row[column]).strip()))
    ]
    if not parts:
        return None
    lengths = [len(found["number"]) for found in parts]
    return _Shape(
        heads=frozenset(found["head"].upper() for found in parts),
        least=min(lengths),
        most=max(lengths),
        parted=any("-" in found["number"] for found in parts),
    )


def _in_full(one: Typed, shape: _Shape | None) -> tuple[str, ...]:
    """The ways to write a number; one that was typed without letters or zeros before it, `case 517`, also
    with those that the numbers of its kind have."""
    if shape is None:
        return one.written
    heads = [head for head in shape.heads if head]
    long = dict.fromkeys(one.digits.zfill(length) for length in (0, shape.least, shape.most))
    with_heads = [way for head in heads for digits in long for way in written_otherwise((head, digits))]
    return (*one.written, *long, *with_heads)


def _of_kind(crm_map: CrmMap, one: Typed, shapes: dict[str, _Shape | None]) -> Typed | None:
    """The number as that of a record of its kind; None where it need not be one of a record."""
    if not one.kind:
        kinds = [kind for kind, shape in shapes.items() if shape and one.head and shape.has(one)]
        highest = [kind for kind in kinds if not any(_is_beneath(crm_map, kind, other) for other in kinds)]
        return replace(one, kind=(highest or kinds)[0]) if kinds else None
    shape = shapes[one.kind]
    if one.doubtful or ("-" in one.digits and not (shape and shape.parted)):
        return None
    if one.marked or (shape and shape.has(one)):
        return replace(one, sure=True)
    if one.head and shape and one.head in shape.heads:
        is_one = True
    elif one.head:
        # `order W2378156` is one, `case E204` need not be, and `EUR 4000` is none
        is_one = len(one.digits) >= _FOREIGN and " " not in one.text
    elif shape is None or _YEAR.fullmatch(one.digits):
        is_one = shape is None and len(one.digits) > _FOREIGN
    else:
        is_one = (1 if "" in shape.heads else shape.least) <= len(one.digits) <= shape.most + _LONGER
    return one if is_one else None


def _is_beneath(crm_map: CrmMap, kind: str, other: str) -> bool:
    return kind != other and kind in kinds_beneath(crm_map, [other])


def _after_words(crm_map: CrmMap, text: str) -> Iterator[Typed]:
    """Numbers after the word for a kind: `case 17`, `tickets CS-1 and CS-2`, `order no. 4`."""
    for kind in identifiers(crm_map):
        words = "|".join(map(re.escape, sorted(names_of(crm_map, kind), key=len, reverse=True)))
        named = re.compile(
            rf"(?<!\w)(?P<word>{words})(?:s|es|e?n)?\b"
            rf"(?P<mark>[\s:]{{0,4}}(?:(?:no|nr|number|nummer|id)\b[.:]?)?\s{{0,2}}#?)\s?"
            rf"(?P<values>{_SEVERAL}(?:\s{{0,2}}(?:,|&|/|and|und|or|oder|to|bis)\s{{0,2}}#?{_SEVERAL})*)",
            re.IGNORECASE,
        )
        for found in named.finditer(text):
            if (found["mark"] or found["word"])[-1].isalnum():
                continue  # `Fall4`, `no4`
            marked = _MARK.search(found["mark"]) is not None
            values = list(re.finditer(rf"#?{_SEVERAL}", found["values"]))
            for before, value in zip([None, *values], values, strict=False):
                if before and not _goes_on(found["values"], before, value):
                    break
                start = found.start("values") + value.start()
                span = (start, start + len(value.group()))
                for one in _one(kind, text, found.span("word"), span, marked=marked):
                    yield one if before else replace(one, word=found.start("word"))


def _goes_on(values: str, before: re.Match[str], value: re.Match[str]) -> bool:
    """Whether a value is one more number; after `to` only one that may be the end of a row of them."""
    if values[before.end() : value.start()].strip().lower() not in _ENDS:
        return True
    ends = [sum(map(str.isdigit, one.group())) for one in (before, value)]
    return min(ends) >= _END and 0 <= ends[1] - ends[0] <= 1


def _one(kind: str, text: str, word: Span, span: Span, *, marked: bool) -> Iterator[Typed]:
    """The number at `span` after the kind's word at `word`, where it is one and not an amount or a date."""
    start, end = span
    if text[start - 1] == "#" and text[start] != "#":
        start -= 1
    typed = text[start:end]
    parts = _PARTS.fullmatch(typed)
    if parts is None or _DATE.fullmatch(parts["number"]):
        return
    marked = marked or typed[0] == "#"
    doubtful = False
    if not marked:
        idiom, doing = (before.search(text, max(0, word[0] - _BACK), word[1]) for before in (_IDIOM, _DOING))
        if (idiom and len(parts["number"]) < _FOREIGN) or (doing and parts["head"]):
            return
        things = not parts["head"] and _THINGS.match(text, end)
        if not parts["head"] and (_AMOUNT.match(text, end) or (doing and things)):
            return
        doubtful = bool(doing or things or (idiom and not parts["head"]))
    yield Typed(typed, parts["head"].upper(), parts["number"], (start, end), kind, marked, doubtful)
