"""How much one request may hold."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import BadInput, TooLarge, problem

from .problems import with_openai_error
from .redactor import Part
from .settings import LimitSettings

_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


def check_parts(parts: Sequence[Part], limits: LimitSettings) -> None:
    """Raise `TooLarge` or `BadInput` unless the parts are within bounds."""
    if len(parts) > limits.parts:
        raise TooLarge(f"A request may hold {limits.parts} texts, not {len(parts)}.")
    longest = max((len(part.text) for part in parts), default=0)
    if longest > limits.part_characters:
        raise TooLarge(f"A text may hold {limits.part_characters} characters, not {longest}.")
    total = sum(len(part.text) for part in parts)
    if total > limits.request_characters:
        raise TooLarge(f"A request may hold {limits.request_characters} characters, not {total}.")
    if any("\0" in part.text for part in parts):
        raise BadInput("A text may not hold NUL characters.")


def check_not_empty(texts: Sequence[str]) -> None:
    """Raise `BadInput` when there is nothing in the question."""
    if not any(text.strip() for text in texts):
        raise BadInput("The question is empty.")


def check_question(texts: Sequence[str], limits: LimitSettings) -> None:
    """Raise `BadInput` for an empty question, `TooLarge` for an overlong one."""
    check_not_empty(texts)
    longest = max(map(len, texts))
    if longest > limits.question_characters:
        raise TooLarge(f"A question may hold {limits.question_characters} characters, not {longest}.")


class BodyLimit:
    """Reads the body before the app does, and stops at the limit."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self._limit:
                await self._refuse(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = TooLarge(f"A request may hold {self._limit} bytes.")
        rendered = with_openai_error(scope["path"], problem(error))
        response = JSONResponse(rendered, error.status, media_type="application/problem+json")
        await response(scope, receive, send)
