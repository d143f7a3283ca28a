"""Live facts: values of the records that a question names, read at this moment."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from retrieval.crm import CrmMap, facts, title
from retrieval.crm.map import FactColumn, FactKind, Row
from retrieval.records import Records
from retrieval.rights import Visibility

from .focus import FOCUS_ROWS, Focus, links_to
from .values import Fact
from .wanted import plural_of

_AT_MOST: Final = 60


async def live_facts(records: Records, visibility: Visibility, focus: Focus) -> list[Fact]:
    """Facts of the named records and of those they belong to, and how many records they have."""
    as_of = datetime.now(UTC)
    found = [
        fact
        for ref, row in [*focus.named.items(), *focus.around.items()]
        for fact in _facts_of(records.crm_map, ref, row, visibility, as_of)
    ]
    tallies = await _tallies(records, visibility, focus)
    return [*tallies, *found][:_AT_MOST]


def _facts_of(crm_map: CrmMap, ref: str, row: Row, visibility: Visibility, as_of: datetime) -> Iterator[Fact]:
    kind = ref.partition(":")[0]
    called = title(crm_map, kind, row)
    for fact in facts(crm_map, kind, row, visibility.user.attributes):
        yield Fact(
            entity=ref,
            label=fact.label,
            field=fact.field,
            value=fact.text,
            kind=fact.kind.value,
            as_of=as_of,
            title=called,
            free=fact.free,
        )


async def _tallies(records: Records, visibility: Visibility, focus: Focus) -> list[Fact]:
    """“number of cases: 3 open, 9 closed” for each named record that others belong to."""
    found: list[Fact] = []
    for kind in sorted(focus.kinds):
        rows = {ref.partition(":")[2]: row for ref, row in focus.named.items() if ref.startswith(f"{kind}:")}
        for child, column in links_to(records.crm_map, kind):
            state = _state_of(records.crm_map, child, visibility)
            if state is None:
                continue
            tally = await records.tally(child, column, list(rows)[:FOCUS_ROWS], state, visibility)
            found += _tally_facts(records.crm_map, kind, child, state, rows, tally)
    return found


def _tally_facts(
    crm_map: CrmMap,
    kind: str,
    child: str,
    state: str,
    rows: Mapping[str, Row],
    tally: Mapping[str, Mapping[str, int]],
) -> Iterator[Fact]:
    for key, counts in tally.items():
        yield Fact(
            entity=f"{kind}:{key}",
            label=f"number of {plural_of(crm_map, child)}",
            field=f"{child}.{state}",
            value=", ".join(f"{count} {value or 'without'}" for value, count in counts.items()),
            kind=FactKind.TEXT.value,
            as_of=datetime.now(UTC),
            title=title(crm_map, kind, rows[key]),
        )


def _state_of(crm_map: CrmMap, kind: str, visibility: Visibility) -> str | None:
    """The column that says how a record of this kind stands: its first live fact in words."""
    for name, column in crm_map.entities[kind].readable:
        if isinstance(column, FactColumn) and column.live and column.kind is FactKind.TEXT:
            return name if column.of is None and visibility.may_see_field(kind, name) else None
    return None
