"""The way to a Qdrant server: its nodes in turn, a limit on every wait, tries again where it does no harm."""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from gateway import SettingsError, log, read_secret
from retrieval.settings import ServerSettings

_BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_CONNECT_S: Final = 3.0
_GONE: Final = frozenset({502, 503, 504})
_BUSY: Final = 429
_NO_KEY: Final = 401
# these say that TLS waits for bytes, or that the other side hung up
_WAITING: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLZeroReturnError, ssl.SSLEOFError)

_QUESTION: Final = re.compile(r"/points/query(?:/batch)?$")
# Doing these twice is doing them once: points go by their ids, and reading changes nothing.
_HARMLESS: Final = re.compile(
    r"/points(?:/delete|/vectors|/vectors/delete|/payload|/payload/delete|/batch|/scroll|/count"
    r"|/query|/query/batch)?$"
    r"|/index$"
)


class Reach(httpx.AsyncBaseTransport):
    """Carries the requests of one client to whichever node of a cluster answers.

    A request that never left is carried again, to the next node first. One that was sent and got no answer,
    or that a node had no room for, is carried again only where doing it twice is doing it once. A server that
    asks to wait is obeyed, as far as the patience of the settings goes.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._nodes = [httpx.URL(url) for url in settings.urls]
        self._first = 0
        self._key = read_secret(settings.api_key_file) if settings.api_key_file else None
        self._inner = httpx.AsyncHTTPTransport(verify=_context(settings), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, read to its end. Raises httpx's errors when no node gave one in time."""
        body = await request.aread()
        patience, limit = self._limits(request)
        harmless = request.method == "GET" or _HARMLESS.search(request.url.path) is not None
        ends = time.monotonic() + patience
        for tries in range(1, self._settings.tries + 1):
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            left, at = min(limit, ends - time.monotonic()), self._first
            try:
                response = await self._carry(request, body, at, left)
            except httpx.TransportError as error:
                failure = error
            wait = self._wait(response, failure, tries, harmless=harmless)
            if _is_gone(response, failure) and self._first == at:
                self._first = (at + 1) % len(self._nodes)
            if wait is None or tries == self._settings.tries or time.monotonic() + wait >= ends:
                break
            log.info("index.again", tries=tries, path=request.url.path, reason=_reason(response, failure))
            await asyncio.sleep(wait)
        if response is None:
            assert failure  # noqa: S101 - there is one or the other
            raise failure
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _limits(self, request: httpx.Request) -> tuple[float, float]:
        """Seconds for all tries of a request and for one of them."""
        if _QUESTION.search(request.url.path):
            whole = float(self._settings.question_timeout_s)
            # where there is another node to ask, the first does not get all of the time
            return whole, whole / 2 if len(self._nodes) > 1 else whole
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        one = timeouts.get("read") or float(self._settings.timeout_s)
        return max(self._settings.patience_s, one), one

    async def _carry(self, request: httpx.Request, body: bytes, at: int, limit: float) -> httpx.Response:
        """One try at one node; with the new key, where the old one was replaced."""
        response = await self._send(request, body, at, limit)
        if response.status_code == _NO_KEY and self._renewed_key():
            response = await self._send(request, body, at, limit)
        return response

    async def _send(self, request: httpx.Request, body: bytes, at: int, limit: float) -> httpx.Response:
        node = self._nodes[at]
        url = request.url.copy_with(scheme=node.scheme, host=node.host, port=node.port or 6333)
        headers = httpx.Headers(request.headers)
        headers["host"] = url.netloc.decode()
        if self._key is not None:
            headers["api-key"] = self._key
        each = {"connect": min(_CONNECT_S, limit), "read": limit, "write": limit, "pool": limit}
        extensions = {**request.extensions, "timeout": each}
        sent = httpx.Request(request.method, url, headers=headers, content=body, extensions=extensions)
        with _limit(limit, sent):
            async with asyncio.timeout(limit):
                response = await self._inner.handle_async_request(sent)
                response.request = sent
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        return response

    def _wait(
        self,
        response: httpx.Response | None,
        failure: httpx.TransportError | None,
        tries: int,
        *,
        harmless: bool,
    ) -> float | None:
        """Seconds until the next try; None when there is to be none."""
        pause = _BACK_OFF_S[min(tries, len(_BACK_OFF_S)) - 1]
        if response is not None:
            if response.status_code == _BUSY:
                asked = retry_after(response.headers)
                return pause if asked is None else asked
            if response.status_code not in _GONE or not harmless:
                return None
        elif certificate_error(failure) is not None or not (harmless or _never_left(failure)):
            return None
        return 0.0 if tries < len(self._nodes) else pause

    def _renewed_key(self) -> bool:
        """Whether the file holds another key than the one that was refused."""
        if self._settings.api_key_file is None:
            return False
        before = self._key
        try:
            self._key = read_secret(self._settings.api_key_file)
        except SettingsError as error:  # the file is being replaced at this moment, or is gone
            log.warning("index.key", reason=str(error))
        return before != self._key


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, given as a number or as a time (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None


def certificate_error(error: BaseException | None) -> ssl.SSLError | None:
    """The fault of TLS behind a failure to connect, if that is what it was."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLError) and not isinstance(error, _WAITING):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


@contextlib.contextmanager
def _limit(limit: float, request: httpx.Request) -> Iterator[None]:
    """An answer that drips is as late as one that does not come."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"no whole answer within {limit:.1f} s", request=request) from error


def _never_left(failure: Exception | None) -> bool:
    return isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _is_gone(response: httpx.Response | None, failure: Exception | None) -> bool:
    return failure is not None or (response is not None and response.status_code in _GONE)


def _reason(response: httpx.Response | None, failure: Exception | None) -> str:
    return type(failure).__name__ if response is None else str(response.status_code)


def _context(settings: ServerSettings) -> Any:
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.certificate_file:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context
