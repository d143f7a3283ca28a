"""The error tree: what went wrong, in a sentence for the person who can do something about it.

    CloisterError (500)
    ├── BadInput (400)           ├── NotSignedIn (401)      ├── NotAllowed (403)
    ├── NotFound (404)           ├── Conflict (409)         ├── TooLarge (413)
    ├── QuestionRefused (422)    ├── TooManyRequests (429)  ├── UpstreamFailed (502)
    └── PartUnavailable (503)

Messages never hold document text or identities. One handler renders RFC 9457 problem details.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from .telemetry import correlation_id, log


class CloisterError(Exception):
    """Base of every error a caller may see.

    `sentence` is shown as it is; `retry` says whether the same request may succeed later.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retry: ClassVar[bool] = False

    def __init__(self, sentence: str, **extra: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.extra: Mapping[str, object] = extra


class BadInput(CloisterError):
    """The request cannot be understood or is out of bounds."""

    status, title = 400, "Bad input"


class NotSignedIn(CloisterError):
    """Nobody is signed in, or the token does not hold."""

    status, title = 401, "Not signed in"


class NotAllowed(CloisterError):
    """The caller is known and lacks the role."""

    status, title = 403, "Not allowed"


class NotFound(CloisterError):
    """There is no such thing, or it is not the caller's: the answer is the same."""

    status, title = 404, "Not found"


class Conflict(CloisterError):
    """The thing has moved on since the caller looked."""

    status, title = 409, "Conflict"


class TooLarge(CloisterError):
    """The input is longer than is accepted."""

    status, title = 413, "Too large"


class QuestionRefused(CloisterError):
    """The inbound filter denied the text."""

    status, title = 422, "Refused"


class TooManyRequests(CloisterError):
    """A limit of the caller is used up for now."""

    status, title, retry = 429, "Too many requests", True


class UpstreamFailed(CloisterError):
    """A part answered, and what it answered was wrong or broke off."""

    status, title, retry = 502, "A part failed", True


class PartUnavailable(CloisterError):
    """A part that is needed cannot be reached; `part` in the problem says which.

    `absent` says that there is none: it was left out on purpose, and waiting does not help. `starting` says
    that it may still be loading, which takes minutes.
    """

    status, title, retry = 503, "A part is unavailable", True

    def __init__(self, part: str, sentence: str, *, absent: bool = False, starting: bool = False) -> None:
        said = {"absent": absent, "starting": starting}
        super().__init__(sentence, part=part, **{name: True for name, is_so in said.items() if is_so})
        self.part = part
        self.absent = absent
        self.starting = starting


UNWRITABLE = "A text may hold neither NUL characters nor halves of characters (lone surrogates)."

_BY_STATUS: Mapping[int, type[CloisterError]] = {
    kind.status: kind
    for kind in (
        BadInput,
        NotSignedIn,
        NotAllowed,
        NotFound,
        Conflict,
        TooLarge,
        QuestionRefused,
        TooManyRequests,
        UpstreamFailed,
        PartUnavailable,
    )
}


def error_from_problem(status: int, problem: Mapping[str, object]) -> CloisterError:
    """The error that another of our processes rendered, as it was raised there."""
    sentence = str(problem.get("detail") or f"The request failed with status {status}.")
    if status == PartUnavailable.status:
        said = {name: problem.get(name) is True for name in ("absent", "starting")}
        return PartUnavailable(str(problem.get("part", "unknown")), sentence, **said)
    known = {"type", "title", "status", "detail", "retry", "correlation", "error"}
    extra = {key: value for key, value in problem.items() if key not in known}
    return _BY_STATUS.get(status, CloisterError)(sentence, **extra)


def problem(error: CloisterError) -> dict[str, object]:
    """RFC 9457 members of an error."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.sentence,
        "retry": error.retry,
        "correlation": correlation_id(),
        **error.extra,
    }


def install_error_handlers(app: FastAPI) -> None:
    """Render every error of this tree, and everything unforeseen, as problem details."""
    app.add_exception_handler(CloisterError, _render)
    app.add_exception_handler(RequestValidationError, _render_validation)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(Exception, _render_unforeseen)


async def _render(_request: Request, error: Exception) -> Response:
    assert isinstance(error, CloisterError)  # noqa: S101 - registered for this class alone
    return _response(error)


async def _render_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    places = [".".join(str(step) for step in item["loc"]) for item in error.errors()]
    said = "; ".join(faults_of(error.errors(), error.body)[:5])
    return _response(BadInput(as_sentence(f"The request is not valid: {said}"), fields=places))


def as_sentence(said: str) -> str:
    """With a full stop, where it does not end as a sentence."""
    return said if said.endswith((".", "?")) else f"{said}."


def faults_of(faults: Sequence[Mapping[str, Any]], body: object) -> list[str]:
    """Pydantic's faults of a body, or of other parts of a request, in words: where, as its writer finds it,
    and what is wrong; of a place with faults inside only those."""
    told: dict[tuple[str, ...], list[str]] = {}
    for item in faults:
        said = str(item["msg"]).removeprefix("Value error, ")
        told.setdefault(_place(item["loc"], body, item["type"] == "missing"), []).append(said)
    inner = [place for place in told if not any(one[: len(place)] == place != one for one in told)]
    return [
        ": ".join(filter(None, ("".join(place).lstrip("."), " or ".join(dict.fromkeys(told[place])))))
        for place in inner
    ]


def _place(steps: Sequence[str | int], body: object, is_missing: bool) -> tuple[str, ...]:
    """The steps that are in what was sent, and what is missing there; others name the branches of a type."""
    if steps[0] != "body":
        return tuple(f".{step}" for step in steps[1:])
    place, here = [], body
    for step in steps[1:]:
        if isinstance(here, Mapping) and step in here:
            here = here[step]
            place.append(f".{step}")
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            name = here.get("name", here.get("id")) if isinstance(here, Mapping) else None
            place.append(f"[{name[:40] if isinstance(name, str) and name else step}]")
    return (*place, f".{steps[-1]}") if is_missing and len(steps) > 1 else tuple(place)


async def _render_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    kind = _BY_STATUS.get(error.status_code)
    rendered = problem(CloisterError(str(error.detail)))
    title = kind.title if kind else HTTPStatus(error.status_code).phrase.capitalize()
    rendered |= {"title": title, "status": error.status_code, "retry": False}
    return JSONResponse(rendered, error.status_code, media_type="application/problem+json")


async def _render_unforeseen(request: Request, error: Exception) -> Response:
    log.error("unforeseen", exc_info=error, path=request.url.path)
    return _response(CloisterError("Something went wrong here. The error is in the log of this process."))


def _response(error: CloisterError) -> JSONResponse:
    headers = {"Retry-After": "5"} if error.retry else None
    return JSONResponse(problem(error), error.status, headers, media_type="application/problem+json")
