"""The record as it leaves the appliance: entries, checkpoints and where it begins, a JSON object a line."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import NotFound

from .chain import COLUMNS, GENESIS, as_id, entry_of
from .notes import VerifierKey
from .ocsf import as_ocsf
from .standalone.verify_record import FORMAT
from .stillness import keep_still
from .tables import IS_NOTE
from .tree import consistency_proof, frontier_of, inclusion_proof

VERIFIER: Final = Path(__file__).parent / "standalone" / "verify_record.py"
_PAGE: Final = 2_000
_FIELDS: Final = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_ENTRIES: Final = text(
    f"SELECT s.sequence, s.leaf, s.hash, {_FIELDS} FROM gateway.audit_seal s"  # noqa: S608 - constants
    " LEFT JOIN gateway.audit_event e ON e.id = s.event_id"
    " WHERE s.sequence > :after AND s.sequence <= :last ORDER BY s.sequence LIMIT :page"
)
_COSIGNED: Final = (
    "array(SELECT line FROM gateway.audit_cosignature o"
    " WHERE o.sequence = c.sequence ORDER BY witness) AS lines"
)
_CHECKPOINTS: Final = text(
    f"SELECT c.sequence, c.signed, c.at, {_COSIGNED}"  # noqa: S608 - constants
    " FROM gateway.audit_checkpoint c WHERE c.sequence > :first AND c.sequence <= :last ORDER BY c.sequence"
)
_SPAN: Final = text(
    "SELECT min(s.sequence) AS first, max(s.sequence) AS last FROM gateway.audit_seal s"
    " JOIN gateway.audit_event e ON e.id = s.event_id"
    " WHERE (CAST(:since AS timestamptz) IS NULL OR e.at >= :since)"
    " AND (CAST(:until AS timestamptz) IS NULL OR e.at < :until)"
)
_BEGAN: Final = text("SELECT now()")  # of the clock that checkpoints have their times from
_COVERED: Final = text(
    "SELECT coalesce(min(sequence) FILTER (WHERE sequence > :last), min(sequence))"
    " FROM gateway.audit_checkpoint WHERE sequence >= :last"
)
_DIGITS: Final = 18
"""So many fit into PostgreSQL's bigint whatever they are."""
_OF_EVENT: Final = text(
    f"SELECT s.sequence, {_FIELDS} FROM gateway.audit_event e"  # noqa: S608 - constants
    " LEFT JOIN gateway.audit_seal s ON s.event_id = e.id WHERE e.id = coalesce(CAST(:id AS uuid),"
    " (SELECT event_id FROM gateway.audit_seal WHERE sequence = CAST(:number AS bigint)))"
)
_HOLDING: Final = text(
    f"SELECT c.sequence, c.signed, c.at, {_COSIGNED}"  # noqa: S608 - constants
    " FROM gateway.audit_checkpoint c"
    f" WHERE c.sequence >= :sequence AND {IS_NOTE.format('c')} ORDER BY c.sequence LIMIT 1"
)

_ERASED: Final = text(
    "SELECT e.erased_at, array_agg(s.sequence ORDER BY s.sequence) AS numbers"
    " FROM gateway.audit_event e JOIN gateway.audit_seal s ON s.event_id = e.id"
    " WHERE e.erased_at IN (SELECT v.erased_at FROM gateway.audit_seal p"
    " JOIN gateway.audit_event v ON v.id = p.event_id"
    " WHERE p.sequence BETWEEN :first AND :last AND v.erased_at IS NOT NULL)"
    " GROUP BY e.erased_at ORDER BY e.erased_at"
)
_TELLING: Final = text(
    "SELECT id FROM gateway.audit_event WHERE event = 'audit.erased' AND detail ->> 'erased_at' = :at"
)


@dataclass(frozen=True)
class Span:
    """Entries `first` to `last`; of an empty record 1 to 0."""

    first: int
    last: int


async def whole_record(session: AsyncSession) -> Span:
    """All that is sealed at this moment."""
    newest = text("SELECT coalesce(max(sequence), 0) FROM gateway.audit_seal")
    return Span(1, (await (await session.connection()).execute(newest)).scalar_one())


async def span_between(
    session: AsyncSession, since: datetime | None, until: datetime | None, *, covered: bool = True
) -> Span:
    """The sealed entries of a time; `covered` with the entry before them and, where there is one, that after
    them, which show that none is left out, and up to the checkpoint over it."""
    if since is None and until is None:
        return await whole_record(session)
    connection = await session.connection()
    found = (await connection.execute(_SPAN, {"since": since, "until": until})).one()
    if found.first is None:
        return Span(1, 0)
    if not covered:
        return Span(found.first, found.last)
    over = (await connection.execute(_COVERED, {"last": found.last})).scalar_one_or_none()
    return Span(max(found.first - 1, 1), over or found.last)


async def header_of(session: AsyncSession, span: Span, key: VerifierKey) -> dict[str, Any]:
    """What a reader needs before the first entry: where the tree and the chain stand there."""
    size = span.first - 1
    chain = text("SELECT hash FROM gateway.audit_seal WHERE sequence = :size")
    connection = await session.connection()
    began: datetime = (await connection.execute(_BEGAN)).scalar_one()
    before = (await connection.execute(chain, {"size": size})).scalar_one() if size else GENESIS
    frontier = await frontier_of(session, size)
    return {
        "export": FORMAT,
        "log": str(key),
        "first": span.first,
        "last": span.last,
        "made_at": began.astimezone(UTC).isoformat(),
        "before": {
            "size": size,
            "chain": bytes(before).hex(),
            "hashes": [each.hex() for each in frontier.hashes],
        },
    }


