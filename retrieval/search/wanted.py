"""What list a question asks for, read off its words.

A question is a list only when it has the form of one (more than one record is meant, or whether there is
one) and every word of it either says which records are meant or is known to change nothing about that. A
list by half of a question would be wrong, so what is not understood is none.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from retrieval.crm import CrmMap
from retrieval.crm.map import FactColumn
from retrieval.crm.render import label_of
from retrieval.records import Match

from .focus import links_to
from .reading import pattern_of
from .words import CODE, OPEN, is_negated, is_whether, unfinished

_UNKNOWN: Final = 4
_LOOSE: Final = frozenset({"open", "offen"})  # a state of that name is not all that people mean by it
"""A question with more words than these that only values could explain is not looked up in the CRM."""

_WORD: Final = re.compile(r"[^\W_]+")
_NEGATION: Final = re.compile(r"\b(?:not|never|no longer|nicht)\b|n['’]t\b", re.IGNORECASE)
_WITHOUT: Final = re.compile(
    r"\b(?:no|without|ohne|keine?[nrms]?|neither|nor|none)\b(?! longer)", re.IGNORECASE
)
_IDIOM: Final = re.compile(
    r"\bin (?:any|that|this|which|each|either|every|such a|the|jedem|diesem) (?:case|fall)\b|\bin case\b"
    r"|\bauf (?:jeden|alle|keinen) f[aä]lle?\b|\bin order to\b|\bon account of\b"
    r"|\b(?:von|durch) (?:mir|uns)\b",
    re.IGNORECASE,
)
_OTHER: Final = frozenset("how when where why if whether because wie wann wo warum wenn ob weil".split())
_LISTING: Final = re.compile(
    r"\b(?:how many|wie ?viele|number of|anzahl|which|any|every|each|(?<!at )all|lists?|count|liste[nt]?"
    r"|welche[mnrs]?|alle[mnrs]?|jede[mnrs]?|sämtliche[nr]?)\b",
    re.IGNORECASE,
)
_ONE: Final = re.compile(r"\b(?:an?|one|another|eine?[mnr]?)\s+(?:\w+\s+){0,3}$", re.IGNORECASE)
_THE_ONE: Final = re.compile(
    r"\b(?:de[mns]|eine[mns]|diese[mns]|jene[mns]|meine[ms]|unsere[ms])\s+$", re.IGNORECASE
)
_EITHER: Final = re.compile(r"\b(?:or|oder)\b", re.IGNORECASE)
_JOINED: Final = re.compile(r"\b(?:and|or|und|oder)\b|[,&]", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"\b(?:ha(?:ve|s|ben?|t)|with|mit|of|von|which|that|die)\b", re.IGNORECASE)
_BEFORE: Final = re.compile(
    r"\b(?:they|them|theirs?|it|its|he|him|his|she|hers?|this|these|those|sie|ihnen|ihr(?:e[mnrs]?)?"
    r"|seine?[mnrs]?|deren|dessen|dies(?:e[mnrs]?)?)\b",
    re.IGNORECASE,
)
_THAT: Final = re.compile(r"\b(?:that|jene[mnrs]?)\s+(?:same\s+)?$", re.IGNORECASE)
_WHO: Final = frozenset("i we you he she they ich wir".split())
_HAVING: Final = frozenset("have has had habe haben hast hat hatte hatten ve".split())
_DOING: Final = frozenset("do does did".split())
_BEING: Final = frozenset(
    "is are was were be been got that which who still ist sind war waren wurde wurden".split()
)
# words that may stand in a question without changing which records are meant
_PLAIN: Final = frozenset(
    """aren isn doesn don hasn haven wasn weren
    a an the of in on at for with to from and or do does did is are was were been has have had
    having i we you me my our mine ours us your who whose which what that there any all some each
    every still currently now right presently today yet please list lists show give name tell find
    count can could see not never no longer state states state's status t s re got record records
    another one der die das den dem des ein eine einen einer einem im in am auf von vom zu
    bei mit und oder ist sind war hat haben habe hast ich wir mir uns mein meine meinen meiner
    meinem unser unsere unseren es gibt noch gerade aktuell derzeit jetzt bitte zeig zeige zeigen
    liste listen nenne nenn welche welcher welches welchen welchem was wer jede jeder jedes jeden
    jedem nicht alle aller allen zustand""".split()
)


@dataclass(frozen=True)
class Wanted:
    """A list as a question asks for it.

    `kind` is counted and listed, where `conditions` (of it, and of the records named by its `column`) hold.
    With `above`, the records that `column` names are what was asked for.
    """

    kind: str
    conditions: tuple[tuple[str, Match], ...] = ()
    above: str = ""
    column: str = ""


@dataclass(frozen=True)
class _Form:
    """The kinds that a list is of. With `one`, it is asked whether there is one that meets a condition."""

    kinds: tuple[str, ...]
    kind: str
    above: str
    column: str
    one: bool


@dataclass
class _Read:
    """What the values of the CRM explain: conditions, the phrases that they were read off, and an act:
    `have I closed` asks for what somebody did, which no state says."""

    conditions: list[tuple[str, Match]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    phrases: dict[str, None] = field(default_factory=dict)
    act: bool = False


Values = Mapping[str, Mapping[str, Sequence[str]]]
"""Kind → column → the values that it may have."""


def kinds_named(crm_map: CrmMap, question: str) -> tuple[str, ...]:
    """The kinds of records that a question names by any of their words, in the order in which it does."""
    spots = {
        kind: min(found.start() for found in named)
        for kind in crm_map.entities
        if (named := list(_named(crm_map, kind, question)))
    }
    return tuple(sorted(spots, key=spots.__getitem__))


def names_of(crm_map: CrmMap, kind: str) -> tuple[str, ...]:
    """Every word for records of a kind."""
    entity = crm_map.entities[kind]
    return (kind.replace("_", " "), plural_of(crm_map, kind), *entity.also)


def plural_of(crm_map: CrmMap, kind: str) -> str:
    """What records of a kind are called together: the name of their table."""
    return crm_map.entities[kind].table.rpartition(".")[2].replace("_", " ").lower()


def goes_back(crm_map: CrmMap, said: str) -> bool:
    """Whether a question speaks of those who were named before it: `their cases`, `that customer`."""
    return _BEFORE.search(said) is not None or any(
        _THAT.search(said[: found.start()])
        for kind in crm_map.entities
        for found in _named(crm_map, kind, said)
    )


def may_be_list(crm_map: CrmMap, said: str) -> bool:
    """Whether a question has the form of a list, as far as its words say without the values of the CRM."""
    form = _form(crm_map, said)
    if form is None:
        return False
    known = list(OPEN)
    for kind in form.kinds:
        for name, column in crm_map.entities[kind].readable:
            if isinstance(column, FactColumn) and column.choice:
                known += label_of(name, column).split()
                known += column.choice if isinstance(column.choice, tuple) else ()
    unknown = _unknown(crm_map, said, form.kinds, known)
    return len(unknown) <= _UNKNOWN and not unknown & _OTHER


def read_list(crm_map: CrmMap, said: str, values: Values) -> Wanted | None:
    """The list that a question asks for; None when it asks for none, or for more than is understood.

    `said` is the question without references and in the words of the map.
    """
    form = _form(crm_map, said)
    if form is None:
        return None
    read = _read(crm_map, said, form.kinds, values)
    if read.act or (form.one and not read.conditions):
        return None
    if _NEGATION.search(said) and (
        len(read.phrases) > 1 or not any(match.refused for _, match in read.conditions)
    ):
        return None  # how far a not reaches, the words do not say; or it denies something else than a state
    if _EITHER.search(said) and len(read.conditions) > 1:
        return None  # high or open: of two columns either is never meant by both
    if _unknown(crm_map, said, form.kinds, (*read.phrases, *read.labels)):
        return None
    return Wanted(form.kind, tuple(read.conditions), form.above, form.column)


def _form(crm_map: CrmMap, said: str) -> _Form | None:
    kinds = kinds_named(crm_map, said)
    if not 1 <= len(kinds) <= 2 or any(one.search(said) for one in (CODE, _WITHOUT, _IDIOM)):
        return None
    pair = _pair(crm_map, kinds, said) if len(kinds) == 2 else (kinds[0], "", "")
    if pair is None:
        return None
    if _LISTING.search(said) or any(_in_plural(crm_map, kind, said) for kind in kinds):
        return _Form(kinds, *pair, one=False)
    named = [found for kind in kinds for found in _named(crm_map, kind, said)]
    if is_whether(said) and any(_ONE.search(said[: found.start()]) for found in named):
        return _Form(kinds, *pair, one=True)
    return None


def _named(crm_map: CrmMap, kind: str, said: str) -> Iterator[re.Match[str]]:
    for name in names_of(crm_map, kind):
        yield from pattern_of(name).finditer(said)


def _in_plural(crm_map: CrmMap, kind: str, said: str) -> bool:
    """Whether a kind is named in the plural: by its table, or with the ending of one. A word of the map with
    a capital is a German noun: its plural ends otherwise, and looks like a case of the singular."""
    plural, single = plural_of(crm_map, kind), kind.replace("_", " ")
    for found in _named(crm_map, kind, said):
        word = found.group().lower()
        if _THE_ONE.search(said[: found.start()]):
            continue
        if word == plural != single:
            return True
        for name in names_of(crm_map, kind):
            endings = {"e", "n", "en", "er", "ern"} if name[0].isupper() else {"s", "es"}
            if any(_unmarked(word) == _unmarked(name.lower()) + ending for ending in endings):
                return True
    return False


def _unmarked(word: str) -> str:
    return word.translate(str.maketrans("äöü", "aou"))


def _pair(crm_map: CrmMap, kinds: Sequence[str], said: str) -> tuple[str, str, str] | None:
    """(listed kind, kind above, column): which customers have open cases, open cases of customers in …

    None where neither belongs to the other, and where both are asked for: cases and orders."""
    first, second = (next(iter(sorted(_spots(crm_map, kind, said)))) for kind in kinds)
    between = said[first[1] : second[0]]
    if _JOINED.search(between) and not _BETWEEN.search(between):
        return None
    for below, above in (kinds, kinds[::-1]):
        for child, column in links_to(crm_map, above):
            if child == below:
                return below, above, column
    return None


def _spots(crm_map: CrmMap, kind: str, said: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _named(crm_map, kind, said))


def telling_words(crm_map: CrmMap, said: str) -> set[str]:
    """The words of a text that are neither those of every question nor the names of kinds."""
    return _unknown(crm_map, said, tuple(crm_map.entities), ())


def _unknown(crm_map: CrmMap, said: str, kinds: Sequence[str], understood: Sequence[str]) -> set[str]:
    """Words of a question that nobody has explained."""
    rest = _LISTING.sub(" ", said)
    for phrase in (*understood, *(name for kind in kinds for name in names_of(crm_map, kind))):
        rest = pattern_of(phrase).sub(" ", rest)
    rest = _BEFORE.sub(" ", rest)
    return {word.lower() for word in _WORD.findall(rest)} - _PLAIN


def _read(crm_map: CrmMap, said: str, kinds: Sequence[str], values: Values) -> _Read:
    """What the values of these kinds' columns explain."""
    read = _Read()
    for kind in kinds:
        columns = dict(crm_map.entities[kind].readable)
        for name, of_column in values.get(kind, {}).items():
            column = columns[name]
            label = label_of(name, column)
            wanted: dict[str, None] = {}
            refused: dict[str, None] = {}
            stated = {word for word in OPEN if _states(said, label, word)}
            for phrase, means in _phrases(of_column, read.phrases, stated):
                spot = pattern_of(phrase).search(said)
                if spot is None:
                    continue
                read.phrases[phrase] = None
                before = said[: spot.start()]
                (refused if is_negated(before) else wanted).update(dict.fromkeys(means))
                live = isinstance(column, FactColumn) and column.live
                follows = bool(kinds_named(crm_map, said[spot.end() :]))
                read.act = read.act or (live and _is_act(before, label, follows=follows))
            if wanted or refused:
                read.labels += label.split()
            if wanted:
                read.conditions.append((kind, Match(name, tuple(wanted))))
            if refused:
                read.conditions.append((kind, Match(name, tuple(refused), refused=True)))
    return read


