"""Names are looked for when a record comes into the index, not while somebody waits for an answer."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from assistant.answer.found import parts_of
from gateway import (
    DeploymentSettings,
    DoorClient,
    DoorSettings,
    ListenSettings,
    PeerSettings,
    Principal,
    Role,
    TextPart,
    Tokens,
    TrustSettings,
    create_door_app,
    create_http_client,
    make_signing_key,
)
from gateway.door.settings import NamesSettings
from retrieval import (
    RetrievalClient,
    RetrievalSettings,
    SearchResult,
    SyncSettings,
    create_retrieval_app,
    seed_demo_company,
)
from tests.gateway.conftest import until_ready
from tests.gateway.server import ModelServer, serving
from tests.migrated import migrated
from tests.retrieval.stand import Stand

FEW = """
DELETE FROM accounts WHERE id NOT IN (
    SELECT a.id FROM accounts a JOIN team_territories t USING (territory_id)
    JOIN team_members m USING (team_id) JOIN users u ON u.id = m.user_id
    WHERE u.email = 'maya@halden.example' AND NOT a.restricted ORDER BY a.id LIMIT 2
);
DELETE FROM cases WHERE id % 2 = 0;
DELETE FROM articles WHERE id > 2;
UPDATE cases SET status = 'open';
UPDATE contacts SET job_title = 'Deputy of Margaret Ravensworth';
"""
STRANGER = "Ravensworth"


class Dimensioned(ModelServer):
    """Gives vectors as long as the index wants them."""

    async def _embeddings(self, request):  # type: ignore[no-untyped-def]
        from starlette.responses import JSONResponse

        self.received.append(await request.body())
        texts = self.bodies[-1]["input"]
        rows = [{"index": n, "embedding": [1.0, *[0.0] * 383]} for n in range(len(texts))]
        return JSONResponse({"object": "list", "data": rows, "model": "m"})


class House:
    """A CRM, a door and the index between them."""

    def __init__(self, stand: Stand, door: DoorSettings, tokens: Tokens) -> None:
        self.stand = stand
        self._door = door
        self._tokens = tokens
        self.maya = Principal(str(uuid.uuid4()), "maya@halden.example", frozenset({Role.REP}), "Maya")

    @asynccontextmanager
    async def door(self) -> AsyncIterator[tuple[str, DoorClient]]:
        """A door with a memory of its own."""
        async with (
            serving(create_door_app(self._door)) as address,
            create_http_client(address, read_timeout=60) as http,
        ):
            await until_ready(http)
            yield address, DoorClient(http, self._tokens)

    @asynccontextmanager
    async def index(self, door: str) -> AsyncIterator[RetrievalClient]:
        """The filled index; its vectors and all that is read ahead come through the door."""
        peer = PeerSettings(url=door)
        settings = RetrievalSettings.model_validate({**dict(self.stand.settings), "door": peer})
        app: FastAPI = create_retrieval_app(settings)
        async with (
            serving(app) as address,
            create_http_client(address, read_timeout=60) as http,
        ):
            await until_ready(http)
            yield RetrievalClient(http, self._tokens)


@pytest.fixture
def house(new_database: Callable[[], str], tmp_path: Path) -> Callable[[str], House]:
    """On a database of its own: what it publishes is sealed with a keyring of its own."""
    appliance = migrated(new_database, tmp_path)
    crm = new_database()
    seed_demo_company(crm)
    with psycopg.connect(crm, autocommit=True) as connection:
        connection.execute(FEW)
    stand = Stand.make(tmp_path, appliance.superuser_dsn, crm, sync=SyncSettings(poll_s=0.2, sweep_s=600))
    names = ("web", "work", "retrieval", "door")
    for name in names:
        if not (tmp_path / f"{name}.pub").exists():
            make_signing_key(tmp_path / f"{name}.key", tmp_path / f"{name}.pub")
    trusted = {name: tmp_path / f"{name}.pub" for name in names}
    trust = {
        name: TrustSettings(issuer=name, key_file=tmp_path / f"{name}.key", trusted=trusted) for name in names
    }
    stand = Stand(
        stand.folder,
        stand.settings.model_copy(
            update={
                "trust": trust["retrieval"],
                "database": appliance.settings("cloister_retrieval"),
            }
        ),
        stand.crm_dsn,
        stand.appliance_dsn,
        stand.web,
    )

    def made(embedder: str) -> House:
        door = DoorSettings(
            listen=ListenSettings(port=1),
            database=appliance.settings("cloister_door"),
            trust=trust["door"],
            keeper=stand.settings.keeper,
            names=NamesSettings(workers=1),
            embeddings=[DeploymentSettings(name="minilm", url=embedder, model="embedding")],
        )
        return House(stand, door, Tokens(trust["work"]))

    return made


def read_by(where: str) -> float:
    return REGISTRY.get_sample_value("cloister_names_found_total", {"where": where}) or 0.0


async def filled(client: RetrievalClient, house: House) -> None:
    """Wait until every piece that wants a vector has one."""
    import asyncio

    admin = Principal(str(uuid.uuid4()), "robin@halden.example", frozenset({Role.ADMIN}), "Robin")
    async with asyncio.timeout(240):
        while True:
            status = await client.sync_status(admin)
            if status.ready and not status.filling and any(one.vectors for one in status.entities):
                return
            await asyncio.sleep(0.2)


async def found(client: RetrievalClient, house: House) -> list[SearchResult]:
    account = house.stand.crm("SELECT id FROM accounts ORDER BY id LIMIT 1")[0][0]
    contact = house.stand.crm("SELECT id FROM contacts ORDER BY id LIMIT 1")[0][0]
    return [
        await client.search(house.maya, question, entities=entities, scope=None, limit=8)
        for question, entities in (
            (f"what was promised to [account:{account}]", (f"account:{account}",)),
            (f"who is [contact:{contact}]", (f"contact:{contact}",)),
            ("which cases are open", ()),
            ("how do I return a heat pump", ()),
        )
    ]


@pytest.mark.timeout(400)
async def test_what_a_question_finds_was_read_when_it_came_into_the_index(
    house: Callable[[str], House],
) -> None:
    async with serving(Dimensioned().app()) as embedder:
        there = house(embedder)
        async with there.door() as (address, door), there.index(address) as client:
            await filled(client, there)
            results = await found(client, there)
            before = read_by("detector")
            texts = [await redacted(door, there, parts_of(result)) for result in results]
            assert read_by("detector") == before
        async with there.door() as (_, door):  # another door, with an empty memory
            before, kept = read_by("detector"), read_by("table")
            again = [await redacted(door, there, parts_of(result)) for result in results]
            assert read_by("detector") == before
            assert read_by("table") > kept
    assert all(result.passages for result in results)
    assert any(STRANGER in fact.value for result in results for fact in result.facts)
    assert STRANGER not in "".join(text for each in [*texts, *again] for text in each)


async def redacted(door: DoorClient, there: House, parts: list[TextPart]) -> list[str]:
    assert parts
    done = await door.redact(there.maya, uuid.uuid4(), parts, purpose="context")
    return [part.text for part in done.parts]
