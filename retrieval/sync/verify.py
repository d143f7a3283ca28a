"""Looking through the whole index: is every row, point and right as the CRM has it?"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway import CloisterError, log
from retrieval.crm import CrmError
from retrieval.index import IndexedRow, Known
from retrieval.records import Records

from .fill import Filler
from .mirror import Mirror
from .parking import Stage
from .passes import Passes
from .values import Drift, VerifyReport

_EXAMPLES: Final = 50
_EVERY: Final = 100_000_000
_KEYS: Final = 400

Held = dict[str, dict[str, Known]]


class Verifier:
    """Compares everything once when it is asked to, beside the sync, and mends what differs.

    A row that changes meanwhile looks wrong at first: what differs is looked at again after `settle_s`
    seconds, in which the sync takes what has changed.
    """

    def __init__(
        self, records: Records, mirror: Mirror, passes: Passes, filler: Filler, settle_s: float
    ) -> None:
        self._records = records
        self._mirror = mirror
        self._passes = passes
        self._filler = filler
        self._settle_s = settle_s
        self._kinds = records.crm_map.parents_first
        self._task: asyncio.Task[None] | None = None
        self._began: datetime | None = None
        self._clear(dry_run=False)

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return self._task is not None and not self._task.done()

    def ask(self, *, dry_run: bool) -> None:
        """Begin, unless it is running already."""
        if not self.running:
            self._clear(dry_run=dry_run)
            self._began = datetime.now(UTC)
            self._task = asyncio.create_task(self._run(), name="verify")

    async def stop(self) -> None:
        """End it in the middle."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def wait(self) -> None:
        """Wait for the end of what was begun."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def report(self) -> VerifyReport:
        """How far it is, or how it ended."""
        return VerifyReport(
            running=self.running,
            dry_run=self._dry_run,
            done=self._done,
            total=max(self._total, self._done),
            rate=self._rate(),
            found={kind: dict(found) for kind, found in self._found.items() if found},
            mended=self._mended,
            parked=self._parked,
            examples=tuple(self._examples[:_EXAMPLES]),
            began=self._began,
            ended=self._ended,
            error=self._error,
        )

    def _clear(self, *, dry_run: bool) -> None:
        self._dry_run = dry_run
        self._done = self._total = self._mended = self._parked = 0
        self._found: dict[str, Counter[Drift]] = {}
        self._examples: list[str] = []
        self._ended: datetime | None = None
        self._error: str | None = None

    def _rate(self) -> float | None:
        if self._began is None or not self._done:
            return None
        return self._done / max(((self._ended or datetime.now(UTC)) - self._began).total_seconds(), 0.1)

    async def _run(self) -> None:
        try:
            await self._verify()
        except (CrmError, CloisterError) as error:
            self._error = str(error)
        except Exception as error:  # noqa: BLE001 - the outermost step of a task: somebody waits for its report
            log.error("verify.failed", exc_info=error)
            self._error = "The comparison failed; the reason is in the log of this process."
        self._ended = datetime.now(UTC)
        found = {f"{kind}/{drift}": n for kind, all_ in self._found.items() for drift, n in all_.items()}
        log.info("verify.ended", found=found, mended=self._mended, rows=self._done, error=self._error)

    async def _verify(self) -> None:
        parking = self._passes.parking
        self._parked = sum(len(parking.of(kind)) for kind in self._kinds)
        totals = [len(await self._records.keys(kind)) for kind in self._kinds]
        self._total = sum(totals)
        bare = await self._bare()
        suspected = await self._suspected()
        if bare or any(suspected.values()):
            await asyncio.sleep(self._settle_s)
            wrong = await self._confirm(suspected)
            await self._vectors((await self._bare() & bare) - wrong)
        await self._names()

    async def _suspected(self) -> dict[str, set[str]]:
        """Keys of rows that differ at a first look."""
        held, rights = await self._mirror.index.load(), await self._mirror.index.rights()
        suspected: dict[str, set[str]] = {}
        for kind in self._kinds:
            of_kind, found, seen = held.get(kind, {}), suspected.setdefault(kind, set()), set[str]()

            def see(rows: list[IndexedRow], of_kind: Mapping[str, Known] = of_kind,
                    found: set[str] = found, seen: set[str] = seen) -> None:  # fmt: skip
                seen.update(row.key for row in rows)
                found.update(row.key for row in rows if _drift(row, of_kind.get(row.key), rights))
                self._done += len(rows)

            await self._passes.look_through(kind, see)
            found |= of_kind.keys() - seen
        return suspected

    async def _confirm(self, suspected: Mapping[str, set[str]]) -> set[str]:
        """Look again at what differed, and mend what still does; the references of it."""
        refs: set[str] = set()
        await self._mirror.load()
        rights = await self._mirror.index.rights()
        for kind in self._kinds:
            keys = sorted(suspected[kind])
            for start in range(0, len(keys), _KEYS):
                wrong = await self._wrong(kind, keys[start : start + _KEYS], rights)
                counter = self._found.setdefault(kind, Counter())
                counter.update(wrong.values())
                self._examples += [f"{kind}:{key} – {drift}" for key, drift in wrong.items()]
                refs.update(f"{kind}:{key}" for key in wrong)
                if wrong and not self._dry_run:
                    await self._passes.apply({kind: list(wrong)}, {f"{kind}:{key}" for key in wrong})
                    left = await self._wrong(kind, list(wrong), await self._mirror.index.rights())
                    self._mended += len(wrong) - len(left)
        return refs

    async def _wrong(
        self, kind: str, keys: Sequence[str], rights: Mapping[str, frozenset[str]]
    ) -> dict[str, Drift]:
        """What differs of these rows; what was set aside is told as that, and tried again by itself."""
        rows = await self._passes.expected_of(kind, keys)
        held = self._mirror.rows(kind)
        wrong = {}
        for key in keys:
            if key in rows:
                drift = _drift(rows[key], held.get(key), rights)
            else:
                drift = Drift.GHOST if key in held else None
            parked = self._passes.parking.stage(kind, key)
            if drift and (drift is Drift.GHOST or parked in (None, Stage.EMBEDDING)):
                wrong[key] = drift
        return wrong

    async def _bare(self) -> set[str]:
        """References of rows that want a vector, while none is being made: else they are on their way."""
        if not self._filler.idle.is_set():
            return set()
        parking = self._passes.parking
        return {
            f"{piece.kind}:{piece.key}"
            for piece in await self._mirror.index.waiting(_EVERY)
            if parking.stage(piece.kind, piece.key) is not Stage.EMBEDDING
        }

    async def _names(self) -> None:
        """Whether the doors are told of everybody: their list is in another database than the index."""
        first = await self._passes.unpublished()
        if not any(first.values()):
            return
        await asyncio.sleep(self._settle_s)
        second = await self._passes.unpublished()
        count = 0
        for kind, keys in second.items():
            for key in sorted(set(keys) & set(first[kind])):
                self._found.setdefault(kind, Counter())[Drift.UNPUBLISHED] += 1
                self._examples.append(f"{kind}:{key} – {Drift.UNPUBLISHED}")
                count += 1
        if count and not self._dry_run:
            await self._passes.learn_identities()
            self._mended += count

    async def _vectors(self, refs: set[str]) -> None:
        for ref in sorted(refs):
            self._found.setdefault(ref.partition(":")[0], Counter())[Drift.NO_VECTOR] += 1
            self._examples.append(f"{ref} – {Drift.NO_VECTOR}")
        if refs and not self._dry_run:
            await self._filler.fill_all()
            self._mended += len(refs - await self._bare())


def _drift(row: IndexedRow, held: Known | None, rights: Mapping[str, frozenset[str]]) -> Drift | None:
    """How what the index holds of a row differs from what it should hold."""
    if held is None:
        return Drift.MISSING
    if not held.version:
        return Drift.HALF_WRITTEN
    if rights.get(row.ref) != frozenset(row.acl):
        return Drift.RIGHTS
    points = sorted(chunk.digest for chunk in row.chunks) or [""]
    if held.version != row.version or sorted(held.points.values()) != points:
        return Drift.STALE
    return None
