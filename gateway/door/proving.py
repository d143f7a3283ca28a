"""The door proves itself before it opens: made-up identities must be hidden by the detectors as they run."""

import asyncio
import gc
from contextlib import suppress
from typing import Final

from gateway.errors import PartUnavailable
from gateway.identities import GazetteerFeed
from gateway.telemetry import log
from redaction import (
    CANARIES,
    CANARY_CUSTOMERS,
    DetectorFailed,
    Gazetteer,
    Redactor,
    Span,
    check_canaries,
    describe_failures,
)

from .names import NamePool

_PART: Final = "redaction check"
_NOT_YET: Final = "The detectors are being tried with made-up identities; questions are taken when they pass."
_LOOK_S: Final = 0.1
_AGAIN_S: Final = 2.0
_FAILED_AGAIN_S: Final = 60.0
_DOOR: Final = "the door itself"


class Proving:
    """Starts the workers of names, and tries all detectors with canaries whenever workers were started.

    Until they have passed, and when they fail, nothing is redacted, and `/readyz` names what was not hidden
    by kind. It is the real gazetteer that is asked, with customers of nobody's put into it.
    """

    def __init__(self, feed: GazetteerFeed, names: NamePool, redactor: Redactor) -> None:
        self._feed = feed
        self._names = names
        self._redactor = redactor
        self._passed = -1
        self._fault = ""

    def require(self) -> None:
        """Raise `PartUnavailable` unless the detectors have passed, and have not failed since."""
        if self._fault or self._passed < 0:
            raise PartUnavailable(_PART, self._fault or _NOT_YET)

    def require_now(self) -> None:
        """Raise it too while workers that were started anew have not passed."""
        self.require()
        if self._passed != self._names.generation:
            raise PartUnavailable(_PART, _NOT_YET)

    async def follow(self) -> None:
        """Start the workers and prove them, again when they had to be ended; until cancelled."""
        while True:
            try:
                if not self._names.ready:
                    await self._names.warm()
                await self._prove(await self._loaded())
            except PartUnavailable as error:
                log.warning("door.unproven", part=error.part)
                await asyncio.sleep(_AGAIN_S)
                continue
            if self._fault:
                log.error("door.canaries_failed", sentence=self._fault)
                await asyncio.sleep(_FAILED_AGAIN_S)
                continue
            # Looking through all that was loaded for garbage would hold up every request for a while.
            gc.collect()
            gc.freeze()
            await self._names.cold()

    async def _loaded(self) -> Gazetteer:
        """The list of customers, when it is there."""
        while True:
            with suppress(PartUnavailable):
                return self._feed.current
            await asyncio.sleep(_LOOK_S)

    async def _prove(self, gazetteer: Gazetteer) -> None:
        generation = self._names.generation
        tried = await asyncio.to_thread(gazetteer.with_delta, CANARY_CUSTOMERS)
        redactor = self._redactor.with_gazetteer(tried)
        texts = [canary.text for canary in CANARIES]
        spans = await self._names.read(texts, whose=_DOOR) if self._names.enabled else None

        def names_in(text: str) -> list[Span]:
            return [] if spans is None else spans[text]

        try:
            failed = await asyncio.to_thread(check_canaries, redactor, None if spans is None else names_in)
            self._fault = describe_failures(failed)
        except DetectorFailed as error:
            self._fault = str(error)
        self._passed = generation
