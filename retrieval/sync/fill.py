"""Filling in vectors behind lexical search; the index itself says which pieces still want one.

A text that was embedded before is not embedded again: its vector is copied. Before a piece gets its vector,
the door looks for names in the texts of its row as they will be asked for, so that a question need not wait
for that; rows whose vectors were copied are read when nothing else is to be done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from gateway import CloisterError, PartUnavailable, Principal, Role, log
from retrieval.crm import CrmError
from retrieval.index import Embedder, IndexFailed, ReadsAhead, Waiting
from retrieval.pieces import texts_to_read
from retrieval.records import Records

from .build import Builder
from .family import Family
from .first import QuestionsFirst
from .mirror import Mirror
from .parking import Parking, Stage
from .reading import Reader

_SELF: Final = Principal("retrieval", "retrieval", frozenset({Role.SERVICE}), "Record index")
_LOOK_AHEAD: Final = 16
_READ_AT_ONCE: Final = 32
_READ_AT_MOST: Final = 8_000  # characters; what is longer is read when it is asked for
_READ_LATER: Final = 200_000  # rows; those beyond are read when they are asked for
_IDLE_S: Final = 2.0
_REST_S: Final = 1.0
_RESTS: Final = 60
_BACK_OFF_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)

VectorsFor = Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[float]]]]


class Filler:
    """Embeds what waits, through the door, in small batches so that a question is not kept waiting long."""

    def __init__(
        self,
        records: Records,
        mirror: Mirror,
        builder: Builder,
        embedder: Embedder,
        batch: int,
        changed: Callable[[str, Iterable[str]], None],
        reader: ReadsAhead | None = None,
        *,
        parking: Parking | None = None,
        first: QuestionsFirst | None = None,
        vectors_for: VectorsFor | None = None,
    ) -> None:
        """`changed` is told of rows that are no longer as the index has them, `vectors_for` gives the vectors
        that texts already have by their digests."""
        self._map = records.crm_map
        self._rows = Reader(records, parking) if parking else records
        self._mirror = mirror
        self._builder = builder
        self._embedder = embedder
        self._batch = batch
        self._changed = changed
        self._reader = reader
        self._parking = parking
        self._first = first or QuestionsFirst()
        self._vectors_for = vectors_for or (lambda digests: mirror.index.vectors_for(digests))
        self._unread: deque[tuple[str, str]] = deque(maxlen=_READ_LATER)
        self._stopped = False
        self.embedded = self.copied = 0
        """How many texts were embedded, and how many pieces were given a vector without."""
        self.few_wait = False
        """Whether no more than a few pieces waited for a vector when this was last looked at."""
        self.idle = asyncio.Event()
        """Set while nothing waits for a vector."""
        self.error: str | None = None
        """Why vectors cannot be made at the moment."""

    async def run(self, may_begin: asyncio.Event) -> None:
        """Fill until cancelled, once `may_begin` is set."""
        await may_begin.wait()
        failures = 0
        while not self._stopped:
            try:
                busy = await self.fill_some() or await self._read_some()
                self.error, failures = None, 0
                await asyncio.sleep(0 if busy else _IDLE_S)
            except (CrmError, CloisterError) as error:
                if self.error != str(error):
                    log.warning("vectors.waiting", reason=type(error).__name__)
                self.error = str(error)
                await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                log.error("vectors.failed", exc_info=error)
                self.error = "Vectors cannot be made; the reason is in the log of this process."
                await asyncio.sleep(_BACK_OFF_S[-1])

    def stop(self) -> None:
        """Fill no more after what is being filled."""
        self._stopped = True

    async def fill_some(self) -> int:
        """Give some waiting pieces their vectors; how many. Raises `CrmUnavailable`, the door's errors."""
        waiting = await self._waiting()
        self.few_wait = len(waiting) < self._batch
        if not waiting:
            self.idle.set()
            return 0
        self.idle.clear()
        filled = await self._copy(waiting)
        alike: dict[str, list[Waiting]] = {}
        for piece in waiting:
            if piece.id not in filled:
                alike.setdefault(piece.vdigest or piece.id, []).append(piece)
        texts, asked_for = await self._texts([pieces[0] for pieces in alike.values()])
        done = len(filled)
        order = sorted(texts, key=lambda piece: len(texts[piece]))
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            await self._first.give_way()
            await self._read_ahead(dict.fromkeys(text for piece in batch for text in asked_for[piece]))
            given = {piece: alike[piece.vdigest or piece.id] for piece in batch}
            done += await self._give({piece: texts[piece] for piece in batch}, given)
        if self._parking:
            await self._parking.save()
        return done

    async def fill_all(self) -> int:
        """Fill until nothing waits; how many pieces got their vector.

        Pieces of rows that have changed wait for the sync. Raises `PartUnavailable` when it does not come.
        """
        done = rests = 0
        while True:
            some = await self.fill_some()
            done += some
            if self.idle.is_set():
                return done
            rests = 0 if some else rests + 1
            if rests > _RESTS:
                raise PartUnavailable(
                    "record sync", "Some pieces still wait for the sync before their vectors."
                )
            await asyncio.sleep(0 if some else _REST_S)

    async def _waiting(self) -> list[Waiting]:
        index, parking = self._mirror.index, self._parking
        if parking is None:
            return await index.waiting(self._batch * _LOOK_AHEAD)
        aside = parking.count(Stage.EMBEDDING)
        found = await index.waiting(self._batch * _LOOK_AHEAD + 4 * aside)
        return [piece for piece in found if parking.may_embed(piece.kind, piece.key)]

    async def _copy(self, waiting: Sequence[Waiting]) -> set[str]:
        """Give pieces the vectors that their texts already have; the ids of those that got one."""
        digests = list(dict.fromkeys(piece.vdigest for piece in waiting if piece.vdigest))
        there = await self._vectors_for(digests) if digests else {}
        copies = {piece: there[piece.vdigest] for piece in waiting if piece.vdigest in there}
        if copies:
            self.copied += await self._mirror.add_vectors(copies)
            self._later(copies)
        return {piece.id for piece in copies}

    async def _give(self, texts: Mapping[Waiting, str], alike: Mapping[Waiting, Sequence[Waiting]]) -> int:
        """Embed each text once and give its vector to all pieces that are alike; how many got one.

        When a batch is refused it is halved: a text that is refused by itself is set aside.
        """
        pieces = list(texts)
        try:
            vectors = await self._embedder.embed(_SELF, list(texts.values()), "index")
            given = {
                other: vector for piece, vector in zip(pieces, vectors, strict=True) for other in alike[piece]
            }
            filled = await self._mirror.add_vectors(given)
        except (CloisterError, ValueError) as error:
            refused = isinstance(error, IndexFailed) or not (isinstance(error, CloisterError) and error.retry)
            if self._parking is None or not refused:
                raise
            if len(pieces) == 1:
                await self._prove(error, pieces[0].kind)
                self._parking.park(pieces[0].kind, pieces[0].key, Stage.EMBEDDING, error)
                return 0
        else:
            self.embedded += len(pieces)
            self.copied += filled - len(pieces)
            self._later(other for piece in pieces for other in alike[piece][1:])
            self._well(given)
            return filled
        half = len(pieces) // 2
        parts = (pieces[:half], pieces[half:])
        return sum([await self._give({one: texts[one] for one in part}, alike) for part in parts])

    async def _prove(self, error: Exception, kind: str) -> None:
        """Raise when it is not one text that is refused, but every text."""
        if isinstance(error, IndexFailed):
            await self._mirror.prove(kind)
        else:
            await self._embedder.embed(_SELF, ["a text like others"], "index")

    def _well(self, pieces: Iterable[Waiting]) -> None:
        for piece in pieces if self._parking else ():
            assert self._parking  # noqa: S101 - asked just now
            if self._parking.stage(piece.kind, piece.key) is Stage.EMBEDDING:
                self._parking.free(piece.kind, [piece.key])

    def _later(self, pieces: Iterable[Waiting]) -> None:
        if self._reader:
            self._unread.extend(dict.fromkeys((piece.kind, piece.key) for piece in pieces))

    async def _read_some(self) -> bool:
        """Read ahead for rows whose vectors were copied; whether there were any."""
        some = [self._unread.popleft() for _ in range(min(len(self._unread), _READ_AT_ONCE))]
        for kind in dict.fromkeys(kind for kind, _ in some):
            rows = await self._rows.rows(kind, [key for one, key in some if one == kind])
            for row in rows.values():
                await self._first.give_way()
                await self._read_ahead(texts_to_read(self._map, kind, row))
        return bool(some)

    async def _read_ahead(self, texts: Iterable[str]) -> None:
        unread = [text for text in texts if len(text) <= _READ_AT_MOST]
        for start in range(0, len(unread) if self._reader else 0, _READ_AT_ONCE):
            assert self._reader  # noqa: S101 - there is none without a reader
            try:
                await self._reader.read_ahead(_SELF, unread[start : start + _READ_AT_ONCE])
            except CloisterError as error:
                if error.retry:
                    raise
                log.warning(
                    "vectors.not_read_ahead", reason=type(error).__name__
                )  # then it is read when asked

    async def _texts(
        self, waiting: Sequence[Waiting]
    ) -> tuple[dict[Waiting, str], dict[Waiting, Sequence[str]]]:
        """The texts of pieces, from the live rows, and the texts that are asked for when they are found.

        Pieces that have changed, and rows that cannot be rendered any more, are left to the sync.
        """
        by_kind: dict[str, dict[str, list[Waiting]]] = {}
        for piece in waiting:
            by_kind.setdefault(piece.kind, {}).setdefault(piece.key, []).append(piece)
        texts: dict[Waiting, str] = {}
        asked_for: dict[Waiting, Sequence[str]] = {}
        for kind, pieces in by_kind.items():
            family = Family(self._rows, lambda *_: None)
            rows = await self._rows.rows(kind, list(pieces))
            for row, one in await family.pairs(kind, list(rows.values())):
                key = one.ref.partition(":")[2]
                try:
                    made = await asyncio.to_thread(self._builder.texts, kind, row, one)
                    shown = texts_to_read(self._map, kind, row) if one.acl and self._reader else []
                except Exception as error:  # noqa: BLE001 - one row's fault; the sync sets it aside
                    log.warning("vectors.row_left", entity=kind, key=key, reason=type(error).__name__)
                    continue
                for piece in pieces[key]:
                    text = made.get((piece.field, piece.ordinal))
                    if text is not None and self._builder.digest_of(text) == piece.digest:
                        texts[piece], asked_for[piece] = text.dense_text, shown
            current = {piece.key for piece in texts if piece.kind == kind}
            if different := pieces.keys() - current:
                self._changed(kind, different)
        return texts, asked_for
