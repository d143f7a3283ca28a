"""Refusals in two tongues: problem details for our processes, and OpenAI's `error` for its clients."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from gateway.errors import CloisterError, install_error_handlers, problem

OPENAI_PATHS: Final = ("/v1/chat/", "/v1/embeddings", "/v1/rerank", "/v1/models")
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "content_policy_violation",
    429: "rate_limit_error",
}


def install_door_errors(app: FastAPI) -> None:
    """The gateway's handlers, with OpenAI's error member on OpenAI's paths."""
    install_error_handlers(app)
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _bilingual(handler)


def with_openai_error(path: str, rendered: dict[str, Any]) -> dict[str, Any]:
    """A problem with OpenAI's `error` where its clients look for it."""
    if not path.startswith(OPENAI_PATHS):
        return rendered
    return {**rendered, "error": openai_error(rendered)}


def openai_error(rendered: Mapping[str, Any]) -> dict[str, object]:
    """OpenAI's members of a problem, and our own that a stream's reader needs."""
    status = int(rendered["status"])
    return {
        "message": rendered["detail"],
        "type": _TYPES.get(status, "server_error"),
        "code": str(rendered["title"]).lower().replace(" ", "_"),
        "param": None,
        "status": status,
        **({"part": rendered["part"]} if "part" in rendered else {}),
    }


def stream_error(error: CloisterError) -> dict[str, object]:
    """The last chunk of a stream that breaks."""
    return {"error": openai_error(problem(error))}


def _bilingual(
    handler: Callable[[Request, Any], Response | Awaitable[Response]],
) -> Callable[[Request, Any], Awaitable[Response]]:
    async def render(request: Request, error: Any) -> Response:
        made = handler(request, error)
        response = await made if isinstance(made, Awaitable) else made
        if not request.url.path.startswith(OPENAI_PATHS):
            return response
        body = with_openai_error(request.url.path, json.loads(bytes(response.body)))
        headers = {"Retry-After": "5"} if body.get("retry") else None
        return JSONResponse(body, response.status_code, headers, media_type="application/problem+json")

    return render
