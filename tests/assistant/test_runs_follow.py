"""Following a run over server-sent events: the real web process, a real door, and rights that may go."""

import asyncio
import base64
import json
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Header
from sqlalchemy import text

from assistant.answer import EventKind
from assistant.composition import register_all_events
from assistant.conversations import tell_news
from assistant.restoring import Viewer
from assistant.runs.service import append_event, finish
from assistant.runs.tables import Run, RunState
from assistant.settings import AnchorReading, WebSettings
from assistant.web import create_web_app
from gateway import (
    Database,
    DoorClient,
    DoorSettings,
    Envelope,
    KeeperSettings,
    ListenSettings,
    PeerSettings,
    Principal,
    PublishedIdentity,
    RevealGrant,
    Role,
    TextPart,
    Tokens,
    TrustSettings,
    create_account,
    create_door_app,
    create_http_client,
    install_error_handlers,
    issue_api_token,
    make_signing_key,
    open_keeper,
    principal_of_account,
    publish_identities,
)
from redaction import EntityType
from retrieval import RetrievalClient
from tests.gateway.conftest import until_ready
from tests.gateway.server import serving
from tests.migrated import Migrated

from .running import PASSAGE, opened

ANNA, BORIS = "Anna Weidenbach", "Boris Tannhauser"
KNOWN = (
    PublishedIdentity(ANNA, EntityType.PERSON, "contact:1", "name"),
    PublishedIdentity(BORIS, EntityType.PERSON, "contact:2", "name"),
)


@dataclass
class Person:
    """Somebody with an account, and a client that speaks for them."""

    principal: Principal
    http: httpx.AsyncClient


@dataclass
class Site:
    """The web process with a door; `rights` says which records a person may see."""

    web: Database
    work: Database
    address: str
    door: DoorClient
    retrieval: RetrievalClient
    rights: dict[str, set[str]] = field(default_factory=dict)

    @asynccontextmanager
    async def person(self, *visible: str) -> AsyncIterator[Person]:
        """A rep who may see these records."""
        async with self.web.transaction() as session:
            login = f"{uuid.uuid4().hex[:12]}@example.org"
            account = await create_account(session, login=login, name="Rep", roles=[Role.REP], password=None)
            principal = await principal_of_account(session, account_id=str(account.id))
            token = await issue_api_token(session, principal.id, label="test")
        self.rights[principal.id] = set(visible)
        headers = {"Authorization": f"Bearer {token.secret}"}
        async with httpx.AsyncClient(base_url=self.address, headers=headers, trust_env=False) as client:
            yield Person(principal, client)

    async def tokenised(self, rep: Person, run: Run, *texts: str) -> list[str]:
        """What the records say, as the conversation keeps it."""
        parts = [TextPart(str(number), one) for number, one in enumerate(texts)]
        redacted = await self.door.redact(rep.principal, run.conversation_id, parts, purpose="context")
        return [part.text for part in redacted.parts]

    async def say(self, run: Run, kind: EventKind, **data: Any) -> None:
        async with self.work.transaction() as session:
            await append_event(session, run.id, kind, data)

    async def end(self, run: Run) -> None:
        async with self.work.transaction() as session:
            await finish(session, await session.get_one(Run, run.id), RunState.DONE, "work")

    async def stored(self, run: Run) -> str:
        """Everything that is kept of the run's events."""
        async with self.work.engine.connect() as connection:
            kept = text("SELECT string_agg(data::text, ' ') FROM assistant.run_event WHERE run_id = :run")
            return str((await connection.execute(kept, {"run": run.id})).scalar_one())


def records(tokens: Tokens, rights: dict[str, set[str]]) -> FastAPI:
    """A retrieval process that shows and grants each person what they may see at this moment."""
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/v1/grants")
    async def grants(asked: dict[str, Any], authorization: Annotated[str, Header()]) -> dict[str, Any]:
        principal = tokens.principal(authorization.removeprefix("Bearer "), audience="retrieval")
        fields = {entity: ["*"] for entity in asked["entities"] if entity in rights.get(principal.id, ())}
        grant = RevealGrant(principal.id, asked["conversation"], fields)
        return {"grant": tokens.reveal_grant(grant), "seconds": 60}

    @app.post("/v1/visible")
    async def visible(asked: dict[str, Any], authorization: Annotated[str, Header()]) -> dict[str, Any]:
        principal = tokens.principal(authorization.removeprefix("Bearer "), audience="retrieval")
        return {"entities": [one for one in asked["entities"] if one in rights.get(principal.id, ())]}

    return app


