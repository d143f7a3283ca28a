"""Rows that could not be taken into the index: set aside so that they block nothing, and tried again."""

import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import delete, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from gateway import CloisterError, Database, log
from retrieval.crm import CrmError
from retrieval.settings import MAY_DELETE

from .tables import ParkedRow

_BACK_OFF_S: Final = (5, 30, 120, 600, 3_600, 21_600)
_SAVED: Final = 1_000
_FEW: Final = 3  # so few are set aside without a question, whatever share of a small table they are
_OURS: Final = Path(__file__).parents[2]


class Stage(StrEnum):
    """How far a row came. After `EMBEDDING` failed it is found by words; after the others not at all.

    `BELONGING` is a row that is well, and belongs to one whose names could not be published.
    """

    READING = "reading"
    IDENTITIES = "identities"
    RENDERING = "rendering"
    PUBLISHING = "publishing"
    BELONGING = "belonging"
    WRITING = "writing"
    EMBEDDING = "embedding"


_OUT: Final = frozenset(Stage) - {Stage.EMBEDDING, Stage.BELONGING}


@dataclass(frozen=True, slots=True)
class Parked:
    """One row that was set aside; `reason` holds nothing of its content."""

    entity: str
    key: str
    stage: Stage
    reason: str
    since: datetime
    tries: int
    next_try: datetime


class Parking:
    """Rows set aside, in memory and in the appliance's database."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock
        self._rows: dict[tuple[str, str], Parked] = {}
        self._changed: set[tuple[str, str]] = set()

    async def load(self) -> None:
        """Read what was set aside before. Raises `PartUnavailable`."""
        async with self._database.transaction() as session:
            for row in await session.exec(select(ParkedRow)):
                found = Parked(
                    row.entity, row.key, Stage(row.stage), row.reason, row.since, row.tries, row.next_try
                )
                self._rows.setdefault((row.entity, row.key), found)

    def park(self, kind: str, key: str, stage: Stage, error: Exception) -> None:
        """Set a row aside, or for longer when it was and its time had come."""
        now, before = self._clock(), self._rows.get((kind, key))
        if before and before.stage is stage and before.next_try > now:
            return
        tries = before.tries + 1 if before else 1
        wait = timedelta(seconds=_BACK_OFF_S[min(tries, len(_BACK_OFF_S)) - 1])
        since = before.since if before else now
        reason = reason_of(error)
        self._rows[kind, key] = Parked(kind, key, stage, reason, since, tries, now + wait)
        self._changed.add((kind, key))
        log.warning("sync.parked", entity=kind, key=key, stage=stage, reason=reason, tries=tries)

    def free(self, kind: str, keys: Iterable[str]) -> None:
        """These rows are well, or gone. What belongs to one that had no names is tried at once."""
        if not self._rows:
            return
        freed = {(kind, key): row for key in keys if (row := self._rows.pop((kind, key), None))}
        self._changed.update(freed)
        if any(row.stage in _OUT for row in freed.values()):
            self._hasten(row for row in list(self._rows.values()) if row.stage is Stage.BELONGING)

    def get(self, kind: str, key: str) -> Parked | None:
        """One row, when it was set aside."""
        return self._rows.get((kind, key))

    def stage(self, kind: str, key: str) -> Stage | None:
        """Where the row was set aside."""
        row = self._rows.get((kind, key))
        return row.stage if row else None

    def of(self, kind: str) -> list[Parked]:
        """All of a kind, the oldest first."""
        return sorted((row for row in self._rows.values() if row.entity == kind), key=lambda row: row.since)

    def count(self, stage: Stage) -> int:
        """How many are set aside at this stage."""
        return sum(row.stage is stage for row in self._rows.values())

    def too_many(self, kind: str, known: Collection[str]) -> bool:
        """Whether so many of a kind are set aside that it is hardly the rows; `known` are those indexed.

        Then they stay in the index as they were: each hit is looked up in the CRM all the same.
        """
        aside = [row.key for row in self._rows.values() if row.entity == kind and row.stage in _OUT]
        total = len(known) + sum(key not in known for key in aside)
        return len(aside) > max(_FEW, MAY_DELETE * total)

    def sentence(self, kind: str, known: Collection[str]) -> str | None:
        """What stopped when too many of a kind are set aside; None when nothing did."""
        if not self.too_many(kind, known):
            return None
        return (
            f"So many rows of “{kind}” cannot be taken in that it is hardly the rows: those in the index "
            "stay as they were, except where the CRM cannot be read. The reasons: cloister sync status."
        )

    def due(self) -> dict[str, list[str]]:
        """Rows to be tried again now, by kind."""
        now = self._clock()
        found: dict[str, list[str]] = {}
        for row in self._rows.values():
            if row.next_try <= now and row.stage is not Stage.EMBEDDING:
                found.setdefault(row.entity, []).append(row.key)
        return found

    def may_embed(self, kind: str, key: str) -> bool:
        """Whether a vector may be tried for the row now."""
        row = self._rows.get((kind, key))
        return row is None or row.stage is not Stage.EMBEDDING or row.next_try <= self._clock()

    def __len__(self) -> int:
        """How many are set aside."""
        return len(self._rows)

    def hasten(self) -> None:
        """Try all of them with the next step."""
        self._hasten(list(self._rows.values()))

    def _hasten(self, rows: Iterable[Parked]) -> None:
        now = self._clock()
        for row in rows:
            self._rows[row.entity, row.key] = replace(row, next_try=min(row.next_try, now))
            self._changed.add((row.entity, row.key))

    async def save(self) -> None:
        """Write down what changed. Raises `PartUnavailable`."""
        changed = list(self._changed)
        for start in range(0, len(changed), _SAVED):
            some = changed[start : start + _SAVED]
            await self._write({where: self._rows.get(where) for where in some})
            self._changed.difference_update(some)

    async def _write(self, rows: Mapping[tuple[str, str], Parked | None]) -> None:
        kept = [row for row in rows.values() if row]
        gone = [where for where, row in rows.items() if row is None]
        names = ("stage", "reason", "since", "tries", "next_try")
        async with self._database.transaction() as session:
            connection = await session.connection()
            if gone:
                where = tuple_(col(ParkedRow.entity), col(ParkedRow.key))
                await connection.execute(delete(ParkedRow).where(where.in_(gone)))
            if kept:
                statement = insert(ParkedRow).values(
                    [{"entity": row.entity, "key": row.key, **{name: getattr(row, name) for name in names}}
                     for row in kept]
                )  # fmt: skip
                await connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["entity", "key"],
                        set_={name: statement.excluded[name] for name in names},
                    )
                )


def reason_of(error: Exception) -> str:
    """Why it failed, without a word of content: the kind of error and where in the code, not its message."""
    told = str(error) if isinstance(error, CloisterError | CrmError) else ""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    places = [
        frame
        for frame in traceback.extract_tb(cause.__traceback__)
        if Path(frame.filename).is_relative_to(_OURS)
    ]
    at = f" at {Path(places[-1].filename).relative_to(_OURS)}:{places[-1].lineno}" if places else ""
    return f"{told} ({type(cause).__name__}{at})".strip() if told else f"{type(cause).__name__}{at}"
