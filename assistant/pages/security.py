"""What every answer to a browser carries, and which requests of other sites are refused."""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import NotAllowed, problem

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not `no-referrer`: that makes the Origin of a form's POST `null`, and the guard below refuses it
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_STRICT_TRANSPORT: Final = "max-age=31536000"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """ASGI middleware: policy headers on every answer, and nothing kept in a cache unless it says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_security_headers(MutableHeaders(scope=message), scope.get("scheme", "http"))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_security_headers(headers: MutableHeaders, scheme: str) -> None:
    """Put the headers on; those that an answer sets itself stay, except the policy."""
    for name, value in SECURITY_HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if scheme == "https":
        headers["Strict-Transport-Security"] = _STRICT_TRANSPORT


class CrossSiteGuard:
    """ASGI middleware: refuses what another site makes a browser send.

    A request that changes something must say `Sec-Fetch-Site: same-origin` (or `none`: the person
    typed it), or, from browsers that do not, an `Origin` that is this host. Callers that are not
    browsers send neither and carry no ambient cookie; a bearer token is not ambient either. `origins` are
    further origins to accept, for a proxy that rewrites `Host`.

    Not promised: protection against script that runs on this origin.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_cross_site(scope):
            refusal = NotAllowed("This request came from another site and was refused.")
            response = JSONResponse(problem(refusal), 403, media_type="application/problem+json")
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_cross_site(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if scope["method"] in _SAFE_METHODS or "authorization" in headers:
            return False
        origin = headers.get("origin")
        if origin is not None and origin in self._origins:
            return False
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in {"same-origin", "none"}
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
