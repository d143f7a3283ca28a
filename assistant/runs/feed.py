"""The feed: one LISTEN connection wakes every page that follows a run. Ids travel, never content."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql

from gateway import listening, log

from .service import CHANNEL

_RETRY_SECONDS: Final = 1.0


class RunFeed:
    """Run `listen` as a task; `subscribe` gives an event that is set when the run has news.

    Followers must also look at the database from time to time: a notification can be missed while the
    connection is being made anew.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._followers: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def subscribe(self, run_id: str) -> Iterator[asyncio.Event]:
        """An event for this run, for as long as the block lasts."""
        news = asyncio.Event()
        self._followers[run_id].add(news)
        try:
            yield news
        finally:
            self._followers[run_id].discard(news)
            if not self._followers[run_id]:
                del self._followers[run_id]

    async def listen(self) -> None:
        """Listen until cancelled, connecting again when the database comes back."""
        while True:
            try:
                await self._listen_once()
            except psycopg.OperationalError as error:
                log.warning("feed.lost", reason=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self) -> None:
        async with listening(self._conninfo) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            for followers in self._followers.values():
                for news in followers:
                    news.set()
            async for notification in connection.notifies():
                for news in self._followers.get(notification.payload, ()):
                    news.set()
