"""Lists and counts of records, answered by the CRM itself."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from retrieval.crm import EVERYONE, CrmMap, acl_keys, link, title
from retrieval.crm.map import FactColumn, Row
from retrieval.crm.render import label_of
from retrieval.pieces import facts_of, references_in, without_references
from retrieval.records import Match, Records
from retrieval.rights import Visibility

from .focus import Focus, links_to
from .owning import owned_by, said_to_be_mine, without_owner
from .reading import in_words_of_map
from .values import Fact, ListCondition, Listing, Passage
from .wanted import Values, Wanted, goes_back, kinds_named, may_be_list, plural_of, read_list

_VALUES: Final = 60
_KEYS: Final = 5_000
_MINE: Final = re.compile(
    r"\b(?:my|mine|ours?|(?<!at )all|meine?[nrsm]?|unsere?[nrsm]?|alle[nr]?)\b", re.IGNORECASE
)


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


async def find_listing(
    records: Records,
    visibility: Visibility,
    question: str,
    focus: Focus,
    *,
    named: bool,
    scoped: bool = False,
    at_most: int,
) -> tuple[Listing, list[Passage], Fact] | None:
    """The list that a question asks for, with passages of `at_most` of its records and its count as a fact.

    None where it asks for none. `named` says that records are named, in the question or before it, and
    `focus` which of them the caller may see: of none of them there is no list. Who asks for all of theirs
    does not ask about those who were named before, unless the question speaks of them (`their cases`) or is
    `scoped` to them. Of what it says to be theirs (`my customers`) only their own are listed, where the
    map says whose a record is.
    """
    crm_map = records.crm_map
    asked = in_words_of_map(crm_map, without_references(question))
    said = without_owner(asked)
    if not may_be_list(crm_map, said):
        return None
    back = goes_back(crm_map, said)
    if named and not (scoped or back or references_in(question)) and _MINE.search(asked):
        named, focus = False, Focus({}, {})
    if (named and not focus.named) or (back and not named):
        return None
    values = await _values_of(records, visibility, kinds_named(crm_map, said))
    wanted = read_list(crm_map, said, values)
    if not wanted:
        return None
    return await _listing(records, visibility, wanted, focus, said_to_be_mine(crm_map, asked), at_most)


async def _values_of(records: Records, visibility: Visibility, kinds: Sequence[str]) -> Values:
    """The values that lists of these kinds can be asked by: those of the map, then those of visible rows."""
    values: dict[str, dict[str, Sequence[str]]] = {}
    for kind in kinds:
        columns = choices_of(records.crm_map, kind, visibility)
        seen = await records.values(kind, list(columns), visibility, _VALUES)
        values[kind] = {
            name: [
                *dict.fromkeys([*(column.choice if isinstance(column.choice, tuple) else ()), *seen[name]])
            ]
            for name, column in columns.items()
        }
    return values


async def _listing(
    records: Records,
    visibility: Visibility,
    wanted: Wanted,
    focus: Focus,
    mine: Collection[str],
    at_most: int,
) -> tuple[Listing, list[Passage], Fact] | None:
    crm_map, kind = records.crm_map, wanted.kind
    scope = _scope(crm_map, kind, focus) if focus.named else []
    if scope is None:
        return None
    own = owned_by(crm_map, kind, visibility) if kind in mine else None
    above_own = owned_by(crm_map, wanted.above, visibility) if wanted.above in mine else None
    visible = sum((await records.count(kind, scope, visibility)).values())
    if own:
        scope.append(own)
    if above_own:
        key_of = crm_map.entities[wanted.above].key
        theirs = await records.named_by(wanted.above, key_of, [above_own], visibility, _KEYS)
        if len(theirs) == _KEYS:
            return None
        scope.append(Match(wanted.column, tuple(theirs), key=True))
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
    every = sum((await records.count(kind, scope, visibility)).values()) if own or above_own else visible
    rows = await records.matching(kind, matches, visibility, at_most)
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
        owned=tuple(
            plural_of(crm_map, each) for each, is_own in ((kind, own), (wanted.above, above_own)) if is_own
        ),
        visible=visible,
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
        else f"All {listing.called} you {'own' if listing.called in listing.owned else 'may see'}",
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
        text, free = (piece.text, piece.free) if piece else ("", ())
        owner = owners.get(str(row[parent.column])) if parent else None
        if parent and owner and f"{parent.entity}:{row[parent.column]}" not in focus.named:
            lead = f"{parent.entity}: {title(crm_map, parent.entity, owner)}\n"
            above = lead.count("\n")
            text, free = lead + text, (*range(above), *(number + above for number in free or ()))
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
                free=free,
            )
        )
    return found


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


def _told(crm_map: CrmMap, kind: str, match: Match) -> ListCondition:
    return ListCondition(
        label=_label(crm_map, kind, match.column), values=match.values, refused=match.refused
    )


def _label(crm_map: CrmMap, kind: str, field: str) -> str:
    return label_of(field, dict(crm_map.entities[kind].readable)[field])