@pytest.fixture(scope="module")
async def site(
    appliance_database: Migrated,
    web_database: Database,
    work_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    register_all_events()
    folder = tmp_path_factory.mktemp("site")
    trust = _trust(folder)
    keyring = tmp_path_factory.getbasetemp() / "site-keyring"  # one for every site on this database
    if not keyring.exists():
        keyring.write_text(base64.b64encode(os.urandom(32)).decode())
    keeper = KeeperSettings(keyring_file=keyring)
    publisher = appliance_database.database("cloister_retrieval")
    async with publisher.transaction() as session:
        await publish_identities(session, Envelope(open_keeper(keeper)), KNOWN)
    await publisher.close()
    door = DoorSettings.model_validate(
        {
            "listen": ListenSettings(port=1),
            "database": appliance_database.settings("cloister_door"),
            "trust": trust["door"],
            "keeper": keeper,
            "names": {"enabled": False},
        }
    )
    rights: dict[str, set[str]] = {}
    async with (
        serving(create_door_app(door)) as door_url,
        serving(records(Tokens(trust["retrieval"]), rights)) as records_url,
        create_http_client(door_url, read_timeout=30) as door_http,
        create_http_client(records_url) as records_http,
    ):
        await until_ready(door_http)
        web = WebSettings(
            listen=ListenSettings(port=1),
            database=appliance_database.settings("cloister_web"),
            trust=trust["web"],
            door=PeerSettings(url=door_url),
            retrieval=PeerSettings(url=records_url),
            anchors=AnchorReading(folder=folder, public_key_file=folder / "web.pub"),
            state_folder=folder,
        )
        async with serving(create_web_app(web)) as address:
            tokens = Tokens(trust["web"])
            clients = DoorClient(door_http, tokens), RetrievalClient(records_http, tokens)
            yield Site(web_database, work_database, address, *clients, rights)


def _trust(folder: Path) -> dict[str, TrustSettings]:
    names = ("web", "retrieval", "door")
    for name in names:
        make_signing_key(folder / f"{name}.jwk", folder / f"{name}.pub")
    trusted = {name: folder / f"{name}.pub" for name in names}
    return {
        name: TrustSettings(issuer=name, key_file=folder / f"{name}.jwk", trusted=trusted) for name in names
    }


def _event(block: str) -> tuple[int, str, Any]:
    fields = dict(line.split(": ", 1) for line in block.splitlines())
    return int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])


