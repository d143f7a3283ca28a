"""Garbage collections that keep no question waiting.

The process remembers every row of the index. Python walks all of that whenever enough is new, and answers
nothing meanwhile: 200 ms for 45,000 rows. So it is walked when nobody waits, and what is there to stay is not
walked again.
"""

import asyncio
import gc
import time
from typing import Final

from .first import QuestionsFirst

_EVERY_S: Final = 3.0
_WAITS_S: Final = 30.0  # for a moment without a question
_LONG_S: Final = 0.02
_NEVER: Final = 1_000_000


async def keep_collections_short(first: QuestionsFirst) -> None:
    """Collect between questions until cancelled; a collection that took long sets aside what it walked.

    When twice as much is set aside as was there to stay, all of it is walked once more: what has become
    garbage since, such as the rows of an index that another one took the place of, must not stay for good.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], _NEVER)
    staying = 0
    try:
        while True:
            await asyncio.sleep(_EVERY_S)
            await first.give_way(_WAITS_S)
            began = time.perf_counter()
            gc.collect()
            if time.perf_counter() - began > _LONG_S:
                gc.freeze()
                if gc.get_freeze_count() > 2 * staying:
                    if staying:
                        gc.unfreeze()
                        gc.collect()
                        gc.freeze()
                    staying = gc.get_freeze_count()
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
