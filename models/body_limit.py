"""Refuse a request body that is larger than any honest one, before it is held in memory."""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: answers 413 as soon as more than `limit` bytes were announced or sent."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await self._refuse(send)
            return
        chunks: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            chunks.append(message)
            size += len(message.get("body", b""))
            more = bool(message.get("more_body"))
            if size > self._limit:
                await self._refuse(send)
                return

        async def again() -> Message:
            return chunks.pop(0) if chunks else await receive()

        await self._app(scope, again, send)

    async def _refuse(self, send: Send) -> None:
        sentence = f"The request is larger than {self._limit} bytes; send fewer texts at a time."
        detail = {"message": sentence, "type": "invalid_request_error", "param": None, "code": None}
        body = json.dumps({"error": detail}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
