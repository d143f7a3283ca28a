"""One process writes the index, any number search it: who may, what the others see, and who takes over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import TimeoutError as NoRoom

from gateway import Database, PartUnavailable
from retrieval import IndexSettings, RetrievalSettings
from retrieval.sync import Writer
from retrieval.sync.role import SUPERSEDED

from .oracle import Oracle
from .qdrant_server import READ_KEY, ScriptedQdrant
from .stand import ADMIN, Running, Stand, principal
from .test_index_conformance import scripted
from .test_sync import is_ready, until


@pytest.fixture
async def database(stand: Stand) -> AsyncIterator[Database]:
    made = Database(stand.settings.database)
    yield made
    await made.close()


async def test_only_one_process_may_write_and_the_other_says_who_does(database: Database) -> None:
    first, second = Writer(database), Writer(database)
    await first.take(0)
    await first.take(0)
    with pytest.raises(PartUnavailable, match=r"Another retrieval process \(since .*role: searcher"):
        await second.take(0)
    assert (first.held, second.held) == (True, False)
    await first.release()
    await second.take(0)
    assert (first.held, second.held) == (False, True)
    await second.release()


async def test_whoever_loses_the_database_stops_writing_and_another_takes_over(
    stand: Stand, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.role._LOOK_S", 0.05)
    said: list[str] = []

    async def write(name: str) -> None:
        said.append(f"{name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            said.append(f"{name} ends")

    first, second = Writer(database), Writer(database)
    await first.take(0)
    async with AsyncExitStack() as stack:
        for name, writer in (("first", first), ("second", second)):
            for work in (writer.hold(), writer.while_held(lambda name=name: write(name))):  # type: ignore[misc]
                stack.push_async_callback(_stop, asyncio.create_task(work))

        async def is_said(sentence: str) -> bool:
            return sentence in said

        await until(lambda: is_said("first begins"))
        holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        ((pid,),) = stand.appliance(holders)
        stand.appliance("SELECT pg_terminate_backend(%s)", pid)
        await until(lambda: is_said("first ends"))
        async with asyncio.timeout(20):
            while first.held == second.held:  # noqa: ASYNC110 - the database is waited for
                await asyncio.sleep(0.02)
        assert len(stand.appliance(holders)) == 1


async def is_superseded(writer: Writer) -> bool:
    return writer.missing == SUPERSEDED


async def test_a_process_that_lost_the_lock_to_another_writes_no_more(
    stand: Stand, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.role._LOOK_S", 0.05)
    first, second = Writer(database), Writer(database)
    await first.take(0)
    ((pid,),) = stand.appliance("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    stand.appliance("SELECT pg_terminate_backend(%s)", pid)
    await until(lambda: taken(second))
    holding = asyncio.create_task(first.hold())
    await until(lambda: is_superseded(first))
    await second.release()
    assert not await _ever(lambda: first.held)
    await _stop(holding)


async def taken(writer: Writer) -> bool:
    try:
        await writer.take(0)
    except PartUnavailable:
        return False
    return True


async def _ever(condition: Callable[[], bool]) -> bool:
    """Whether something holds within many of the looks of a process."""
    for _ in range(20):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def _stop(task: asyncio.Task[None]) -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


async def test_a_database_that_is_away_can_be_waited_for(stand: Stand) -> None:
    away = stand.settings.database.model_copy(update={"port": 9})
    database = Database(away)
    writer = Writer(database)
    with pytest.raises(PartUnavailable, match="database cannot be reached"):
        await writer.take(0)
    await writer.take(0, or_later=True)
    assert not writer.held
    assert writer.missing
    await database.close()


def test_an_index_in_a_folder_has_one_process(stand: Stand) -> None:
    for role in ("writer", "searcher"):
        with pytest.raises(ValidationError, match=r"needs index\.server"):
            RetrievalSettings.model_validate({**dict(stand.settings), "role": role})


@asynccontextmanager
async def processes(stand: Stand, folder: Path) -> AsyncIterator[tuple[ScriptedQdrant, Stand, Stand]]:
    """A server, and the settings of its writer and of a searcher, whose key may only read."""
    async with scripted(folder, 1) as (server, reaching):
        (folder / "read-key").write_text(READ_KEY)
        reading = reaching.model_copy(update={"api_key_file": folder / "read-key"})

        def given(role: str, its: Any) -> Stand:
            index = IndexSettings(folder=stand.folder / "none", server=its, dimensions=48)
            settings = stand.settings.model_copy(update={"index": index, "role": role})
            return replace(stand, settings=settings)

        yield server, given("writer", reaching), given("searcher", reading)


async def test_a_searcher_finds_what_the_writer_wrote_and_changes_nothing(
    stand: Stand, tmp_path: Path
) -> None:
    from retrieval import HashedWords

    person = principal(Oracle(stand.crm_dsn).people[0].login)
    words = HashedWords(48)
    async with processes(stand, tmp_path) as (server, writing, searching):
        async with searching.running(words) as searcher:
            assert (await searcher.http.get("/readyz")).status_code == 503
            async with writing.running(words) as writer:
                await writer.caught_up()
                await writer.vectors_filled()  # else the two are asked of different vectors
                await until(lambda: is_ready(searcher), 40)
                mine = await writer.client.search(person, "refund limits")
                theirs = await searcher.client.search(person, "refund limits")
                assert [one.id for one in theirs.passages] == [one.id for one in mine.passages] != []
                assert not theirs.stale

                stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
                await until(lambda: _found(searcher, person, "Zwirbelventil"))
                status = await searcher.client.sync_status(ADMIN)
                assert status.ready
                assert {one.rows for one in status.entities} != {0}
                refused = await searcher.http.post("/v1/sync/run", headers=_as_admin(searching))
                assert refused.status_code == 409
                assert "only searches" in refused.json()["detail"]
                second = writing.running(words)
                with pytest.MonkeyPatch.context() as patch, pytest.raises(PartUnavailable, match="Another"):
                    patch.setattr("retrieval.app._PATIENCE_S", 0)
                    await second.__aenter__()
            assert await _found(searcher, person, "Zwirbelventil")  # the writer is gone; the index is not
            async with writing.running(words) as again:
                await again.caught_up()
        assert {one.query.get("wait", "true") for one in server.asked} == {"true"}


async def test_a_searcher_says_too_that_the_crm_does_not_answer(stand: Stand, tmp_path: Path) -> None:
    from retrieval import HashedWords

    async with processes(stand, tmp_path) as (_, _, searching):
        stand.crm(f'ALTER ROLE "{stand.settings.crm.user}" NOLOGIN')
        async with searching.running(HashedWords(48)) as searcher:

            async def is_said() -> bool:
                return bool((await searcher.http.get("/readyz")).json().get("part") == "CRM database")

            await until(is_said)


async def _found(process: Running, person: Any, words: str) -> bool:
    return bool((await process.client.search(person, words)).passages)


def _as_admin(stand: Stand) -> dict[str, str]:
    return {"Authorization": f"Bearer {stand.web.for_principal(ADMIN, 'retrieval')}"}


async def test_whatever_fails_it_asks_for_the_lock_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sync.role._LOOK_S", 0.05)
    writer = Writer(database)
    faults: list[Exception] = [RuntimeError("a fault"), NoRoom("no connection is free")]
    ask = writer._try

    async def fail_first() -> bool:
        if faults:
            raise faults.pop()
        return await ask()

    monkeypatch.setattr(writer, "_try", fail_first)
    holding = asyncio.create_task(writer.hold())

    async def is_held() -> bool:
        return writer.held

    await until(is_held)
    assert faults == []
    await _stop(holding)


async def test_who_has_the_lock_is_not_said_when_no_connection_is_free(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def connect(self) -> None:
            raise NoRoom("no connection is free")

    with monkeypatch.context() as patch:
        patch.setattr(database, "engine", Full())
        sentence = await Writer(database)._refusal()
    assert sentence.startswith("Another retrieval process keeps this index")


async def test_a_process_that_may_not_write_refuses_what_would(stand: Stand, database: Database) -> None:
    second = Writer(database)
    async with stand.running() as process:
        await process.caught_up()
        await process.client.sync_verify(ADMIN)
        ((pid,),) = stand.appliance("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
        stand.appliance("SELECT pg_terminate_backend(%s)", pid)
        await until(lambda: taken(second))
        await until(lambda: is_superseded(process.state["writer"]))
        assert not (await process.client.sync_verified(ADMIN)).running
        for path, body in (
            ("sync/run", None),
            ("sync/resolve", {"entity": "article", "allow_deletes": True}),
            ("sync/verify", {"dry_run": False}),
            ("sync/rebuild", None),
            ("sync/parked/retry", None),
            ("index/optimise", None),
            ("index/backup", None),
            ("index/restore", {"name": "a.gz"}),
        ):
            refused = await process.http.post(f"/v1/{path}", json=body, headers=_as_admin(stand))
            assert (refused.status_code, refused.json()["detail"]) == (409, SUPERSEDED)
        assert (await process.http.get("/v1/sync", headers=_as_admin(stand))).status_code == 200
        assert (await process.http.get("/v1/index", headers=_as_admin(stand))).status_code == 200
        assert (await process.http.post("/v1/sync/run")).status_code == 401
        await second.release()
