"""The late check: places that were found, as the CRM has them now and the caller may read them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from retrieval.crm import CrmMap, title
from retrieval.crm.map import Row
from retrieval.pieces import FACTS, Piece, facts_of, prose_of
from retrieval.records import Records
from retrieval.rights import Visibility

from .legs import Spot


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A spot that the CRM confirmed, with its live row."""

    spot: Spot
    row: Row
    as_of: datetime


@dataclass(frozen=True, eq=False)
class Read(Confirmed):
    """A confirmed spot with its text."""

    piece: Piece


async def confirm(records: Records, visibility: Visibility, spots: Sequence[Spot]) -> list[Confirmed]:
    """What of these places there still is, that the caller may see now; one statement a kind."""
    keys: dict[str, dict[str, None]] = {}
    for spot in spots:
        keys.setdefault(spot.kind, {})[spot.key] = None
    answers = await asyncio.gather(
        *(records.rows(kind, list(wanted), visibility) for kind, wanted in keys.items())
    )
    rows = dict(zip(keys, answers, strict=True))
    as_of = datetime.now(UTC)
    return [
        Confirmed(spot, rows[spot.kind][spot.key], as_of) for spot in spots if spot.key in rows[spot.kind]
    ]


def read(crm_map: CrmMap, visibility: Visibility, confirmed: Sequence[Confirmed]) -> list[Read]:
    """Spots with their text as it reads now; those whose piece of the row is gone are left out."""
    return [
        Read(one.spot, one.row, one.as_of, piece)
        for one in confirmed
        if (piece := _piece(crm_map, visibility, one)) is not None
    ]


def as_read(crm_map: CrmMap, one: Read) -> str:
    """The text under the title of its record."""
    return f"{title(crm_map, one.spot.kind, one.row)}\n{one.piece.text}"


def _piece(crm_map: CrmMap, visibility: Visibility, one: Confirmed) -> Piece | None:
    spot = one.spot
    if spot.field == FACTS:
        return facts_of(crm_map, spot.kind, one.row, visibility.user.attributes)
    pieces = {(each.field, each.ordinal): each for each in prose_of(crm_map, spot.kind, one.row)}
    return pieces.get((spot.field, spot.ordinal))