def _states(said: str, label: str, word: str) -> bool:
    """Whether a question names the column and then the word: `have the status open`, `status: pending`."""
    stated = rf"\b{re.escape(label)}(?:\s+(?:is|are|ist|sind)|\s*[:=])?\s+[\"“'‘]?{re.escape(word)}\b"
    return re.search(stated, said, re.IGNORECASE) is not None


def _phrases(
    values: Sequence[str], taken: Mapping[str, None], stated: Collection[str]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each phrase for values of a column with what it means.

    `open` is whatever is not done with; as is a word like it, unless it is a value itself. Of those that are
    `stated` as values none means more.
    """
    yield from ((value, [value]) for value in values if value not in taken)
    still = unfinished(values)
    if len(still) < len(values):
        own = {value.lower() for value in values}
        exact = {word for word in own if word in stated or word not in _LOOSE}
        yield from ((word, still) for word in OPEN if word not in exact)


def _is_act(before: str, label: str, *, follows: bool) -> bool:
    """Whether a state after these words is what somebody did with a record: `have I closed`, `did we open`.

    `follows` says that the record comes after it: `have closed cases` is a state.
    """
    words = [word.lower() for word in _WORD.findall(before)][-7:]
    for at in reversed(range(len(words))):
        word, last = words[at], at == len(words) - 1
        if word in _DOING:
            return not last
        if word in _HAVING:
            return not follows and not _DOING & set(words[:at])
        if word in _BEING or word in label.lower().split():
            return False
        if word in _WHO and last and not follows:
            return True
    return False
