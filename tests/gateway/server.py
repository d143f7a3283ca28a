"""Servers on real sockets inside the test's event loop."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to pytest


@contextlib.asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI app on loopback; gives its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=2)
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            task.result()
            raise RuntimeError("the server did not start")
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


Script = Callable[[dict[str, Any]], AsyncIterator[str | dict[str, Any] | Exception]]


class ModelServer:
    """Speaks vLLM's protocol by a script and keeps every byte that it received."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.script: Script = says("Hello.")
        self.hung_up = asyncio.Event()
        self.status = 200

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.received]

    @property
    def everything(self) -> str:
        """All that came in, with escapes undone."""
        return "\n".join(json.dumps(body, ensure_ascii=False) for body in self.bodies)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
            ]
        )

    async def _chat(self, request: Request) -> Response:
        self.received.append(await request.body())
        if self.status != 200:
            return JSONResponse({"error": {"message": "prompt was: ..."}}, self.status)
        return StreamingResponse(self._stream(self.script(self.bodies[-1])), media_type="text/event-stream")

    async def _stream(self, script: AsyncIterator[str | dict[str, Any] | Exception]) -> AsyncIterator[bytes]:
        ended = False
        try:
            async for step in script:
                if isinstance(step, Exception):
                    ended = True
                    raise step
                delta = {"content": step} if isinstance(step, str) else step
                yield _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
            yield _event({"choices": [], "usage": usage})
            yield b"data: [DONE]\n\n"
            ended = True
        finally:
            if not ended:
                self.hung_up.set()

    async def _embeddings(self, request: Request) -> Response:
        self.received.append(await request.body())
        texts = self.bodies[-1]["input"]
        rows = [
            {"object": "embedding", "index": index, "embedding": [float(len(text)), 1.0]}
            for index, text in reversed(list(enumerate(texts)))
        ]
        return JSONResponse(
            {"object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )


def says(*chunks: str | dict[str, Any] | Exception) -> Script:
    """A script that sends these chunks."""

    async def script(_body: dict[str, Any]) -> AsyncIterator[str | dict[str, Any] | Exception]:
        for chunk in chunks:
            yield chunk

    return script


def waits(before: str, until: asyncio.Event, after: str = "") -> Script:
    """A script that sends `before`, and `after` only when something has happened."""

    async def script(_body: dict[str, Any]) -> AsyncIterator[str | dict[str, Any] | Exception]:
        yield before
        await until.wait()
        yield after

    return script


def echoes(pick: Callable[[dict[str, Any]], str], size: int) -> Script:
    """A script that says something of the request back, in pieces of `size` characters."""

    async def script(body: dict[str, Any]) -> AsyncIterator[str | dict[str, Any] | Exception]:
        text = pick(body)
        for start in range(0, len(text), size):
            yield text[start : start + size]

    return script


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"
