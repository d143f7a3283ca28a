"""Lists and counts of records: read off a question's words, and answered by the CRM itself.

A question is a list only when every word of it is understood: a list by half of a question would be wrong.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from retrieval.crm import EVERYONE, CrmMap, acl_keys, link, title
from retrieval.crm.map import FactColumn, Row
from retrieval.crm.render import label_of
from retrieval.pieces import facts_of, references_in, without_references
from retrieval.records import Match, Records
from retrieval.rights import Visibility

from .focus import Focus, links_to
from .reading import in_words_of_map, pattern_of
from .values import Fact, ListCondition, Listing, Passage

LISTED: Final = 12
"""Of so many records the passages are given; the number of all is told."""

_VALUES: Final = 60
_KEYS: Final = 5_000
_CODE: Final = re.compile(r"\b[A-Z]{1,5}-?\d{2,}(?:-\d+)*\b")
_WORD: Final = re.compile(r"[^\W_]+")
_NEGATED: Final = re.compile(
    r"(?:\b(?:not|never|no longer|nicht|non)|n['’]t)[\s-]+(?:(?:yet|been|quite|fully|noch|already|in|on) )*$",
    re.IGNORECASE,
)
_NEGATION: Final = re.compile(r"\b(?:not|never|no longer|nicht)\b|n['’]t\b", re.IGNORECASE)
_WITHOUT: Final = re.compile(
    r"\b(?:no|without|ohne|keine?[nrms]?|neither|nor|none)\b(?! longer)", re.IGNORECASE
)
_MINE: Final = re.compile(
    r"\b(?:I|my|mine|our|we|all|ich|wir|meine?[nrsm]?|unsere?[nrsm]?|alle[nr]?)\b", re.IGNORECASE
)
_PLAIN: Final = frozenset(
    """aren isn doesn don hasn haven wasn weren
    a an the of in on at for with to by from and or do does did is are was were be been has have had
    having i we you me my our mine ours us your who whose which what that there their theirs they
    them it its this these those any all some each every still currently now right presently today
    yet please list show give name tell find count how many number many much see can could not
    never no longer state states status t s re are there got get records record assigned belonging
    belong belongs under about der die das den dem des ein eine einen einer im in am auf von vom zu
    bei mit und oder ist sind war hat haben habe hast ich wir mir uns mein meine meinen meiner
    meinem unser unsere unseren es gibt noch gerade aktuell derzeit jetzt bitte zeig zeige zeigen
    liste listen nenne nenn wie viele wieviele anzahl welche welcher welches welchen welchem was wer
    nicht alle aller allen status zustand""".split()
)
# a state that says a record is done with; people say open for every other
_DONE: Final = frozenset(
    """closed done resolved solved completed finished ended cancelled canceled delivered paid settled rejected
    refused expired lost won geschlossen erledigt abgeschlossen storniert geliefert bezahlt beendet""".split()
)
_OPEN: Final = ("open", "pending", "outstanding", "unresolved", "unfinished", "ongoing", "offen", "laufend")


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


Values = Mapping[str, Mapping[str, Sequence[str]]]
"""Kind → column → the values that it may have."""


def kinds_named(crm_map: CrmMap, question: str) -> tuple[str, ...]:
    """The kinds of records that a question names by any of their words, in the order in which it does."""
    spots: dict[str, int] = {}
    for kind in crm_map.entities:
        found = [
            match.start()
            for one in names_of(crm_map, kind)
            for match in [pattern_of(one).search(question)]
            if match
        ]
        if found:
            spots[kind] = min(found)
    return tuple(sorted(spots, key=spots.__getitem__))


def names_of(crm_map: CrmMap, kind: str) -> tuple[str, ...]:
    """Every word for records of a kind."""
    entity = crm_map.entities[kind]
    return (kind.replace("_", " "), plural_of(crm_map, kind), *entity.also)


def choices_of(crm_map: CrmMap, kind: str, visibility: Visibility | None = None) -> dict[str, FactColumn]:
    """The columns that lists of a kind can be asked by, as far as they may be read."""
    return {
        name: column
        for name, column in crm_map.entities[kind].readable
        if isinstance(column, FactColumn)
        and column.choice
        and (visibility is None or visibility.may_see_field(kind, name))
    }


def state_column(crm_map: CrmMap, kind: str, visibility: Visibility) -> str | None:
    """The column that says how a record stands: of its choices the one that is live."""
    return next((name for name, column in choices_of(crm_map, kind, visibility).items() if column.live), None)


def unfinished(values: Sequence[str]) -> list[str]:
    """Those of the values of a state that do not say that something is done with."""
    return [one for one in values if not set(one.lower().split()) & _DONE]


def read_list(crm_map: CrmMap, said: str, values: Values) -> Wanted | None:
    """The list that a question asks for; None when it asks for none, or for more than is understood.

    `said` is the question without references and in the words of the map.
    """
    kinds = kinds_named(crm_map, said)
    if not 1 <= len(kinds) <= 2 or _CODE.search(said) or _WITHOUT.search(said):
        return None
    pair = _pair(crm_map, kinds) if len(kinds) == 2 else (kinds[0], "", "")
    if pair is None:
        return None
    kind, above, column = pair
    conditions, understood = _conditions(crm_map, said, kinds, values)
    if _NEGATION.search(said) and not any(match.refused for _, match in conditions):
        return None  # what is denied is something else than a state
    rest = said
    for phrase in (*understood, *(name for one in kinds for name in names_of(crm_map, one))):
        rest = pattern_of(phrase).sub(" ", rest)
    if {word.lower() for word in _WORD.findall(rest)} - _PLAIN:
        return None
    return Wanted(kind, conditions, above, column)


async def find_listing(
    records: Records, visibility: Visibility, question: str, focus: Focus, *, named: bool
) -> tuple[Listing, list[Passage], Fact] | None:
    """The list that a question asks for, with the passages of its records and its count as a fact.

    None where it asks for none. `named` says that records are named, in the question or before it, and
    `focus` which of them the caller may see: of none of them there is no list. Who asks for all of theirs
    does not ask about those who were named before.
    """
    crm_map = records.crm_map
    said = in_words_of_map(crm_map, without_references(question))
    kinds = kinds_named(crm_map, said)
    if named and not references_in(question) and _MINE.search(said):
        named, focus = False, Focus({}, {})
    if (named and not focus.named) or not 1 <= len(kinds) <= 2:
        return None
    values: dict[str, dict[str, Sequence[str]]] = {}
    for kind in kinds:
        columns = choices_of(crm_map, kind, visibility)
        seen = await records.values(kind, list(columns), visibility, _VALUES)
        values[kind] = {
            name: [
                *dict.fromkeys([*(column.choice if isinstance(column.choice, tuple) else ()), *seen[name]])
            ]
            for name, column in columns.items()
        }
    wanted = read_list(crm_map, said, values)
    return await _listing(records, visibility, wanted, focus) if wanted else None


async def _listing(
    records: Records, visibility: Visibility, wanted: Wanted, focus: Focus
) -> tuple[Listing, list[Passage], Fact] | None:
    crm_map, kind = records.crm_map, wanted.kind
    scope = _scope(crm_map, kind, focus) if focus.named else []
    if scope is None:
        return None
    matches = [*scope, *(match for of, match in wanted.conditions if of == kind)]
    belonging = 0
    if wanted.above:
        above = [match for of, match in wanted.conditions if of == wanted.above]
        keys = await records.named_by(kind, wanted.column, matches, visibility, _KEYS)
        if len(keys) == _KEYS:
            return None
        key = Match(crm_map.entities[wanted.above].key, tuple(keys), key=True)
        named = (
            await records.named_by(wanted.above, key.column, [key, *above], visibility, _KEYS) if keys else []
        )
        belonging = len(named)
        matches.append(Match(wanted.column, tuple(named), key=True))
    state = state_column(crm_map, kind, visibility)
    counts = await records.count(kind, matches, visibility, state)
    every = sum((await records.count(kind, scope, visibility)).values())
    rows = await records.matching(kind, matches, visibility, LISTED)
    passages = await _passages(records, visibility, kind, rows, focus)
    listing = Listing(
        kind=kind,
        called=plural_of(crm_map, kind),
        about=focus.refs,
        conditions=tuple(_told(crm_map, of, match) for of, match in wanted.conditions),
        total=sum(counts.values()),
        of=every,
        label=_label(crm_map, kind, state) if state else "",
        counts=tuple(counts.items()) if state else (),
        records=tuple(passage.entity for passage in passages),
        owner=parent.entity if (parent := crm_map.entities[kind].parent) else "",
        above=plural_of(crm_map, wanted.above) if wanted.above else "",
        belonging=belonging,
    )
    return listing, passages, _fact(crm_map, listing, focus)


def _fact(crm_map: CrmMap, listing: Listing, focus: Focus) -> Fact:
    """The count as a fact of the one named record, else of no record."""
    only = next(iter(focus.named.items())) if len(focus.named) == 1 else None
    asked = " and ".join(
        f"{one.label} {'not ' if one.refused else ''}{' or '.join(one.values)}" for one in listing.conditions
    )
    return Fact(
        entity=only[0] if only else "",
        label=f"number of {listing.called}{f' with {asked}' if asked else ''}",
        field=f"{listing.kind}.list",
        value=f"{listing.total} of {listing.of}",
        kind="text",
        as_of=datetime.now(UTC),
        title=title(crm_map, only[0].partition(":")[0], only[1])
        if only
        else f"All {listing.called} you may see",
    )


async def _passages(
    records: Records, visibility: Visibility, kind: str, rows: Sequence[Row], focus: Focus
) -> list[Passage]:
    """The facts of each row, and to which record it belongs where the question does not name that."""
    crm_map, as_of = records.crm_map, datetime.now(UTC)
    entity = crm_map.entities[kind]
    owners: Mapping[str, Row] = {}
    parent = entity.parent
    if parent:
        keys = [str(row[parent.column]) for row in rows if row[parent.column] is not None]
        owners = await records.rows(parent.entity, list(dict.fromkeys(keys)), visibility)
    found = []
    for number, row in enumerate(rows, 1):
        piece = facts_of(crm_map, kind, row, visibility.user.attributes)
        text = piece.text if piece else ""
        owner = owners.get(str(row[parent.column])) if parent else None
        if parent and owner and f"{parent.entity}:{row[parent.column]}" not in focus.named:
            text = f"{parent.entity}: {title(crm_map, parent.entity, owner)}\n{text}"
        ref = f"{kind}:{row[entity.key]}"
        found.append(
            Passage(
                id=f"{ref}/facts/0",
                entity=ref,
                field="facts",
                title=title(crm_map, kind, row),
                text=text,
                url=link(crm_map, kind, row),
                internal=bool(piece and piece.internal),
                open=EVERYONE in acl_keys(crm_map, kind, row),
                as_of=as_of,
                score=1 / number,
            )
        )
    return found


def _pair(crm_map: CrmMap, kinds: Sequence[str]) -> tuple[str, str, str] | None:
    """(listed kind, kind above, column): which customers have open cases, open cases of customers in …"""
    for below, above in (kinds, kinds[::-1]):
        for child, column in links_to(crm_map, above):
            if child == below:
                return below, above, column
    return None


def _scope(crm_map: CrmMap, kind: str, focus: Focus) -> list[Match] | None:
    """Matches for what belongs to the named records; None where nothing of this kind can."""
    by_column: dict[str, list[str]] = {}
    for ref in focus.named:
        above, _, key = ref.partition(":")
        columns = [column for child, column in links_to(crm_map, above) if child == kind]
        if not columns:
            return None
        parent = crm_map.entities[kind].parent
        column = parent.column if parent and parent.column in columns else columns[0]
        by_column.setdefault(column, []).append(key)
    if len(by_column) != 1:
        return None  # of a contact at a customer: which of both is meant, the words do not say
    return [Match(column, tuple(keys), key=True) for column, keys in by_column.items()]


def _conditions(
    crm_map: CrmMap, said: str, kinds: Sequence[str], values: Values
) -> tuple[tuple[tuple[str, Match], ...], list[str]]:
    """The conditions on the columns of these kinds, and the phrases that were understood by them."""
    found: list[tuple[str, Match]] = []
    understood: list[str] = []
    for kind in kinds:
        columns = dict(crm_map.entities[kind].readable)
        for name, column_values in values.get(kind, {}).items():
            wanted: dict[str, None] = {}
            refused: dict[str, None] = {}
            for value in column_values:
                spot = pattern_of(value).search(said)
                if spot is None or value in understood:
                    continue
                understood.append(value)
                (refused if _NEGATED.search(said[: spot.start()]) else wanted)[value] = None
            column = columns[name]
            still = unfinished(column_values)
            if len(still) < len(column_values):
                for word in _OPEN:
                    if spot := pattern_of(word).search(said):
                        understood.append(word)
                        negated = _NEGATED.search(said[: spot.start()])
                        (refused if negated else wanted).update(dict.fromkeys(still))
            if wanted or refused:
                understood += [word for word in label_of(name, column).split()]
            if wanted:
                found.append((kind, Match(name, tuple(wanted))))
            if refused:
                found.append((kind, Match(name, tuple(refused), refused=True)))
    return tuple(found), understood


def _told(crm_map: CrmMap, kind: str, match: Match) -> ListCondition:
    return ListCondition(
        label=_label(crm_map, kind, match.column), values=match.values, refused=match.refused
    )


def _label(crm_map: CrmMap, kind: str, field: str) -> str:
    return label_of(field, dict(crm_map.entities[kind].readable)[field])


def plural_of(crm_map: CrmMap, kind: str) -> str:
    """What records of a kind are called together: the name of their table."""
    return crm_map.entities[kind].table.rpartition(".")[2].replace("_", " ").lower()
