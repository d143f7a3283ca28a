"""A scripted Qdrant cluster behind real TLS listeners: it judges every request by Qdrant's own definition.

Points are kept by the client library's own engine. What that engine lacks is scripted here: keys, nodes that
are gone, replicas and how many of them must have a write, writes that nobody waited for (and that a crash
loses), and every way of failing that `Fault` knows. Answers are held against the definition too.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import uvicorn
from pydantic import TypeAdapter
from qdrant_client import AsyncQdrantClient, models
from starlette.types import Receive, Scope, Send

from .certificates import Authority
from .qdrant_interface import Unlike, check_answer, check_request

KEY: Final = "the key of the writer"
READ_KEY: Final = "the key of a searcher"
_VERSION: Final = "1.20.1"
_READING: Final = frozenset(
    "scroll_points count_points query_batch_points get_points collection_exists get_collection root"
    " collection_cluster_info"
    " get_collections get_collections_aliases".split()
)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests for one of the operations `of`, or for any.

    A `status` is answered instead of doing it, or `after` doing it; `seconds` of waiting come before; `cut`
    sends half of the true answer and hangs up.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: bool = False
    after: bool = False
    times: int = 1
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    node: int
    operation: str
    path: str
    query: Mapping[str, str]
    body: Any


@dataclass
class _Refused(Exception):
    status: int
    why: str


class ScriptedQdrant:
    """The cluster. `unlike` holds every request that broke Qdrant's definition: a test wants none."""

    def __init__(self, authority: Authority, *, nodes: int = 1) -> None:
        self._authority = authority
        self._engine = AsyncQdrantClient(":memory:")
        self._settings: dict[str, models.CreateCollection] = {}
        self._unsettled: list[Callable[[], Awaitable[object]]] = []
        self._nodes = [_Node(self, at) for at in range(nodes)]
        self.version = _VERSION
        self.keys = {KEY: True, READ_KEY: False}
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.unlike: list[str] = []
        self.open = False
        """Lets everybody in."""

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self._nodes]

    def operations(self) -> list[str]:
        """The names of what was asked for, in order."""
        return [one.operation for one in self.asked]

    @contextlib.asynccontextmanager
    async def serving(
        self, *, certificate: tuple[Path, Path] | None = None, clients: Path | None = None
    ) -> AsyncIterator[None]:
        """Listen with all nodes; `clients` is the authority that clients must have a certificate of."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
            pair = certificate or self._authority.issue("qdrant")
            for node in self._nodes:
                await node.start(pair, clients)
            try:
                yield
            finally:
                for node in self._nodes:
                    await node.stop()
                await self._engine.close()

    async def collections(self) -> list[str]:
        """What there is now."""
        return [each.name for each in (await self._engine.get_collections()).collections]

    async def lose(self, node: int) -> None:
        """Take a node away."""
        await self._nodes[node].stop()

    async def settle(self) -> None:
        """Carry out the writes that nobody waited for."""
        for write in self._unsettled:
            await write()
        self._unsettled.clear()

    def crash(self) -> None:
        """Lose the writes that nobody waited for."""
        self._unsettled.clear()

    async def answer(
        self,
        node: int,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        raw: bytes,
    ) -> tuple[int, dict[str, str], bytes, Fault | None]:
        """Status, headers and body of the answer, and what is still to go wrong with it."""
        body = json.loads(raw) if raw else None
        try:
            operation = check_request(method, path, query, body)
        except Unlike as unlike:
            self.unlike.append(str(unlike))
            return _error(400, f"Format error in JSON body: {unlike}")
        self.asked.append(Asked(node, operation, path, query, body))
        fault = self._fault(operation)
        if fault and fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault and fault.status and not fault.after:
            return _error(fault.status, "scripted", fault.headers)
        try:
            self._admit(operation, headers)
            result = await self._carry_out(operation, path, query, body)
        except _Refused as refused:
            return _error(refused.status, refused.why)
        except ValueError as error:
            status = 404 if "not found" in str(error) else 400
            return _error(status, f"Wrong input: {error}")
        if fault and fault.status:
            return _error(fault.status, "scripted", fault.headers)
        answer = result if operation == "root" else {"result": result, "status": "ok", "time": 0.001}
        plain = json.loads(json.dumps(answer, default=_plain))
        check_answer(method, path, plain)
        return 200, {"content-type": "application/json"}, json.dumps(plain).encode(), fault

    def _fault(self, operation: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and (not fault.of or operation in fault.of):
                fault.times -= 1
                return fault
        return None

    def _admit(self, operation: str, headers: Mapping[str, str]) -> None:
        if self.open:
            return
        may_write = self.keys.get(headers.get("api-key", ""))
        if may_write is None:
            raise _Refused(401, "Must provide an API key or an Authorization bearer token")
        if not may_write and operation not in _READING:
            raise _Refused(403, "Forbidden: Global write access is required")

    async def _carry_out(self, operation: str, path: str, query: Mapping[str, str], body: Any) -> object:
        collection = unquote(path.split("/")[2]) if path.startswith("/collections/") else ""
        handler: Callable[[str, Any], Awaitable[object]] | None = getattr(self, f"_{operation}", None)
        if handler is None:
            raise _Refused(501, f"the scripted server does not do {operation}")
        if operation not in _WRITES:
            if operation in _POINTS:
                await self._require_replicas(collection, 1)
            return await handler(collection, body)
        await self._require_replicas(collection, None)
        status = models.UpdateStatus.COMPLETED
        if query.get("wait") == "true":
            await handler(collection, body)
        else:
            self._unsettled.append(lambda: handler(collection, body))
            status = models.UpdateStatus.ACKNOWLEDGED
        result = models.UpdateResult(operation_id=len(self.asked), status=status)
        return [result] * len(body["operations"]) if operation == "batch_update" else result

    async def _require_replicas(self, name: str, wanted: int | None) -> None:
        """As a cluster does whose shards lie on the first nodes: fail when too few of them are left."""
        aliases = (await self._engine.get_aliases()).aliases
        real = {each.alias_name: each.collection_name for each in aliases}.get(name, name)
        made = self._settings.get(real)
        copies = (made and made.replication_factor) or 1
        wanted = wanted or (made and made.write_consistency_factor) or 1
        there = sum(node.running for node in self._nodes[:copies])
        if there < wanted:
            raise _Refused(500, f"Service internal error: {there} of {copies} replicas are active")

    async def _root(self, _name: str, _body: Any) -> object:
        return {"title": "qdrant - vector search engine", "version": self.version}

    async def _get_collections(self, _name: str, _body: Any) -> object:
        return await self._engine.get_collections()

    async def _get_collections_aliases(self, _name: str, _body: Any) -> object:
        return await self._engine.get_aliases()

    async def _update_aliases(self, _name: str, body: Any) -> object:
        return await self._engine.update_collection_aliases(models.ChangeAliasesOperation(**body).actions)

    async def _collection_exists(self, name: str, _body: Any) -> object:
        return {"exists": await self._engine.collection_exists(name)}

    async def _get_collection(self, name: str, _body: Any) -> object:
        info = await self._engine.get_collection(name)
        made = self._settings.get(name)
        if made:
            info.config.params.replication_factor = made.replication_factor or 1
            info.config.params.write_consistency_factor = made.write_consistency_factor or 1
            info.config.params.shard_number = made.shard_number or 1
        return info

    async def _collection_cluster_info(self, name: str, _body: Any) -> object:
        made = self._settings[name]
        copies = range(made.replication_factor or 1)
        states = ["Active" if self._nodes[at].running else "Dead" for at in copies if at < len(self._nodes)]
        remote = [{"shard_id": 0, "peer_id": at, "state": state} for at, state in enumerate(states) if at]
        local = {"shard_id": 0, "points_count": 1, "state": states[0]}
        whole = {"peer_id": 0, "shard_count": 1, "shard_transfers": []}
        return {**whole, "local_shards": [local], "remote_shards": remote}

    async def _create_collection(self, name: str, body: Any) -> object:
        if await self._engine.collection_exists(name):
            raise _Refused(409, f"Wrong input: Collection `{name}` already exists!")
        made = models.CreateCollection(**body)
        if any(not node.running for node in self._nodes) and len(self._nodes) < 3:
            raise _Refused(500, "Service internal error: consensus needs a majority of the nodes")
        vectors: Any = made.vectors
        await self._engine.create_collection(
            name, vectors_config=vectors, sparse_vectors_config=made.sparse_vectors
        )
        self._settings[name] = made
        return True

    async def _delete_collection(self, name: str, _body: Any) -> object:
        self._settings.pop(name, None)
        return await self._engine.delete_collection(name)

    async def _create_field_index(self, name: str, body: Any) -> None:
        made = models.CreateFieldIndex(**body)
        await self._engine.create_payload_index(name, made.field_name, made.field_schema)

    async def _upsert_points(self, name: str, body: Any) -> None:
        await self._engine.upsert(name, models.PointsList(**body).points)

    async def _update_vectors(self, name: str, body: Any) -> None:
        await self._engine.update_vectors(name, models.UpdateVectors(**body).points)

    async def _delete_points(self, name: str, body: Any) -> None:
        await self._engine.delete(name, TypeAdapter[Any](models.PointsSelector).validate_python(body))

    async def _batch_update(self, name: str, body: Any) -> None:
        await self._engine.batch_update_points(name, models.UpdateOperations(**body).operations)

    async def _get_points(self, name: str, body: Any) -> object:
        made = models.PointRequest(**body)
        payload: Any = True if made.with_payload is None else made.with_payload
        return await self._engine.retrieve(name, made.ids, payload, made.with_vector or False)

    async def _scroll_points(self, name: str, body: Any) -> object:
        made = models.ScrollRequest(**body)
        payload: Any = True if made.with_payload is None else made.with_payload
        points, following = await self._engine.scroll(
            name,
            made.filter,
            made.limit or 10,
            offset=made.offset,
            with_payload=payload,
            with_vectors=made.with_vector or False,
        )
        return {"points": points, "next_page_offset": following}

    async def _count_points(self, name: str, body: Any) -> object:
        return await self._engine.count(name, models.CountRequest(**body).filter)

    async def _query_batch_points(self, name: str, body: Any) -> object:
        return await self._engine.query_batch_points(name, models.QueryRequestBatch(**body).searches)


_WRITES: Final = frozenset(
    "create_field_index upsert_points update_vectors delete_points batch_update".split()
)
_POINTS: Final = frozenset("scroll_points count_points query_batch_points get_points".split())


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to pytest


class _Node:
    """One listener."""

    def __init__(self, cluster: ScriptedQdrant, number: int) -> None:
        self._cluster = cluster
        self._number = number
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._server: _QuietServer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        return self._task is not None

    async def start(self, pair: tuple[Path, Path], clients: Path | None) -> None:
        config = uvicorn.Config(
            self._app,
            log_config=None,
            lifespan="off",
            interface="asgi3",
            timeout_graceful_shutdown=1,
            ssl_certfile=str(pair[0]),
            ssl_keyfile=str(pair[1]),
            ssl_ca_certs=str(clients) if clients else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if clients else ssl.CERT_NONE,
        )
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            self._listener.close()
            return
        self._server.should_exit = True
        await self._task
        self._task = None
        self._listener.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = bytearray()
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = dict(pair.split("=", 1) for pair in scope["query_string"].decode().split("&") if pair)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = (scope.get("raw_path") or scope["path"].encode()).decode()
        status, given, body, fault = await self._cluster.answer(
            self._number, scope["method"], path, query, headers, bytes(raw)
        )
        pairs = [(name.encode(), value.encode()) for name, value in given.items()]
        pairs.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        if fault and fault.cut:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            return  # less than was announced: the connection is closed in mid-answer
        await send({"type": "http.response.body", "body": body})


def _error(
    status: int, why: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes, None]:
    body = json.dumps({"status": {"error": why}, "time": 0.0}).encode()
    return status, {"content-type": "application/json", **(headers or {})}, body, None


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True)
