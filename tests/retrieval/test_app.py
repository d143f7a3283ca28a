"""The process at its edges: what it needs, what it says when a part is missing, whom it lets in."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from gateway import NotAllowed, PartUnavailable, Role, SettingsError
from retrieval import CrmSettings, create_retrieval_app

from .oracle import Oracle
from .stand import ADMIN, READER_PASSWORD, Running, Stand, principal
from .test_sync import is_ready, until

OPEN = {"/healthz", "/readyz", "/metrics"}


def test_every_route_asks_who_is_there(stand: Stand) -> None:
    app: FastAPI = create_retrieval_app(stand.settings)
    guarded, checked = set(), 0
    for context in iter_route_contexts(app.routes):
        path = str(getattr(context, "path", ""))
        if path in OPEN:
            continue
        checked += 1
        names = {one.call.__name__ for one in _dependencies(context.dependant) if one.call}
        assert "_calling_principal" in names, path
        guarded.add(path)
    assert "/v1/search" in guarded
    assert checked >= 5


def _dependencies(dependant: Any) -> list[Any]:
    return [dependant, *(one for inner in dependant.dependencies for one in _dependencies(inner))]


async def test_without_a_token_there_is_nothing(running: Any) -> None:
    for method, path in (
        ("POST", "/v1/search"),
        ("POST", "/v1/grants"),
        ("POST", "/v1/entities"),
        ("GET", "/v1/sync"),
        ("POST", "/v1/sync/run"),
    ):
        assert (await running.http.request(method, path, json={"question": "x"})).status_code == 401
    foreign = running.stand.web.for_principal(ADMIN, "door")
    answer = await running.http.get("/v1/sync", headers={"Authorization": f"Bearer {foreign}"})
    assert answer.status_code == 401


async def test_empty_and_endless_questions_are_refused(running: Any) -> None:
    token = running.stand.web.for_principal(principal("a@example.org"), "retrieval")
    for question in ("", "x" * 100_000):
        answer = await running.http.post(
            "/v1/search", json={"question": question}, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 400
        assert "question" in answer.json()["detail"]


async def test_it_starts_without_a_crm_says_so_and_recovers(stand: Stand) -> None:
    person = Oracle(stand.crm_dsn).people[0]
    reader = stand.settings.crm.user
    stand.crm(f'ALTER ROLE "{reader}" NOLOGIN')
    async with stand.running() as process:
        await until(lambda: _missing(process, "CRM database"))
        assert (await process.http.get("/healthz")).status_code == 200
        result = await process.client.search(principal(person.login), "refund limits")
        assert (result.crm_available, result.passages) == (False, ())
        assert "CRM does not answer" in result.notices[0]
        with pytest.raises(PartUnavailable, match="CRM does not answer"):
            await process.client.grant(principal(person.login), "c", entities=("account:1",))
        stand.crm(f'ALTER ROLE "{reader}" LOGIN')
        await until(lambda: is_ready(process), 40)
        result = await process.client.search(principal(person.login), "refund limits")
        assert result.passages


async def _missing(process: Any, part: str) -> bool:
    answer = await process.http.get("/readyz")
    return bool(answer.status_code == 503 and answer.json()["part"] == part)


async def test_a_crm_that_goes_away_and_comes_back_is_noticed(stand: Stand) -> None:
    person = Oracle(stand.crm_dsn).people[0]
    reader = stand.settings.crm.user
    async with stand.running() as process:
        await until(lambda: is_ready(process))
        stand.crm(f'ALTER ROLE "{reader}" NOLOGIN')
        stand.crm("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", reader)
        result = await process.client.search(principal(person.login), "refund limits")
        assert (result.crm_available, result.stale, result.facts) == (False, True, ())
        assert {passage.entity.partition(":")[0] for passage in result.passages} <= {"article"}
        await until(lambda: _missing(process, "CRM database"))
        stand.crm(f'ALTER ROLE "{reader}" LOGIN')
        await until(lambda: is_ready(process), 40)


async def test_a_crm_that_hangs_is_noticed_and_nobody_waits_for_it(stand: Stand) -> None:
    person = Oracle(stand.crm_dsn).people[0]
    async with _Line(stand.settings.crm.port) as line:
        crm = stand.settings.crm.model_copy(
            update={"port": line.port, "timeout_s": 1.0, "question_timeout_s": 0.5}
        )
        hanging = replace(stand, settings=stand.settings.model_copy(update={"crm": crm}))
        async with hanging.running() as process:
            await until(lambda: is_ready(process), 40)
            line.moving.clear()
            async with asyncio.timeout(60):
                result = await process.client.search(principal(person.login), "refund limits")
                assert (result.crm_available, result.stale, result.facts) == (False, True, ())
                assert {passage.entity.partition(":")[0] for passage in result.passages} <= {"article"}
                await until(lambda: _missing(process, "CRM database"))
            line.moving.set()
            await until(lambda: is_ready(process), 40)
            assert (await process.client.search(principal(person.login), "refund limits")).passages


class _Line:
    """A line to the database that can be held: whoever speaks through it then hears nothing."""

    def __init__(self, port: int) -> None:
        self._beyond = port
        self._ends = list[asyncio.Task[None]]()
        self.moving = asyncio.Event()
        self.moving.set()

    async def __aenter__(self) -> "_Line":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for end in self._ends:
            end.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", self._beyond)
        for source, sink in ((reader, beyond_writer), (beyond_reader, writer)):
            self._ends.append(asyncio.create_task(self._carry(source, sink)))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self.moving.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass  # an end was cut: so is the other
        finally:
            sink.close()


async def test_without_the_door_words_alone_find(stand: Stand) -> None:
    person = Oracle(stand.crm_dsn).people[0]
    async with stand.running(embedder=_NoDoor()) as process:
        await process.caught_up()
        result = await process.client.search(principal(person.login), "refund limits")
        assert result.passages
        assert "words only" in result.notices[0]


class _NoDoor:
    """A door that does not answer."""

    async def embed(self, principal: Any, texts: Any, purpose: Any) -> list[list[float]]:
        raise PartUnavailable("door", "The door cannot be reached.")


def test_a_broken_map_stops_the_start_with_its_lines(stand: Stand, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("crm: x\nversion: 1\nentities: {}\n")
    crm: CrmSettings = stand.settings.crm.model_copy(update={"map_file": broken})
    with pytest.raises(SettingsError, match=r"broken\.yaml"):
        create_retrieval_app(stand.settings.model_copy(update={"crm": crm}))


async def test_a_second_process_on_the_same_index_is_refused(
    running: Any, new_stand: Callable[..., Stand]
) -> None:
    app = create_retrieval_app(running.stand.settings)
    with pytest.raises(PartUnavailable, match="in use by another process"):
        async with app.router.lifespan_context(app):
            pass


async def test_what_is_asked_is_recorded_without_its_text(running: Any, stand: Stand) -> None:
    person = Oracle(stand.crm_dsn).people[0]
    await running.client.search(principal(person.login), "refund for Zebedee")
    events = stand.appliance(
        "SELECT actor, detail::text FROM gateway.audit_event WHERE event = 'records.searched'"
    )
    assert [actor for actor, _ in events] == [f"id-of-{person.login}"]
    assert "Zebedee" not in events[0][1]
    assert READER_PASSWORD not in events[0][1]


async def test_facts_are_named_to_those_who_may_read_how_queues_are_described(running: Running) -> None:
    labels = await running.client.fact_labels(ADMIN)
    assert {"status", "open balance", "account status"} <= set(labels)
    assert await running.client.fact_labels(principal("olga@example.org", Role.OFFICER)) == labels
    with pytest.raises(NotAllowed):
        await running.client.fact_labels(principal("rep@example.org", Role.REP))
