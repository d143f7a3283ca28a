"""Errors for people: a page where a browser asked for one, problem details everywhere else."""

from collections.abc import Awaitable, Callable
from typing import Final, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from gateway import CloisterError, NotSignedIn, correlation_id

from .rendering import render
from .security import add_security_headers

_Handler = Callable[[Request, Exception], Awaitable[Response]]
_NOT_PAGES: Final = ("/api/", "/v1/", "/static/")


def install_error_pages(app: FastAPI) -> None:
    """Wrap the error handlers that are installed already; those without a handler are an error."""
    for kind in (CloisterError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _for_people(cast(_Handler, app.exception_handlers[kind])))


def _for_people(otherwise: _Handler) -> _Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if not _wants_page(request):
            return await otherwise(request, error)
        if isinstance(error, NotSignedIn):
            return RedirectResponse(f"/sign-in?next={quote(_place(request), safe='')}", 303)
        answer = await otherwise(request, error)  # it logs what was not foreseen
        page = render(request, "error.html", _context(error, answer.status_code), answer.status_code)
        # an unforeseen error is answered outside of every middleware
        add_security_headers(page.headers, request.url.scheme)
        return page

    return handle


def _context(error: Exception, status: int) -> dict[str, object]:
    known = error if isinstance(error, CloisterError) else None
    return {
        "status": status,
        "sentence": known.sentence if known and status != 404 else None,
        "retry": known.retry if known else status >= 500,
        "correlation": correlation_id(),
    }


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_NOT_PAGES)


def _place(request: Request) -> str:
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
