"""Verification: recompute the chain from the events, and hold it against signatures and anchors."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.principal import read_key

from .chain import GENESIS, leaf, link
from .sealer import ALGORITHM
from .tables import AuditCheckpoint, AuditRow, AuditSeal

_PAGE: Final = 2000


@dataclass
class Verification:
    """What was checked, and every fault found; no fault means that the record holds."""

    sealed: int = 0
    unsealed: int = 0
    checkpoints: int = 0
    anchors: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


async def verify_audit(session: AsyncSession, public_key_file: Path, anchor_folder: Path) -> Verification:
    """Check every sealed event, link, checkpoint signature and anchor.

    Found are: a changed, removed, inserted, reordered or renumbered event, a cut tail that an anchor
    has seen, a forged checkpoint. Not promised: events that were recorded after the newest anchor and
    removed together with their seals.
    """
    result = Verification()
    hashes = await _check_chain(session, result)
    key = read_key(public_key_file)
    rows = await session.exec(select(AuditCheckpoint).order_by(col(AuditCheckpoint.sequence)))
    for row in rows:
        result.checkpoints += 1
        _check_signed(key, row.signed, hashes, result, "checkpoint")
    for signed in _anchors(anchor_folder / "checkpoints.jsonl", result):
        result.anchors += 1
        _check_signed(key, signed, hashes, result, "anchor")
    total = (await session.exec(select(func.count()).select_from(AuditRow))).one()
    result.unsealed = total - result.sealed
    return result


async def _check_chain(session: AsyncSession, result: Verification) -> dict[int, str]:
    previous, expected, hashes = GENESIS, 1, {}
    while True:
        page = (
            select(AuditSeal, AuditRow)
            .join(AuditRow, col(AuditRow.id) == col(AuditSeal.event_id), isouter=True)
            .where(col(AuditSeal.sequence) >= expected)
            .order_by(col(AuditSeal.sequence))
            .limit(_PAGE)
        )
        rows: Sequence[tuple[AuditSeal, AuditRow | None]] = (await session.exec(page)).all()
        for seal, row in rows:
            if seal.sequence != expected:
                result.faults.append(f"entries {expected} to {seal.sequence - 1} are missing")
            if not row:  # an outer join's absent event
                result.faults.append(f"entry {seal.sequence}: its event has been removed")
            elif leaf(row) != seal.leaf:
                result.faults.append(f"entry {seal.sequence}: its event has been changed")
            if link(previous, seal.sequence, seal.leaf) != seal.hash:
                result.faults.append(f"entry {seal.sequence}: the chain is broken here")
            previous, expected = seal.hash, seal.sequence + 1
            hashes[seal.sequence] = seal.hash.hex()
            result.sealed += 1
        session.expunge_all()
        if len(rows) < _PAGE:
            return hashes


def _check_signed(key: OKPKey, signed: str, hashes: dict[int, str], result: Verification, what: str) -> None:
    try:
        payload = json.loads(jws.deserialize_compact(signed, key, algorithms=[ALGORITHM]).payload)
        sequence, head = int(payload["sequence"]), str(payload["hash"])
    except (JoseError, ValueError, KeyError, TypeError):
        result.faults.append(f"{what} {signed[:16]}…: its signature does not hold")
        return
    if sequence and hashes.get(sequence) != head:
        result.faults.append(f"{what} at entry {sequence}: the chain does not have this hash there")


def _anchors(path: Path, result: Verification) -> Iterator[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        if result.checkpoints:
            result.faults.append(f"the anchor file {path.name} is missing")
        return
    for number, line in enumerate(lines, 1):
        try:
            yield str(json.loads(line)["signed"])
        except (ValueError, KeyError, TypeError):
            result.faults.append(f"anchor line {number} cannot be read")
