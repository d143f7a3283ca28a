"""Whether the CRM answers at this moment: on its log a quiet CRM and a dead one sound the same."""

import asyncio
from typing import Final

from gateway import log
from retrieval.crm import CrmError
from retrieval.records import Records

_BEAT_S: Final = 2.0


class Pulse:
    """Asks the CRM again and again, within the time that a question may take."""

    def __init__(self, records: Records) -> None:
        """`records` are those that questions are answered from, with their limit."""
        self._records = records
        self.fault: str | None = None
        """The sentence that says that the CRM does not answer, None while it does."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self._records.ping()
                self.fault = None
            except CrmError as error:  # one that refuses is of as little use as one that is silent
                if self.fault is None:
                    log.warning("crm.silent", reason=type(error).__name__)
                self.fault = str(error)
            await asyncio.sleep(_BEAT_S)
