"""The CRM's rows for the sync: what cannot be read is set aside, and the others are read all the same."""

from collections.abc import AsyncIterator, Sequence

from retrieval.crm import CrmMap, RowUnreadable
from retrieval.crm.map import Row
from retrieval.records import Records

from .parking import Parking, Stage


class Reader:
    """Rows by key and page by page. Every method raises `CrmUnavailable` and `CrmRefused`."""

    def __init__(self, records: Records, parking: Parking) -> None:
        self._records = records
        self._parking = parking

    @property
    def crm_map(self) -> CrmMap:
        return self._records.crm_map

    async def rows(self, kind: str, keys: Sequence[str]) -> dict[str, Row]:
        """The rows with these keys that can be read; the others are set aside."""
        if not keys:
            return {}
        try:
            found = await self._records.rows(kind, keys)
        except RowUnreadable as error:
            if len(keys) == 1:
                self._parking.park(kind, keys[0], Stage.READING, error)
                return {}
        else:
            gone = [key for key in keys if key not in found]
            self._parking.free(kind, [key for key in gone if self._parking.stage(kind, key) is Stage.READING])
            return found
        half = len(keys) // 2
        return await self.rows(kind, keys[:half]) | await self.rows(kind, keys[half:])

    async def pages(self, kind: str, limit: int) -> AsyncIterator[Sequence[Row]]:
        """All rows, `limit` at a time, in the order of their keys as long as all can be read."""
        key, after, seen = self.crm_map.entities[kind].key, None, set[str]()
        try:
            while page := await self._records.page(kind, after, limit):
                after = page[-1][key]
                seen.update(str(row[key]) for row in page)
                yield page
            return
        except RowUnreadable:
            left = [one for one in await self._records.keys(kind) if one not in seen]
        for start in range(0, len(left), limit):
            if page := list((await self.rows(kind, left[start : start + limit])).values()):
                yield page
