"""The door's own overhead: `python -m gateway.door.bench DSN [SECONDS] [RATE]`.

DSN is a superuser's address of an empty PostgreSQL database, which is filled. A scripted model server
answers at once; the door runs in a process of its own without the name detector. Each request is a chat in
a conversation, streamed. Overhead is the time to the answer's end less the same call made to the model
server directly. Prints median, p95 and p99 in milliseconds, and the processor time that the door itself took
for a call, which a busy machine changes less.
"""

import asyncio
import base64
import json
import multiprocessing
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from psutil import Process
from sqlalchemy import make_url, text
from sqlmodel import SQLModel

from gateway.database import SCHEMAS, Database, DatabaseSettings
from gateway.http import create_http_client
from gateway.identities import PublishedIdentity, publish_identities
from gateway.keys import Envelope, KeeperSettings, open_keeper
from gateway.principal import Principal, Role, Tokens, TrustSettings, make_signing_key
from gateway.settings import ListenSettings
from redaction import EntityType

from .app import create_door_app
from .settings import DeploymentSettings, DoorSettings, NamesSettings

_DOOR: Final = 18471
_MODEL: Final = 18472
_CUSTOMERS: Final = 1000
_QUESTION: Final = (
    "Customer 17 Bench wrote that her order 4711 has not arrived after nine days and wants her money back. "
    "What did we promise in such a case, and who decides about it?"
)


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 2 without an address."""
    if not arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    seconds = float(arguments[1]) if len(arguments) > 1 else 10.0
    rate = float(arguments[2]) if len(arguments) > 2 else 50.0
    with tempfile.TemporaryDirectory() as folder:
        settings, caller = asyncio.run(_prepare(arguments[0], Path(folder)))
        spawn = multiprocessing.get_context("spawn")
        servers = [
            spawn.Process(target=_serve_model, daemon=True),
            spawn.Process(target=_serve_door, args=(settings,), daemon=True),
        ]
        for server in servers:
            server.start()
        try:
            asyncio.run(_measure(caller, seconds, rate, Process(servers[1].pid)))
        finally:
            for server in servers:
                server.terminate()
                server.join()
    return 0


async def _prepare(dsn: str, folder: Path) -> tuple[DoorSettings, Tokens]:
    url = make_url(dsn)
    (folder / "password").write_text(url.password or "none")
    (folder / "keyring").write_text(base64.b64encode(os.urandom(32)).decode())
    for name in ("work", "door"):
        make_signing_key(folder / f"{name}.jwk", folder / f"{name}.pub")
    database = DatabaseSettings(
        host=url.host or "127.0.0.1",
        port=url.port or 5432,
        name=url.database or "",
        user=url.username or "",
        password_file=folder / "password",
    )
    keeper = KeeperSettings(keyring_file=folder / "keyring")
    await _fill(Database(database), Envelope(open_keeper(keeper)))
    settings = DoorSettings(
        listen=ListenSettings(port=_DOOR),
        database=database,
        trust=TrustSettings(
            issuer="door", key_file=folder / "door.jwk", trusted={"work": folder / "work.pub"}
        ),
        keeper=keeper,
        models=[DeploymentSettings(name="scripted", url=f"http://127.0.0.1:{_MODEL}")],
        names=NamesSettings(enabled=False),
    )
    return settings, Tokens(TrustSettings(issuer="work", key_file=folder / "work.jwk"))


async def _fill(database: Database, envelope: Envelope) -> None:
    async with database.engine.begin() as connection:
        for schema in SCHEMAS:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        tables = [table for table in SQLModel.metadata.sorted_tables if table.schema == "gateway"]
        await connection.run_sync(SQLModel.metadata.create_all, tables=tables)
    async with database.transaction() as session:
        customers = [
            PublishedIdentity(f"Customer {number} Bench", EntityType.PERSON, f"contact:{number}", "name")
            for number in range(_CUSTOMERS)
        ]
        await publish_identities(session, envelope, customers)
    await database.close()


def _serve_door(settings: DoorSettings) -> None:
    uvicorn.run(create_door_app(settings), port=_DOOR, log_level="error", access_log=False)


def _serve_model() -> None:
    uvicorn.run(_model_app(), port=_MODEL, log_level="error", access_log=False)


def _model_app() -> FastAPI:
    app = FastAPI()

    async def chunks() -> AsyncIterator[bytes]:
        for word in ("The ", "refund ", "is ", "decided ", "by ", "a ", "lead."):
            yield _event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield b"data: [DONE]\n\n"

    @app.post("/v1/chat/completions")
    async def complete() -> StreamingResponse:
        return StreamingResponse(chunks(), media_type="text/event-stream")

    return app


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


async def _measure(tokens: Tokens, seconds: float, rate: float, process: Process) -> None:
    async with (
        create_http_client(f"http://127.0.0.1:{_DOOR}", timeout=60) as door,
        create_http_client(f"http://127.0.0.1:{_MODEL}", timeout=60) as model,
    ):
        await _ready(door)
        await _run(door, tokens, 2.0, rate)  # warm
        before = sum(process.cpu_times()[:2])
        through = await _run(door, tokens, seconds, rate)
        spent = (sum(process.cpu_times()[:2]) - before) / len(through) * 1000
        direct = await _run(model, tokens, min(seconds, 5.0), rate)
    sys.stdout.write(f"direct to the scripted server: {_figures(direct)}\n")
    sys.stdout.write(f"through the door: {_figures(through)}\n")
    sys.stdout.write(f"overhead, median: {median(through) - median(direct):.2f} ms\n")
    sys.stdout.write(f"processor time of the door: {spent:.2f} ms a call\n")


async def _ready(door: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await door.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # it is still starting; the time limit ends this
            await asyncio.sleep(0.2)


async def _run(client: httpx.AsyncClient, tokens: Tokens, seconds: float, rate: float) -> list[float]:
    began, running = time.perf_counter(), []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        running.append(asyncio.create_task(_once(client, tokens)))
    return await asyncio.gather(*running)


async def _once(client: httpx.AsyncClient, tokens: Tokens) -> float:
    body = {
        "model": "default",
        "stream": True,
        "messages": [{"role": "user", "content": _QUESTION}],
        "cloister": {"conversation": str(uuid.uuid4()), "form": "raw"},
    }
    caller = Principal(str(uuid.uuid4()), "bench", frozenset({Role.REP}))
    token = tokens.for_principal(caller, "door")
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"}
    async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        response.raise_for_status()
        async for _ in response.aiter_bytes():
            pass
    return (time.perf_counter() - began) * 1000


def _figures(times: list[float]) -> str:
    cuts = quantiles(times, n=100)
    return f"{len(times)} calls, p50 {median(times):.2f} ms, p95 {cuts[94]:.2f} ms, p99 {cuts[98]:.2f} ms"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