async def checkpoints_in(session: AsyncSession, span: Span) -> list[dict[str, Any]]:
    """The signed heads over a span, with the witnesses' cosignatures."""
    sizes = {"first": span.first - 1, "last": span.last}
    rows = await (await session.connection()).execute(_CHECKPOINTS, sizes)
    return [
        {"checkpoint": row.signed, "cosignatures": row.lines, "at": row.at.isoformat()}
        if "\n" in row.signed
        else {"old_checkpoint": row.signed, "size": row.sequence}
        for row in rows
    ]


async def erasures_in(session: AsyncSession, span: Span, start: int) -> AsyncIterator[dict[str, Any]]:
    """For entries of a part that were erased: what tells of it, proven under a head that follows from the
    part's own of size `start`, and the numbers of all that were erased together. What no checkpoint is over
    yet is left out.
    """
    connection = await session.connection()
    for row in (await connection.execute(_ERASED, vars(span))).all():
        telling = (await connection.execute(_TELLING, {"at": _exactly(row.erased_at)})).scalar_one_or_none()
        proof = await _proof_of(session, str(telling)) if telling else None
        if proof is None:
            continue
        path = await consistency_proof(session, start, proof.size) if proof.size > start else []
        yield {
            "erasure": proof.text,
            "at": proof.at.isoformat(),
            "numbers": _runs(row.numbers),
            "from": start,
            "path": [each.hex() for each in path],
        }


async def entries_in(session: AsyncSession, span: Span) -> AsyncIterator[dict[str, Any]]:
    """Each entry with its number, leaf and link; one that is void has `erased` in place of its event."""
    connection = await session.connection()
    after = span.first - 1
    while after < span.last:
        page = {"after": after, "last": span.last, "page": _PAGE}
        rows = (await connection.execute(_ENTRIES, page)).all()
        for row in rows:
            yield line_of(row)
        if not rows:
            return
        after = rows[-1].sequence


def line_of(row: Any) -> dict[str, Any]:
    """An entry's line. One whose event is gone has neither `event` nor `erased`."""
    line: dict[str, Any] = {"sequence": row.sequence}
    if row.erased_at is not None:
        line["erased"] = {
            "id": str(row.id),
            "event": row.event,
            "at": _exactly(row.at),
            "erased_at": _exactly(row.erased_at),
        }
    elif row.id is not None:
        line["event"] = entry_of(row)
    return {**line, "leaf": bytes(row.leaf).hex(), "hash": bytes(row.hash).hex()}


async def prove_event(session: AsyncSession, event: str) -> str:
    """That an event is in the record, as a C2SP `tlog-proof` whose extra data is the event itself.

    `event` is its id, or its number in the record. Raises `NotFound` for an event that is not there, is
    not sealed yet, or has been erased.
    """
    proof = await _proof_of(session, event)
    if proof is None:
        raise NotFound("No checkpoint is over this event yet. That takes a minute at most; ask again.")
    return proof.text


@dataclass(frozen=True)
class _Proof:
    """A `tlog-proof`, and of the checkpoint in it the size and when it was signed."""

    text: str
    size: int
    at: datetime


async def _proof_of(session: AsyncSession, event: str) -> _Proof | None:
    """None while no checkpoint is over the event. Raises `NotFound` for one that cannot be proven."""
    connection = await session.connection()
    found = (await connection.execute(_OF_EVENT, _named(event))).one_or_none()
    if found is None:
        raise NotFound("The record has no event of this id or number.")
    if found.erased_at is not None:
        raise NotFound("This event's content was erased when its time was over; its leaf alone is left.")
    if found.sequence is None:
        return None
    holding = (await connection.execute(_HOLDING, {"sequence": found.sequence})).one_or_none()
    if holding is None:
        return None
    path = await inclusion_proof(session, found.sequence - 1, holding.sequence)
    content = json.dumps(entry_of(found), sort_keys=True, separators=(",", ":"))
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {_b64(content.encode())}",
        f"index {found.sequence - 1}",
        *map(_b64, path),
        "",
        holding.signed + "".join(f"{line}\n" for line in holding.lines),
    ]
    return _Proof("\n".join(lines), holding.sequence, holding.at)


async def export_record(
    session: AsyncSession,
    key: VerifierKey,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    form: Literal["native", "ocsf"] = "native",
) -> AsyncIterator[str]:
    """The sealed record, or a time of it, as JSON Lines.

    `native` is what the stand-alone verifier checks: a header, the checkpoints, the entries. `ocsf` is for a
    SIEM. Nothing is erased while the former is read; raises `PartUnavailable` as `keep_still` does.
    """
    if form == "native":
        await keep_still(session)
    span = await span_between(session, since, until, covered=form == "native")
    if form == "native":
        yield _line(await header_of(session, span, key))
        heads = await checkpoints_in(session, span)
        for head in heads:
            yield _line(head)
        if (since or until) and (start := _newest(heads)):
            async for erasure in erasures_in(session, span, start):
                yield _line(erasure)
    async for entry in entries_in(session, span):
        yield _line(entry if form == "native" else as_ocsf(entry))


def verifier_source() -> str:
    """The stand-alone verifier: one file, to be run where nothing of this product is installed."""
    return VERIFIER.read_text("utf-8")


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"


def _newest(heads: Sequence[Mapping[str, Any]]) -> int:
    """The size of the last head that is a note, 0 without one."""
    sizes = [int(head["checkpoint"].split("\n")[1]) for head in heads if "checkpoint" in head]
    return max(sizes, default=0)


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Numbers in their order, as first and last of those that follow each other."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def _exactly(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _named(event: str) -> dict[str, object]:
    is_number = event.isascii() and event.isdecimal() and len(event) <= _DIGITS
    return {"id": None, "number": int(event)} if is_number else {"id": as_id(event), "number": None}
