"""Filling in vectors behind lexical search; the index itself says which pieces still want one.

Before a piece gets its vector, the door looks for names in the texts of its row as they will be asked for: so
a question need not wait for that.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gateway import CloisterError, Principal, Role, log
from retrieval.crm import CrmError
from retrieval.index import Embedder, Index, ReadsAhead, Waiting
from retrieval.pieces import texts_to_read
from retrieval.records import Records

from .build import Builder
from .family import Family
from .mirror import Mirror

_SELF: Final = Principal("retrieval", "retrieval", frozenset({Role.SERVICE}), "Record index")
_LOOK_AHEAD: Final = 16
_READ_AT_ONCE: Final = 32
_READ_AT_MOST: Final = 8_000  # characters; what is longer is read when it is asked for
_IDLE_S: Final = 2.0
_BACK_OFF_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)


class Filler:
    """Embeds what waits, through the door, in small batches so that a question is not kept waiting long."""

    def __init__(
        self,
        records: Records,
        index: Index,
        mirror: Mirror,
        builder: Builder,
        embedder: Embedder,
        batch: int,
        changed: Callable[[str, Iterable[str]], None],
        reader: ReadsAhead | None = None,
    ) -> None:
        """`changed` is told of rows that are no longer as the index has them."""
        self._records = records
        self._index = index
        self._mirror = mirror
        self._builder = builder
        self._embedder = embedder
        self._batch = batch
        self._changed = changed
        self._reader = reader
        self._stopped = False
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
                filled = await self.fill_some()
                self.error, failures = None, 0
                await asyncio.sleep(0 if filled else _IDLE_S)
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
        waiting = await self._index.waiting(self._batch * _LOOK_AHEAD)
        texts, asked_for = await self._texts(waiting)
        if not waiting:
            self.idle.set()
            return 0
        self.idle.clear()
        filled = 0
        order = sorted(texts, key=lambda piece: len(texts[piece]))
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            await self._read_ahead(dict.fromkeys(text for piece in batch for text in asked_for[piece]))
            vectors = await self._embedder.embed(_SELF, [texts[piece] for piece in batch], "index")
            filled += await self._mirror.add_vectors(dict(zip(batch, vectors, strict=True)))
        return filled

    async def _read_ahead(self, texts: Iterable[str]) -> None:
        unread = [text for text in texts if len(text) <= _READ_AT_MOST]
        for start in range(0, len(unread) if self._reader else 0, _READ_AT_ONCE):
            assert self._reader  # noqa: S101 - there is none without a reader
            await self._reader.read_ahead(_SELF, unread[start : start + _READ_AT_ONCE])

    async def _texts(
        self, waiting: Sequence[Waiting]
    ) -> tuple[dict[Waiting, str], dict[Waiting, Sequence[str]]]:
        """The texts of pieces, from the live rows, and the texts that are asked for when they are found.

        Pieces that have changed are left to the sync.
        """
        family = Family(self._records)
        by_kind: dict[str, dict[str, list[Waiting]]] = {}
        for piece in waiting:
            by_kind.setdefault(piece.kind, {}).setdefault(piece.key, []).append(piece)
        texts: dict[Waiting, str] = {}
        asked_for: dict[Waiting, Sequence[str]] = {}
        for kind, pieces in by_kind.items():
            rows = await self._records.rows(kind, list(pieces))
            kin = await family.kin(kind, list(rows.values()))
            for (key, row), one in zip(rows.items(), kin, strict=True):
                made = await asyncio.to_thread(self._builder.texts, kind, row, one)
                shown = texts_to_read(self._records.crm_map, kind, row) if one.acl else []
                for piece in pieces[key]:
                    text = made.get((piece.field, piece.ordinal))
                    if text is not None and self._builder.digest_of(text) == piece.digest:
                        texts[piece], asked_for[piece] = text.dense_text, shown
            current = {piece.key for piece in texts if piece.kind == kind}
            if different := pieces.keys() - current:
                self._changed(kind, different)
        return texts, asked_for
