"""Following the CRM: one task that keeps the index up to it for as long as the process lives.

Why nothing is lost between the whole comparison and the stream: the slot is made first, at a position C.
What was committed before C is visible to every statement that begins afterwards, so the comparison sees it.
What is committed after C is told by the stream, once it is visible to others; its rows are then read again.
The comparison reads after C, each row at a moment of its own; whatever it read too early is told again, and
what is told twice is written twice. So the last word on every row is its last commit. The same holds after a
restart, from the position that was confirmed, and that is confirmed only when the index is durable.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from gateway import CloisterError, Database, PartUnavailable, log, record
from retrieval.crm import CrmError, CrmRefused, CrmUnavailable
from retrieval.records import Records
from retrieval.search.events import RetrievalEvent
from retrieval.search.values import SyncStatus
from retrieval.settings import SyncSettings

from .decoding import CannotDecode
from .feed import Batch, ChangeFeed, FeedState, Loss
from .meters import tell, tell_lost, tell_written
from .mirror import Mirror
from .passes import Passes
from .progress import Progress, read_progress, save_progress
from .pulse import Pulse
from .status import sync_status
from .watermark import WatermarkFeed

_BACK_OFF_S: Final = (1.0, 2.0, 5.0, 10.0)
_FLUSH_S: Final = 1.0
_QUIET_S: Final = 10.0
_SAVE_S: Final = 5.0
_WAIT_S: Final = 0.5
_TRY_AGAIN_S: Final = 60.0
_WATCH_S: Final = 15.0
_AGING_S: Final = 900.0


class Follower:
    """Compares everything at the start, unless the CRM's log goes on where the index is; then takes changes
    as they come, and now and then compares again.

    Whatever fails is written into the status and tried again; nothing that fails here stops searching.
    """

    def __init__(
        self,
        records: Records,
        mirror: Mirror,
        passes: Passes,
        database: Database,
        settings: SyncSettings,
        pulse: Pulse,
        decoding: ChangeFeed | None = None,
    ) -> None:
        """`decoding` is followed as long as the CRM allows it; without it the CRM is polled."""
        self._pulse = pulse
        self._records = records
        self._map = records.crm_map
        self.mirror = mirror
        self._passes = passes
        self._database = database
        self._settings = settings
        self._kinds = self._map.parents_first
        self._progress: dict[str, Progress] = {kind: Progress() for kind in self._kinds}
        self._decoding = decoding
        self._feed: ChangeFeed | None = None
        self._beside: WatermarkFeed | None = None
        self._state = FeedState(mode="watermark")
        self._changed: dict[str, set[str]] = {}
        self._whole: set[str] = set()
        self._position: int | None = None
        self._asked = asyncio.Event()
        self._allow_deletes = self._dirty = self._loaded = False
        self._swept = self._aged = self._compared = self._flushed = self._saved = 0.0
        self._tried = self._watched = 0.0
        self._refused: dict[str, float] = {}
        self._missing: str | None = "record index"
        self.caught_up = asyncio.Event()
        """Set when the index was first known to be up to the CRM in this process."""

    @property
    def ready(self) -> bool:
        """Whether every kind has been compared with the CRM once and the index still has it."""
        return all(one.complete for one in self._progress.values())

    @property
    def missing(self) -> str | None:
        """The part that keeps this from working, None when nothing does."""
        return "CRM database" if self._pulse.fault else self._missing

    @property
    def stale(self) -> bool:
        """Whether the index is behind the CRM by more than a few polls."""
        limit = max(15.0, 5 * self._settings.poll_s)
        return self.missing is not None or any(
            one.lag_seconds is None or one.lag_seconds > limit for one in self._progress.values()
        )

    def ask(self, *, allow_deletes: bool) -> None:
        """Compare everything as soon as possible."""
        self._allow_deletes = self._allow_deletes or allow_deletes
        for one in self._progress.values():
            one.running = True
        self._asked.set()

    def look_again(self, kind: str, keys: Iterable[str]) -> None:
        """Bring these rows up to date soon, whatever the CRM says of them."""
        self._changed.setdefault(kind, set()).update(keys)

    async def status(self) -> SyncStatus:
        """How far each kind is."""
        return await sync_status(
            self._state, self._progress, self.mirror, self._passes, self._pulse.fault, ready=self.ready
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        self._loaded = False  # whoever wrote before this began wrote something else than is known here
        try:
            while True:
                try:
                    await self._step()
                    self._missing, failures = None, 0
                except (CrmError, CloisterError) as error:
                    await self._failed(error)
                    await self._pause(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                    failures += 1
                except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                    log.error("sync.failed", exc_info=error)
                    self._missing = "record sync"
                    await self._leave()
                    await self._pause(_BACK_OFF_S[-1])
        finally:
            await self._leave()

    async def _step(self) -> None:
        if not self._loaded:
            await self._load()
        now = time.monotonic()
        if self._feed is None or (self._wants_decoding and now - self._tried > _TRY_AGAIN_S):
            await self._choose()
        if self._asked.is_set() or now - self._compared > self._reconcile_s:
            self._asked.clear()
            self._whole |= set(self._kinds)
            self._compared = now  # a kind that is refused is no reason to begin all of it again
        if due := self._to_compare(now):
            await self._compare_whole(due)
            return
        batches = await self._listen()
        await self._sweep(now)
        held = self._held
        written = await self._apply()
        self._dirty = self._dirty or written > 0
        if self._held != held:
            self._dirty, self._saved = True, 0.0  # what is asked must outlive this process
        self._note(batches, written)
        await self._settle(now)

    # ── Beginning ────────────────────────────────────────────────────────────────────────────────────

    async def _load(self) -> None:
        await self.mirror.load()
        self._progress = await read_progress(self._database, self._kinds)
        emptied = [
            kind for kind, one in self._progress.items() if one.complete and not self.mirror.rows(kind)
        ]
        for kind, one in self._progress.items():
            if kind in emptied:
                one.complete = False  # the index was deleted or is new: what was saved is no longer true
            self._passes.brake.restore(kind, one.gone, one.kept)
            # a process that was killed in the middle of a row left it half written
            self.look_again(kind, [key for key, row in self.mirror.rows(kind).items() if not row.version])
        await self._passes.parking.load()
        if emptied:
            await self.save()  # before the first row is there again: whoever ends here must begin anew
        self._loaded = True

    @property
    def _wants_decoding(self) -> bool:
        return self._decoding is not None and self._feed is not self._decoding

    @property
    def _reconcile_s(self) -> float:
        by_log = self._feed is not None and self._feed is self._decoding
        return self._settings.reconcile_log_s if by_log else self._settings.reconcile_s

    async def _choose(self) -> None:
        """Follow by the CRM's log when that can be had, else by its watermarks, and say which."""
        self._tried = time.monotonic()
        because = "The settings say so, or the CRM is no PostgreSQL."
        if self._decoding is not None:
            try:
                opened = await self._decoding.open()
            except CannotDecode as why:
                because = str(why)
            else:
                if opened.lost:
                    await self._announce(opened.lost)
                self._feed, self._position = self._decoding, None
                await self._begin(opened.whole)
                return
        if self._feed is None or self._feed is self._decoding:
            feed = self._watermarks(self._kinds, because)
            opened = await feed.open()
            self._feed, self._position = feed, None
            await self._begin(opened.whole)
        elif isinstance(self._feed, WatermarkFeed) and self._feed.because != because:
            self._feed.because = because
            await self._watch()

    async def _begin(self, whole: Iterable[str]) -> None:
        assert self._feed  # noqa: S101 - just opened
        incomplete = {kind for kind, one in self._progress.items() if not one.complete}
        self._whole |= set(whole) | incomplete
        self._refused = {}
        self._compared = time.monotonic()
        await self._watch()
        log.info("sync.mode", mode=self._state.mode, because=self._state.because, compare=sorted(self._whole))
        if not self._whole and not self.caught_up.is_set():
            await (
                self._passes.learn_identities()
            )  # texts are masked with them, and they are kept in memory alone

    def _watermarks(self, kinds: Iterable[str], because: str = "") -> WatermarkFeed:
        columns = {kind: column for kind in kinds if (column := self._map.entities[kind].changed)}
        return WatermarkFeed(self._records, columns, self._progress, self._settings, because)

    async def _announce(self, lost: Loss) -> None:
        log.warning("sync.slot_lost", reason=lost.why)
        tell_lost()
        async with self._database.transaction() as session:
            record(session, RetrievalEvent.SLOT_LOST, "retrieval", reason=lost.reason)

    async def _watch(self) -> None:
        """See how the feed is, and poll beside it what it does not cover."""
        assert self._feed  # noqa: S101 - there is one by now
        self._watched = time.monotonic()
        self._state = await self._feed.state()
        tell(self._state)
        covered = self._feed.covered
        for kind, one in self._progress.items():
            one.mode = "decoding" if kind in covered else "watermark"
            one.slot = self._state.slot if kind in covered else None
        if self._feed is self._decoding:
            left = [kind for kind in self._kinds if kind not in covered]
            self._beside = self._watermarks(left) if left else None

    # ── Comparing ────────────────────────────────────────────────────────────────────────────────────

    def _to_compare(self, now: float) -> list[str]:
        """Kinds that must be compared, and those that inherit from them.

        One that was refused has a rest, and is then tried alone: its children wait until it succeeds.
        """
        again = {kind for kind, since in self._refused.items() if now - since >= _TRY_AGAIN_S} & self._whole
        whole = self._whole - self._refused.keys()
        return [kind for kind in self._kinds if kind in again or whole & {kind, *self._map.ancestors(kind)}]

    async def _compare_whole(self, kinds: list[str]) -> None:
        allow, self._allow_deletes = self._allow_deletes, False
        everything = len(kinds) == len(self._kinds)
        for kind in kinds:
            self._progress[kind].running = True
        try:
            began = await self._records.now()
            if everything or not self.caught_up.is_set():
                first = not self.caught_up.is_set()  # later, what was learnt before still masks
                refusals = await self._passes.learn_identities(all_of_them=first)
                for kind, refused in refusals.items():
                    self._refuse(kind, refused)
            for kind in kinds:
                await self._compare(kind, allow_deletes=allow)
                self._progress[kind].cursor = began
        except BaseException:
            self._allow_deletes = allow
            raise
        finally:
            for kind in kinds:
                self._progress[kind].running = False
        if everything:
            self._compared = self._swept = time.monotonic()
        self._dirty, self._flushed, self._saved = True, 0.0, 0.0
        await self._settle(time.monotonic())
        self.caught_up.set()

    async def _compare(self, kind: str, *, allow_deletes: bool) -> None:
        one = self._progress[kind]
        try:
            await self._passes.compare(kind, allow_deletes=allow_deletes)
        except CrmRefused as refused:
            self._refuse(kind, refused)
            return
        one.succeeded()
        one.complete, one.running = True, False
        self._whole.discard(kind)
        if self._refused.pop(kind, None) is not None:
            self._whole |= {child for child in self._kinds if kind in self._map.ancestors(child)}
        log.info("sync.compared", entity=kind, rows=len(self.mirror.rows(kind)))

    def _refuse(self, kind: str, refused: CrmRefused) -> None:
        """The table or a column of it is gone, or may not be read: the other kinds go on."""
        log.warning("sync.refused", entity=kind)
        self._progress[kind].error = str(refused)
        self._whole.add(kind)
        self._refused[kind] = time.monotonic()

    async def _sweep(self, now: float) -> None:
        """Take out what is gone, add what is new, and compare what has no watermark, where no feed tells."""
        assert self._feed  # noqa: S101 - there is one by now
        sweeping = now - self._swept > self._settings.sweep_s
        aging = now - self._aged > _AGING_S
        self._swept = now if sweeping else self._swept
        self._aged = now if aging else self._aged
        for kind in self._kinds:
            entity = self._map.entities[kind]
            covered = kind in self._feed.covered
            if not (aging and entity.retention if covered else sweeping):
                continue
            try:
                if covered or (entity.changed and not entity.follows and kind not in self._blind):
                    self.look_again(kind, await self._passes.sweep(kind))
                else:
                    await self._passes.compare(kind, with_children=True)
                    self._dirty = True
                self._progress[kind].succeeded()
            except CrmRefused as refused:
                self._refuse(kind, refused)

    # ── Changes ──────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> list[Batch]:
        """Take what the feeds have into what is to be done."""
        assert self._feed  # noqa: S101 - there is one by now
        pending = any(self._changed.values())
        batches = [await self._feed.next(0 if pending else _WAIT_S)]
        self._position = batches[0].position
        if self._beside is not None:
            batches.append(await self._beside.next(0))
        for batch in batches:
            self._whole |= batch.whole
            for kind, keys in batch.changes.items():
                self.look_again(kind, keys)
        if self._beside is not None:
            await self._beside.confirm(batches[1].position, frozenset(self._kinds))
        for kind, due in self._passes.parking.due().items():
            self.look_again(kind, due)
        return batches

    @property
    def _held(self) -> list[int]:
        """How many deletions wait for a word, kind by kind."""
        return [self._passes.brake.held(kind) for kind in self._kinds]

    @property
    def _blind(self) -> set[str]:
        """Kinds whose watermarks cannot be read."""
        feeds = [feed for feed in (self._feed, self._beside) if isinstance(feed, WatermarkFeed)]
        return {kind for feed in feeds for kind in feed.blind}

    async def _apply(self) -> int:
        todo, self._changed = {kind: keys for kind, keys in self._changed.items() if keys}, {}
        try:
            return await self._passes.apply(todo) if todo else 0
        except CrmRefused:
            return await self._apply_each(todo)
        except BaseException:
            for kind, keys in todo.items():
                self.look_again(kind, keys)
            raise

    async def _apply_each(self, todo: dict[str, set[str]]) -> int:
        """One table refuses: the others need not wait for it."""
        written = 0
        while todo:
            kind, keys = next(iter(todo.items()))
            try:
                written += await self._passes.apply({kind: keys})
            except CrmRefused as refused:
                self._refuse(kind, refused)
            except BaseException:
                for kind, keys in todo.items():
                    self.look_again(kind, keys)
                raise
            del todo[kind]
        return written

    def _note(self, batches: list[Batch], written: int) -> None:
        """Say how far each kind is now."""
        assert self._feed  # noqa: S101 - there is one by now
        lag = max(batch.lag for batch in batches)
        told = sum(len(keys) for batch in batches for keys in batch.changes.values())
        if told or written:
            tell_written(self._state.mode, told, lag)
        for kind, one in self._progress.items():
            polled = self._map.entities[kind].changed and not self._map.entities[kind].follows
            if kind not in self._whole and (kind in self._feed.covered or polled):
                one.succeeded()
        if not batches[0] and self._whole <= self._refused.keys():
            self.caught_up.set()

    async def _settle(self, now: float) -> None:
        """Make what was written durable, then confirm it."""
        assert self._feed  # noqa: S101 - there is one by now
        if now - self._watched > _WATCH_S:
            await self._watch()
        # Asked of the mirror: a pass that failed in the middle, or one beside this, has written too.
        self._dirty = self._dirty or self.mirror.unflushed
        if now - self._flushed < (_FLUSH_S if self._dirty else _QUIET_S):
            return
        if self._dirty:
            await self.mirror.flush()
            if now - self._saved > _SAVE_S:
                await self.save()
        self._flushed, self._dirty = now, False
        if self._position is not None and not any(self._changed.values()):
            sound = frozenset(kind for kind in self._kinds if kind not in self._whole)
            await self._feed.confirm(self._position, sound)

    async def save(self) -> None:
        """Write down how far each kind is."""
        self._saved = time.monotonic()
        for kind, one in self._progress.items():
            one.gone, one.kept = self._passes.brake.held(kind), self._passes.brake.kept(kind)
        rows = {kind: len(self.mirror.rows(kind)) for kind in self._kinds}
        await save_progress(self._database, self._progress, rows, await self.mirror.index.counts(self._kinds))

    # ── Failing ──────────────────────────────────────────────────────────────────────────────────────

    async def _failed(self, error: CrmError | CloisterError) -> None:
        self._missing = "CRM database" if isinstance(error, CrmUnavailable) else "record sync"
        if isinstance(error, PartUnavailable):
            self._missing = error.part
        for kind in self._kinds:
            self._progress[kind].error = str(error)
            self._progress[kind].running = False
        log.warning("sync.waiting", part=self._missing, reason=type(error).__name__)
        if isinstance(self._feed, WatermarkFeed):
            self._feed.forget()
        else:
            await self._leave()

    async def _leave(self) -> None:
        """Stop listening; whatever was not confirmed is told again."""
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.close()
        elif self._decoding is not None:
            await self._decoding.close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return
