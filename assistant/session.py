"""Who is signed in: a browser's session cookie, or an API token."""

from typing import Annotated, Final

from fastapi import Depends, Request

from gateway import (
    NotAllowed,
    NotSignedIn,
    Principal,
    UnitOfWork,
    bearer,
    principal_of_api_token,
    principal_of_session,
)

SESSION_COOKIE: Final = "cloister_session"


async def maybe_signed_in(request: Request, session: UnitOfWork) -> Principal | None:
    """The caller, None when nobody is signed in. A bearer token that does not hold is an error."""
    if "authorization" in request.headers:
        principal = await principal_of_api_token(session, bearer(request))
        if principal is None:
            raise NotSignedIn("This API token is unknown, expired or revoked.")
        return principal
    secret = request.cookies.get(SESSION_COOKIE)
    return await principal_of_session(session, secret) if secret else None


async def _signed_in(principal: Annotated[Principal | None, Depends(maybe_signed_in)]) -> Principal:
    if principal is None:
        raise NotSignedIn("Sign in first.")
    return principal


async def _by_session(request: Request, principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    if "authorization" in request.headers:
        raise NotAllowed("This needs a sign-in with a password; an API token is not enough.")
    return principal


MaybeSignedIn = Annotated[Principal | None, Depends(maybe_signed_in, scope="function")]
"""The caller, or None: for pages that send people to the sign-in."""

SignedIn = Annotated[Principal, Depends(_signed_in, scope="function")]
"""The caller. Refuses with 401 when nobody is signed in."""

BySession = Annotated[Principal, Depends(_by_session, scope="function")]
"""The caller, who signed in with a password. Refuses an API token with 403: a leaked one must not last."""
