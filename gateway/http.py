"""The one maker of HTTP clients: TLS, timeouts, no proxies from the environment, correlation ids."""

import ssl

import httpx

from .errors import UNWRITABLE, BadInput, CloisterError, PartUnavailable, UpstreamFailed, error_from_problem
from .settings import ExistingFile, Settings
from .telemetry import CORRELATION_HEADER, correlation_id


class TlsSettings(Settings):
    """Certificates for calling another process: who is trusted, and who we are."""

    ca_file: ExistingFile
    certificate_file: ExistingFile | None = None
    key_file: ExistingFile | None = None


class PeerSettings(Settings):
    """Where another process listens."""

    url: str
    tls: TlsSettings | None = None


def create_http_client(
    base_url: str = "",
    *,
    tls: TlsSettings | None = None,
    timeout: float = 10.0,
    read_timeout: float | None = None,
) -> httpx.AsyncClient:
    """A client for one other process.

    `timeout` is in seconds for connecting, writing and waiting for a pool slot; `read_timeout` for
    the gap between two chunks of the answer. Proxies and `.netrc` of the environment are not read.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        verify=_context(tls) if tls else True,
        timeout=httpx.Timeout(timeout, read=read_timeout or timeout),
        trust_env=False,
        event_hooks={"request": [_carry_correlation]},
    )


async def call(
    client: httpx.AsyncClient,
    part: str,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    limit: httpx.Timeout | None = None,
) -> httpx.Response:
    """Call another of our processes and raise its refusals as our errors.

    `limit` replaces the client's own timeouts for this call. Raises `PartUnavailable` naming `part` when
    it cannot be reached or is too slow, `BadInput` for a text that is not Unicode.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = await client.request(
            method, path, headers=headers, json=body, timeout=limit or client.timeout
        )
    except UnicodeEncodeError as error:
        raise BadInput(UNWRITABLE) from error
    except httpx.TransportError as error:
        raise unreachable(part, error) from error
    if response.is_error:
        raise response_error(part, response)
    return response


def unreachable(part: str, error: httpx.TransportError) -> PartUnavailable:
    """The sentence for a part that does not answer."""
    reason = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    return PartUnavailable(part, f"The {part} {reason}. Nothing was lost; try again in a moment.")


def response_error(part: str, response: httpx.Response) -> CloisterError:
    """The error in another process's answer; the body must have been read."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return error_from_problem(response.status_code, response.json())
    return UpstreamFailed(f"The {part} answered with status {response.status_code}.", part=part)


def _context(tls: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    if tls.certificate_file:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    return context


async def _carry_correlation(request: httpx.Request) -> None:
    request.headers[CORRELATION_HEADER] = correlation_id()