async def events(person: Person, run: Run, last: str | None = None) -> list[tuple[int, str, Any]]:
    """Number, kind and data of what the stream of an ended run holds."""
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = await person.http.get(f"/api/v1/runs/{run.id}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [_event(block) for block in answer.text.split("\n\n") if block and not block.startswith(":")]


@asynccontextmanager
async def following(
    person: Person, run: Run, last: str | None = None
) -> AsyncIterator[AsyncIterator[tuple[int, str, Any]]]:
    """The same as it comes, for a run that goes on."""
    headers = {} if last is None else {"Last-Event-ID": last}

    async def read(response: httpx.Response) -> AsyncIterator[tuple[int, str, Any]]:
        block = ""
        async for line in response.aiter_lines():
            if line:
                block += line + "\n"
            elif block and not block.startswith(":"):
                yield _event(block)
                block = ""

    path = f"/api/v1/runs/{run.id}/events"
    async with asyncio.timeout(30), person.http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        yield read(response)


def sentences(taken: Sequence[tuple[int, str, Any]]) -> list[str]:
    return [data["text"] for _, kind, data in taken if kind == "sentence"]


async def ended_run(site: Site, person: Person) -> Run:
    """Five events: accepted, three sentences, done."""
    run = await opened(site.web, person.principal)
    for number in range(3):
        await site.say(run, EventKind.SENTENCE, index=number, text=f"Sentence {number}.")
    await site.end(run)
    return run


async def test_who_comes_back_gets_only_what_came_after_the_last_event_they_saw(site: Site) -> None:
    async with site.person() as rep:
        run = await ended_run(site, rep)
        assert [number for number, *_ in await events(rep, run)] == [1, 2, 3, 4, 5]
        later = await events(rep, run, "3")
        assert [number for number, *_ in later] == [4, 5]
        assert sentences(later) == ["Sentence 2."]


async def is_new(rep: Person, run: Run) -> bool:
    """Whether the side list of conversations marks this one."""
    found = (await rep.http.get("/api/v1/conversations")).json()
    return next(bool(one["unread"]) for one in found if one["id"] == str(run.conversation_id))


async def test_a_conversation_is_new_from_what_came_until_it_is_opened_or_watched(site: Site) -> None:
    async with site.person() as rep:
        run = await opened(site.web, rep.principal)
        address = f"/api/v1/conversations/{run.conversation_id}"
        await rep.http.get(address)
        assert not await is_new(rep, run)
        await site.end(run)
        assert await is_new(rep, run), "the answer came while nobody was there"
        await events(rep, run)
        assert not await is_new(rep, run), "it was watched to its end"
        for change in ({"pinned": True}, {"title": "Pumps"}):
            assert (await rep.http.patch(address, json=change)).is_success
            assert not await is_new(rep, run), "nothing came"


async def test_a_question_makes_nothing_new_before_something_came(site: Site) -> None:
    async with site.person() as rep:
        asked = {"question": "What is open?"}
        first = (await rep.http.post("/api/v1/runs", json=asked)).json()
        async with site.web.transaction() as session:
            run = await session.get_one(Run, uuid.UUID(first["id"]))
        assert not await is_new(rep, run)
        await site.end(run)
        assert await is_new(rep, run)
        await rep.http.post("/api/v1/runs", json=asked | {"conversation": first["conversation"]})
        assert not await is_new(rep, run)


async def test_a_question_that_was_watched_makes_nothing_new(site: Site) -> None:
    async with site.person() as rep:
        run = await opened(site.web, rep.principal)
        await site.say(run, EventKind.ASKED, item="x")
        async with site.web.transaction() as session:
            await tell_news(session, run.conversation_id)
        assert await is_new(rep, run)
        async with rep.http.stream("GET", f"/api/v1/runs/{run.id}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: asked"):
                    break
            for _ in range(50):
                if not await is_new(rep, run):
                    break
                await asyncio.sleep(0.1)
        assert not await is_new(rep, run)


@pytest.mark.parametrize("last", ["5", "6", "999999999"])
async def test_who_has_seen_the_end_is_told_not_to_come_back(site: Site, last: str) -> None:
    async with site.person() as rep:
        run = await ended_run(site, rep)
        answer = await rep.http.get(f"/api/v1/runs/{run.id}/events", headers={"Last-Event-ID": last})
        assert (answer.status_code, answer.content) == (204, b"")


async def test_who_comes_back_to_a_run_that_goes_on_hears_the_rest_as_it_comes(site: Site) -> None:
    async with site.person() as rep:
        run = await opened(site.web, rep.principal)
        await site.say(run, EventKind.SENTENCE, index=0, text="First.")
        async with following(rep, run, "1") as coming:
            assert await anext(coming) == (2, "sentence", {"index": 0, "text": "First."})
            await site.say(run, EventKind.SENTENCE, index=1, text="Second.")
            assert (await anext(coming))[0] == 3
            await site.end(run)
            assert [number async for number, *_ in coming] == [4]


@pytest.mark.parametrize("last", ["abc", "-1", "1.5", "1 2", "0x1", "1234567890", "1; DROP TABLE"])
async def test_a_last_event_that_is_no_number_is_refused(site: Site, last: str) -> None:
    async with site.person() as rep:
        run = await ended_run(site, rep)
        answer = await rep.http.get(f"/api/v1/runs/{run.id}/events", headers={"Last-Event-ID": last})
        assert answer.status_code == 400
        assert answer.json()["detail"] == "Last-Event-ID must be a number."


async def test_nobody_follows_the_run_of_another(site: Site) -> None:
    async with site.person("contact:1") as rep, site.person("contact:1") as other:
        run = await ended_run(site, rep)
        assert (await other.http.get(f"/api/v1/runs/{run.id}/events")).status_code == 404
        assert (await other.http.get(f"/api/v1/runs/{run.id}")).status_code == 404


async def test_the_rep_reads_the_name_and_what_is_kept_holds_the_token(site: Site) -> None:
    async with site.person("contact:1") as rep:
        run = await opened(site.web, rep.principal)
        [told] = await site.tokenised(rep, run, f"{ANNA} waits.")
        assert told == "<PERSON_1> waits."
        await site.say(run, EventKind.SENTENCE, index=0, text=told)
        await site.end(run)
        assert sentences(await events(rep, run)) == [f"{ANNA} waits."]
        read = (await rep.http.get(f"/api/v1/runs/{run.id}")).json()
        assert read["events"][1]["data"]["text"] == f"{ANNA} waits."
        stored = await site.stored(run)
        assert told in stored
        assert ANNA not in stored


async def test_whose_right_was_taken_away_reads_the_token_at_the_next_look(site: Site) -> None:
    async with site.person("contact:1", "contact:2") as rep:
        run = await opened(site.web, rep.principal)
        [told] = await site.tokenised(rep, run, f"{ANNA} met {BORIS}.")
        await site.say(run, EventKind.SENTENCE, index=0, text=told)
        await site.end(run)
        assert sentences(await events(rep, run)) == [f"{ANNA} met {BORIS}."]
        site.rights[rep.principal.id].remove("contact:2")
        assert sentences(await events(rep, run)) == [f"{ANNA} met <PERSON_2>."]
        assert BORIS not in (await rep.http.get(f"/api/v1/runs/{run.id}")).text


async def test_a_viewer_without_the_grant_reads_the_token(site: Site) -> None:
    async with site.person("contact:1") as rep, site.person() as other:
        run = await opened(site.web, rep.principal)
        told = await site.tokenised(rep, run, f"{ANNA} waits.")
        mine = Viewer(site.door, site.retrieval, rep.principal, run.conversation_id)
        theirs = Viewer(site.door, site.retrieval, other.principal, run.conversation_id)
        assert await mine.texts(told) == [f"{ANNA} waits."]
        assert await theirs.texts(told) == ["<PERSON_1> waits."]


async def test_who_follows_reads_a_name_that_came_up_while_they_did(site: Site) -> None:
    async with site.person("contact:1", "contact:2", str(PASSAGE["entity"])) as rep:
        run = await opened(site.web, rep.principal)
        [first] = await site.tokenised(rep, run, f"{ANNA} waits.")
        async with following(rep, run, "1") as coming:
            await site.say(run, EventKind.SENTENCE, index=0, text=first)
            assert (await anext(coming))[2]["text"] == f"{ANNA} waits."
            [title] = await site.tokenised(rep, run, f"Note on {BORIS}")
            passage = {**PASSAGE, "title": title}
            await site.say(run, EventKind.SOURCES, passages=[passage], facts=[], stale=False)
            assert (await anext(coming))[2]["passages"][0]["title"] == f"Note on {BORIS}"
            await site.end(run)
            assert [kind async for _, kind, _ in coming] == ["done"]


async def test_where_rights_cannot_be_asked_a_viewer_reads_tokens(site: Site) -> None:
    async with site.person("contact:1") as rep, create_http_client("http://127.0.0.1:9") as nobody:
        run = await opened(site.web, rep.principal)
        told = await site.tokenised(rep, run, f"{ANNA} waits.")
        away = RetrievalClient(nobody, site.retrieval._tokens)
        assert await Viewer(site.door, away, rep.principal, run.conversation_id).texts(told) == told


async def test_a_title_is_cut_where_it_was_typed_whoever_is_named(site: Site) -> None:
    """The cut of a tokenised title told who is known: a token has another length than a name."""
    titles = {}
    async with site.person() as rep:
        for name in (BORIS.lower(), "morit wunderkamm"):
            assert len(name) == len(BORIS)
            asked = f"what was promised to {name} about " + "the pump and " * 11
            opened_run = (await rep.http.post("/api/v1/runs", json={"question": asked})).json()
            titles[name] = next(
                one["title"].replace(name, "…")
                for one in (await rep.http.get("/api/v1/conversations")).json()
                if one["id"] == opened_run["conversation"]
            )
    assert len(set(titles.values())) == 1
    assert len(titles.popitem()[1]) < 160


async def test_what_was_said_of_an_answer_is_read_again_as_it_was_written(site: Site) -> None:
    note = f"it forgot {BORIS.lower()} and morit wunderkamm"
    async with site.person() as rep:
        run = await ended_run(site, rep)
        rated = {"thumb": "down", "reason": "other", "text": note}
        assert (await rep.http.post(f"/api/v1/runs/{run.id}/feedback", json=rated)).status_code == 204
        read = (await rep.http.get(f"/api/v1/runs/{run.id}")).json()
        thread = (await rep.http.get(f"/api/v1/conversations/{run.conversation_id}")).json()
    assert read["feedback"]["note"] == note
    assert thread["runs"][0]["feedback"]["note"] == note
    async with site.work.transaction() as session:
        kept = (await session.get_one(Run, run.id)).feedback
    assert BORIS.lower() not in str(kept)
