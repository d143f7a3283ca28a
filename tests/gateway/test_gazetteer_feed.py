"""The gazetteer of a door: it follows what is published, forgets who is gone, and stands in no file."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from gateway import PublishedIdentity, open_keeper, publish_identities
from gateway.identities import GazetteerFeed
from gateway.keys import Keeper
from redaction import EntityType

from .conftest import Site


@asynccontextmanager
async def following(site: Site) -> AsyncIterator[GazetteerFeed]:
    feed = GazetteerFeed(site.database, open_keeper(site.settings.keeper))
    task = asyncio.create_task(feed.follow())
    try:
        await until(lambda: feed.version > 0)
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def publish(site: Site, *names: tuple[str, str], removals: tuple[str, ...] = ()) -> None:
    async with site.database.transaction() as session:
        items = [PublishedIdentity(name, EntityType.PERSON, entity, "name") for entity, name in names]
        await publish_identities(session, site.envelope, items, removals)


def somebody() -> tuple[str, str]:
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex[:12])
    return f"contact:{uuid.uuid4().hex[:10]}", f"Zeno {letters.capitalize()}"


def knows(feed: GazetteerFeed, name: str) -> bool:
    return bool(feed.current.find(f"ask {name} again"))


async def test_whoever_was_published_before_a_request_is_known_to_it(fresh: Site) -> None:
    async with following(fresh) as feed:
        entity, name = somebody()
        await publish(fresh, (entity, name))
        async with fresh.database.transaction() as session:
            gazetteer = await feed.catch_up(session)
        (span,) = gazetteer.find(f"and {name.lower()}?")
        assert span.entity == entity


async def test_a_name_that_was_changed_is_known_by_the_new_one_alone(fresh: Site) -> None:
    entity, before = somebody()
    _, after = somebody()
    await publish(fresh, (entity, before))
    async with following(fresh) as feed:
        assert knows(feed, before)
        await publish(fresh, (entity, after), removals=(entity,))
        await until(lambda: knows(feed, after) and not knows(feed, before))


async def test_whoever_comes_back_is_known_again(fresh: Site) -> None:
    entity, name = somebody()
    await publish(fresh, (entity, name))
    async with following(fresh) as feed:
        for _ in range(3):
            await publish(fresh, removals=(entity,))
            await publish(fresh, (entity, name))
            async with fresh.database.transaction() as session:
                gazetteer = await feed.catch_up(session)
            assert gazetteer.find(name)
        await publish(fresh, removals=(entity,))
        await until(lambda: not knows(feed, name))


async def test_whoever_comes_back_while_the_gazetteer_is_being_built_stays(
    fresh: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity, name = somebody()
    await publish(fresh, (entity, name))
    feed = GazetteerFeed(fresh.database, open_keeper(fresh.settings.keeper))
    await feed._load()
    await publish(fresh, removals=(entity,))
    async with fresh.database.transaction() as session:
        await feed.catch_up(session)
    real = asyncio.to_thread

    async def build_slowly(work: Callable[..., object], *arguments: object) -> object:
        built = await real(work, *arguments)
        monkeypatch.setattr(asyncio, "to_thread", real)
        await publish(fresh, (entity, name))
        async with fresh.database.transaction() as session:
            await feed.catch_up(session)
        return built

    monkeypatch.setattr(asyncio, "to_thread", build_slowly)
    await feed._build()
    assert knows(feed, name)


async def test_publishing_the_same_again_adds_nothing(fresh: Site) -> None:
    entity, name = somebody()
    await publish(fresh, (entity, name))
    async with following(fresh) as feed:
        before = len(feed.current)
        await publish(fresh, (entity, name), removals=(entity,))
        async with fresh.database.transaction() as session:
            gazetteer = await feed.catch_up(session)
        assert len(gazetteer) == before


async def test_no_customer_is_written_to_a_file(fresh: Site, tmp_path: Path) -> None:
    entity, name = somebody()
    await publish(fresh, (entity, name))
    with files_opened_for_writing() as opened:
        async with following(fresh) as feed:
            await publish(fresh, removals=(entity,))
            await until(lambda: not knows(feed, name))
        write_something(tmp_path / "seen")
    assert opened == [str(tmp_path / "seen")]


def write_something(path: Path) -> None:
    path.write_text("so that this test can fail")


@contextmanager
def files_opened_for_writing() -> Iterator[list[str]]:
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                opened.append(str(path))

    sys.addaudithook(watch)  # there is no taking it away again
    try:
        yield opened
    finally:
        watching = False


class Counted:
    """A keeper whose unwrapping is counted."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        self.calls += name == "unwrap_many"
        return getattr(self._keeper, name)


async def test_keys_are_unwrapped_a_page_at_a_time(fresh: Site) -> None:
    people = [somebody() for _ in range(30)]
    await publish(fresh, *people)
    keeper = Counted(open_keeper(fresh.settings.keeper))
    feed = GazetteerFeed(fresh.database, keeper)  # type: ignore[arg-type]
    await feed._load()
    assert all(knows(feed, name) for _, name in people)
    assert keeper.calls == 1
