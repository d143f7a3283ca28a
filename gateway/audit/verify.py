"""Verification on the spot: the same checks that the stand-alone verifier makes on an export."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from .anchors import FILE
from .export import checkpoints_in, entries_in, header_of, whole_record
from .notes import VerifierKey
from .retention import bent_holds
from .standalone.verify_record import (
    Anchored,
    Checkpoint,
    Fault,
    Log,
    Record,
    Unusable,
    read_anchor,
    read_checkpoint,
)
from .stillness import keep_still

_UNSEALED: Final = text(
    "SELECT count(*) FROM gateway.audit_event e"
    " WHERE NOT EXISTS (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id)"
)


@dataclass
class Verification:
    """What was checked, and every fault found; no fault means that the record holds."""

    sealed: int = 0
    unsealed: int = 0
    checkpoints: int = 0
    anchors: int = 0
    erased: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


async def verify_audit(
    session: AsyncSession,
    keys: Sequence[VerifierKey],
    anchor_folder: Path,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Check every sealed event, link, checkpoint and anchored checkpoint; `keys` signed them, in their order.

    Found are: a changed, removed, inserted, repeated, swapped or renumbered event, a cut tail that an anchor
    has seen, a forged, forked or removed checkpoint, and one that an anchor lacks. Not promised: events that
    were recorded after the newest anchor and removed together with their seals. Nothing is erased meanwhile;
    raises `PartUnavailable` as `keep_still` does.
    """
    await keep_still(session)
    span = await whole_record(session)
    header = await header_of(session, span, keys[-1])
    heads = await checkpoints_in(session, span)
    anchor, missing = _anchor(anchor_folder / FILE)
    old = [(line["size"], line["old_checkpoint"]) for line in heads if "old_checkpoint" in line]
    checkpoints, unreadable = _read(heads)
    asked = datetime.fromisoformat(header["made_at"])
    record = Record(Log.parse(*map(str, keys)), checkpoints, [anchor], header=header, old=old, asked=asked)
    async for line in entries_in(session, span):
        record.entry(line)
        if record.entries % 1000 == 0:
            on_progress(record.entries)
    faults = [*unreadable, *([missing] if missing and checkpoints else []), *record.finish()]
    faults += [Fault("hold changed", 0, sentence) for sentence in await bent_holds(session)]
    unsealed = (await (await session.connection()).execute(_UNSEALED)).scalar_one()
    return Verification(
        sealed=record.entries,
        unsealed=unsealed,
        checkpoints=record.checkpoints,
        anchors=len(anchor.checkpoints),
        erased=record.erased,
        faults=[str(fault) for fault in faults],
    )


def _anchor(path: Path) -> tuple[Anchored, Fault | None]:
    try:
        return replace(read_anchor(path), live=True), None
    except Unusable:
        sentence = f"the anchor file {path.name} cannot be read"
        return Anchored(path.name, live=True), Fault("anchor missing", 0, sentence)


def _read(heads: list[dict[str, Any]]) -> tuple[list[Checkpoint], list[Fault]]:
    found, faults = [], []
    for line in heads:
        if "checkpoint" not in line:
            continue
        try:
            found.append(read_checkpoint(line["checkpoint"], line["at"]))
        except ValueError:
            faults.append(Fault("checkpoint changed", 0, "a checkpoint of the record cannot be read"))
    return found, faults
