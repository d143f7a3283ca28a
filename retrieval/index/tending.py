"""Seeing to it that searching stays quick, for as long as the process lives."""

import asyncio
from typing import Final

from gateway import log

from .serving import Generations

_LOOK_S: Final = 60.0


async def tend(generations: Generations) -> None:
    """Let the engine build what makes it quick whenever enough has changed, until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_S)
        for opened in generations.all:
            try:
                if await opened.index.tend():
                    log.info("index.optimised", generation=opened.generation.name)
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                log.error("index.tending_failed", exc_info=error)
