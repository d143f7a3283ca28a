"""Correlation ids that travel, log lines as JSON, and metrics of one process."""

import json
import logging
import re
import sys
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORRELATION_HEADER: Final = "X-Correlation-Id"
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_WITHOUT_OBJECTS: Final = re.compile(r"[\n<]| callback ")
_correlation: ContextVar[str] = ContextVar("correlation", default="-")
_origin: ContextVar[str | None] = ContextVar("origin", default=None)

REQUESTS = Counter("cloister_requests_total", "Requests answered.", ["process", "method", "status"])
SECONDS = Histogram("cloister_request_seconds", "Seconds until the answer began.", ["process"])
NAMES_FOUND = Counter(
    "cloister_names_found_total",
    "Texts whose names were looked for, by where they were found: memory, table, or detector.",
    ["where"],
)


def correlation_id() -> str:
    """The id of the request or job that is being worked on, `-` outside of one."""
    return _correlation.get()


def request_origin() -> str | None:
    """Which process was called and from which address, `web 10.0.0.7`; None outside of a request."""
    return _origin.get()


def begin_correlation(value: str | None = None) -> str:
    """Adopt a caller's correlation id when it is well formed, else make one."""
    chosen = value if value and _WELL_FORMED.fullmatch(value) else uuid.uuid4().hex
    _correlation.set(chosen)
    return chosen


class Log:
    """One JSON object a line on standard error: never document text, never an identity."""

    def __init__(self, name: str = "cloister") -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: object) -> None:
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: object) -> None:
        self._logger.warning(event, extra={"fields": fields})

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: object) -> None:
        self._logger.error(event, exc_info=exc_info, extra={"fields": fields})


log: Final = Log()


class _JsonLines(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "correlation": correlation_id(),
            "event": self._event(record),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = self._places(record.exc_info[2])
        return json.dumps(line, default=str)

    @staticmethod
    def _event(record: logging.LogRecord) -> str:
        """asyncio writes the exception, the task and a callback's arguments out into its messages."""
        message = record.getMessage()
        return _WITHOUT_OBJECTS.split(message, maxsplit=1)[0] if record.name == "asyncio" else message

    @staticmethod
    def _places(trace: TracebackType | None) -> list[str]:
        """Files and lines only: an exception's text may quote a document."""
        places = []
        while trace:
            code = trace.tb_frame.f_code
            places.append(
                f"{code.co_filename.rsplit('/site-packages/')[-1]}:{trace.tb_lineno} {code.co_name}"
            )
            trace = trace.tb_next
        return places[-12:]


def configure_logging(process: str, level: str = "INFO") -> None:
    """Send this process's log to standard error; called once, by the process entry."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "uvicorn.access", "LiteLLM", "presidio-redactor"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class CorrelationMiddleware:
    """Give each request its correlation id, hand it back, and count the request."""

    def __init__(self, app: ASGIApp, process: str) -> None:
        self._app = app
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = dict(scope["headers"]).get(CORRELATION_HEADER.lower().encode(), b"").decode("latin-1")
        chosen = begin_correlation(offered)
        client = scope.get("client")
        _origin.set(f"{self._process} {client[0]}" if client else self._process)
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (CORRELATION_HEADER.lower().encode(), chosen.encode()),
                ]
                REQUESTS.labels(self._process, scope["method"], message["status"]).inc()
                SECONDS.labels(self._process).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_with_id)


async def metrics(_request: Request) -> Response:
    """Prometheus exposition of this process."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
