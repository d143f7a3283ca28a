"""What a Qdrant server refuses or fails to do, as a sentence for whoever runs the appliance."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway import log

from .errors import IndexFailed
from .reach import certificate_error, retry_after

_BY_STATUS: Final = {
    400: "The Qdrant server refused a request as wrong; its reason is in the log of this process.",
    401: "The Qdrant server does not accept the API key: see index.server.api_key_file.",
    403: "The API key in index.server.api_key_file may not do this on the Qdrant server: a writer needs a "
    "key that may manage collections, a searcher one that may read them.",
    404: "The Qdrant server has no such collection: it was removed, or another appliance's prefix is set.",
    409: "The Qdrant server has a collection of that name already.",
    413: "The Qdrant server refused a request as too large.",
    422: "The Qdrant server refused a request as wrong; its reason is in the log of this process.",
}
_AGAIN: Final = "Nothing was lost; try again in a moment."
_FAILS: Final = "The Qdrant server failed ({status}). " + _AGAIN
_SHOWN: Final = 300


class ServerFailed(IndexFailed):
    """A Qdrant server refused, failed or did not answer; `status` is what it answered with, if it did,
    and `untrusted` says that one of the two did not believe the other's certificate."""

    def __init__(self, sentence: str, status: int | None = None, *, untrusted: bool = False) -> None:
        super().__init__()
        self.args = (sentence,)
        self.sentence = sentence
        self.server_status = status
        self.untrusted = untrusted


@contextmanager
def translated() -> Iterator[None]:
    """The client's errors, which have no common base, as ours. What a server says is logged: it holds no text
    of records, because the index holds none."""
    from httpx import HTTPError
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, QdrantException, HTTPError, ValueError) as error:
        failed = _failed(error)
        log.error("index.failed", reason=failed.sentence, kind=type(error).__name__, said=_said(error))
        raise failed from error


def _failed(error: Exception) -> ServerFailed:
    from httpx import HTTPError, TimeoutException
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, QdrantException):
        seconds = getattr(error, "retry_after_s", None)
        asked = f"asks to be left alone for {seconds} s" if seconds is not None else "has no room"
        return ServerFailed(f"The Qdrant server {asked}; that is too long to wait here.", 429)
    if isinstance(error, UnexpectedResponse):
        status = error.status_code or 0
        if status == 429:
            seconds = retry_after(error.headers)
            asked = f"asks to be left alone for {seconds:.0f} s" if seconds is not None else "has no room"
            return ServerFailed(f"The Qdrant server {asked}; that is too long to wait here.", 429)
        return ServerFailed(_BY_STATUS.get(status, _FAILS.format(status=status)), status)
    cause = error.source if isinstance(error, ResponseHandlingException) else error
    if tls := certificate_error(cause):
        why = getattr(tls, "verify_message", "") or tls.reason or "TLS failed"
        sentence = f"No trusted connection to the Qdrant server: {why}. See index.server.ca_file."
        return ServerFailed(sentence, untrusted=True)
    if isinstance(cause, TimeoutException):
        return ServerFailed(f"The Qdrant server does not answer in time. {_AGAIN}")
    if isinstance(cause, HTTPError):
        return ServerFailed(f"The Qdrant server cannot be reached. {_AGAIN}")
    return ServerFailed("The Qdrant server answered what its interface does not allow; is its version right?")


def _said(error: Exception) -> str:
    from qdrant_client.http.exceptions import UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        return error.content[:_SHOWN].decode("utf-8", "replace")
    return str(getattr(error, "source", error))[:_SHOWN]
