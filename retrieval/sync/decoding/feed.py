"""The change feed by logical decoding: a slot of our own, read from where the index is."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any, Final

from gateway import Database
from retrieval.crm import CrmMap, CrmUnavailable
from retrieval.crm.database import AsyncConnection, translated
from retrieval.settings import CrmSettings
from retrieval.sync.feed import Batch, FeedState, Loss, Opened

from .errors import SlotBusy, SlotLost
from .slots import Mark, Slot, find_slot, read_marks, save_marks
from .stream import Stream
from .survey import Survey, survey
from .transactions import Transaction
from .wire import ReplicationConnection, lsn_of

_KEYS: Final = 4_000
_CREATE_S: Final = 60.0
_BUSY_S: Final = 10.0
_VISIBLE_S: Final = 30.0
_SURVEY_S: Final = 15.0


class DecodingFeed:
    """Changes by logical decoding.

    A change is told after its transaction is visible to other connections: the log has a commit a moment
    before they see it, and rows are read again by one of them.
    """

    def __init__(
        self,
        crm_map: CrmMap,
        settings: CrmSettings,
        database: Database,
        *,
        publication: str,
        slot: str,
        shape: str,
    ) -> None:
        """`shape` changes when rows are cut anew."""
        self._map = crm_map
        self._settings = settings
        self._database = database
        self._publication = publication
        self._name = slot
        self._shape = hashlib.sha256(f"{shape}\x1f{crm_map.model_dump_json()}".encode()).hexdigest()[:16]
        self._control: AsyncConnection[Any] | None = None
        self._stream: Stream | None = None
        self._survey: Survey | None = None
        self._slot: Slot | None = None
        self._system = ""
        self._surveyed = 0.0
        self._marks: dict[str, Mark] = {}
        self._whole: set[str] = set()
        self._distrusted = False

    @property
    def covered(self) -> frozenset[str]:
        return self._survey.covered if self._survey else frozenset()

    async def open(self) -> Opened:
        """Begin. Raises `CannotDecode` when the CRM's administrator has to do something first."""
        await self.close()
        try:
            opened = await self._open()
        except BaseException as error:
            self._distrusted = isinstance(error, SlotLost)
            await self.close()
            raise
        self._whole = set()
        return opened

    async def _open(self) -> Opened:
        parameters = self._settings.parameters(self._settings.timeout_s)
        wanted: dict[str, Any] = {**parameters, "autocommit": True}
        with translated():
            self._control = await AsyncConnection.connect(**wanted)
            self._survey = await survey(self._control, self._map, self._publication)
        self._surveyed = time.monotonic()
        wire = await ReplicationConnection.connect({**parameters, "options": "-c statement_timeout=0"})
        try:
            self._system = (await wire.identify()).system
            opened = await self._prepare(wire)
            await self._start(wire)
        except BaseException:
            await wire.close()
            raise
        return opened

    async def next(self, max_wait: float) -> Batch:
        try:
            return await self._next(max_wait)
        except SlotLost:
            self._distrusted = True
            raise

    async def _next(self, max_wait: float) -> Batch:
        stream = self._running()
        if time.monotonic() - self._surveyed > _SURVEY_S:
            await self._look()
        await stream.wait(0 if self._whole else max_wait)
        waiting = stream.peek(_KEYS)
        if waiting:
            await self._visible(waiting)
        touched, position, lag = stream.take(len(waiting))
        whole, self._whole = self._whole | touched.whole, set()
        changes = {kind: frozenset(rows) for kind, rows in touched.rows.items() if kind not in whole}
        return Batch(changes, frozenset(whole), position, lag)

    async def confirm(self, position: int, sound: frozenset[str]) -> None:
        stream = self._running()
        prints = self._prints()
        marks = {kind: Mark(self._system, self._name, prints[kind], position) for kind in sound}
        forgotten = prints.keys() - sound
        if marks != self._marks:
            await save_marks(self._database, marks, forgotten)
            self._marks = marks
        await stream.confirm(position)

    async def state(self) -> FeedState:
        notices = [f"Changes of “{gap.kind}” are polled: {gap.sentence}." for gap in self._gaps()]
        if self._survey and self._survey.unlimited:
            notices.append(
                "The CRM's max_slot_wal_keep_size is not set: while this process is away, its log can "
                "fill the disk."
            )
        slot = self._slot
        if slot and slot.wal_status in ("unreserved", "lost"):
            notices.append("The CRM is about to give up the log for the slot; then everything is compared.")
        return FeedState(
            mode="decoding",
            slot=self._name,
            wal_status=slot.wal_status if slot else None,
            retained_bytes=slot.retained if slot else None,
            safe_bytes=slot.safe if slot else None,
            notices=tuple(notices),
        )

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        control, self._control = self._control, None
        if stream:
            await stream.close()
        if control:
            await control.close()

    async def _prepare(self, wire: ReplicationConnection) -> Opened:
        """Have a slot; gives the kinds of which it does not tell everything since they were compared."""
        assert self._control  # noqa: S101 - opened a line before
        kinds = frozenset(self._map.entities)
        marks = await read_marks(self._database)
        with translated():
            slot = await find_slot(self._control, self._name)
        lost = slot.lost if slot else Loss("gone", "it is gone")
        if slot and lost is None and self._distrusted:
            lost = Loss("unreadable", "it cannot be read")
        if slot and lost is None:
            self._slot, self._marks = slot, marks
            prints, end = self._prints(), await self._end_of_log()
            return Opened(
                frozenset(kind for kind in kinds if not self._fits(marks.get(kind), prints[kind], slot, end))
            )
        await save_marks(self._database, {}, kinds)
        if slot:
            await wire.drop_slot(self._name)
        await wire.create_slot(self._name, _CREATE_S)
        with translated():
            self._slot = await find_slot(self._control, self._name)
        self._marks, self._distrusted = {}, False
        return Opened(kinds, lost if marks else None)

    async def _end_of_log(self) -> int:
        assert self._control  # noqa: S101 - opened a line before
        with translated():
            cursor = await self._control.execute("SELECT pg_current_wal_lsn()::text")
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM gives a row
        return lsn_of(row[0])

    def _fits(self, mark: Mark | None, prints: str, slot: Slot, end: int) -> bool:
        """Whether the slot goes on exactly where the index is; one that is further on was used by another.

        An index beyond the log's end has seen what a CRM taken back to an earlier state has not.
        """
        return (
            mark is not None
            and (mark.system, mark.slot, mark.prints) == (self._system, self._name, prints)
            and slot.confirmed <= mark.lsn <= end
        )

    async def _start(self, wire: ReplicationConnection) -> None:
        assert self._survey is not None  # noqa: S101 - looked at before
        assert self._slot is not None  # noqa: S101 - found or made before
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                await wire.start(self._name, self._publication)
                break
            except SlotBusy:
                # a process that was killed is noticed by the CRM a moment later
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)
        self._stream = Stream(wire, self._survey, self._slot.confirmed)

    async def _look(self) -> None:
        """See whether the publication and the slot still are as they were."""
        assert self._control is not None  # noqa: S101 - open
        assert self._survey is not None  # noqa: S101 - open
        self._surveyed = time.monotonic()
        with translated():
            slot = await find_slot(self._control, self._name)
            found = await survey(self._control, self._map, self._publication)
        if slot is None:
            raise SlotLost("The replication slot was dropped in the CRM.")
        self._slot = slot
        if slot.lost:
            raise SlotLost(f"The replication slot is lost: {slot.lost.why}.")
        if found != self._survey:
            differing = {kind for kind in found.prints if found.prints[kind] != self._survey.prints[kind]}
            self._survey = found
            self._running().reroute(found)
            self._whole |= differing

    async def _visible(self, transactions: Sequence[Transaction]) -> None:
        """Wait until other connections see these transactions."""
        assert self._control  # noqa: S101 - open
        unseen = {transaction.xid for transaction in transactions}
        until = time.monotonic() + _VISIBLE_S
        while True:
            with translated():
                cursor = await self._control.execute("SELECT txid_current_snapshot()::text")
                row = await cursor.fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM gives a row
            unseen = {xid for xid in unseen if not is_visible(xid, row[0])}
            if not unseen:
                return
            if time.monotonic() > until:
                raise CrmUnavailable("The CRM has committed transactions that it does not show yet.")
            await asyncio.sleep(0.005)

    def _prints(self) -> dict[str, str]:
        assert self._survey  # noqa: S101 - looked at when it was opened
        return {kind: f"{self._shape} {found}" for kind, found in self._survey.prints.items()}

    def _gaps(self) -> Sequence[Any]:
        return self._survey.gaps if self._survey else ()

    def _running(self) -> Stream:
        if self._stream is None:
            raise CrmUnavailable("The stream of the CRM's changes is not open.")
        return self._stream


def is_visible(xid: int, snapshot: str) -> bool:
    """Whether a snapshot `xmin:xmax:xip,…` sees the transaction that the log calls by the lower 32 bits."""
    _, newest, running = snapshot.split(":")
    after = int(newest)
    full = (after & ~0xFFFFFFFF) | xid
    if full - after > 1 << 31:
        full -= 1 << 32
    elif after - full > 1 << 31:
        full += 1 << 32
    return full < after and str(full) not in running.split(",")
