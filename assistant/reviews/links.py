"""Signed links in mails: they lead one person to one item, and say nothing about who follows them.

A link is no key: whoever follows it signs in first, as the person it was sent to, and only then reaches the
review page, which asks for its rights as always.
"""

import base64
import binascii
import hmac
import json
import time
import uuid
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from assistant.session import MaybeSignedIn
from gateway import NotFound, read_secret

router = APIRouter(include_in_schema=False)
_PURPOSE: Final = b"cloister review link\0"
_NOT_HELD: Final = "This link does not hold: it has expired, was changed, or was sent to somebody else."


def sign_link(secret: str, item: uuid.UUID, recipient: str, until: datetime) -> str:
    """The last part of a link's address."""
    claims = {"item": str(item), "to": recipient, "exp": int(until.timestamp())}
    payload = _encoded(json.dumps(claims, sort_keys=True, separators=(",", ":")).encode())
    return f"{payload}.{_signature(secret, payload)}"


def read_link(secret: str, token: str, recipient: str | None) -> uuid.UUID:
    """The item that a link leads to. Raises `NotFound` unless it holds and is the recipient's.

    Without a recipient (nobody has signed in yet) only the signature and the time are looked at.
    """
    payload, _, signature = token.partition(".")
    if not hmac.compare_digest(_signature(secret, payload).encode(), signature.encode()):
        raise NotFound(_NOT_HELD)
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        item, to, until = uuid.UUID(claims["item"]), str(claims["to"]), int(claims["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise NotFound(_NOT_HELD) from error
    if until <= time.time() or recipient not in (None, to):
        raise NotFound(_NOT_HELD)
    return item


def _secret(request: Request) -> str:
    file = request.state.settings.review_link_secret_file
    if file is None:
        raise NotFound("This appliance sends no links.")
    return read_secret(file)


@router.get("/review/{token}")
async def follow(
    token: str, principal: MaybeSignedIn, secret: Annotated[str, Depends(_secret)]
) -> RedirectResponse:
    """Lead who was told to what waits for them; who has not signed in is asked to."""
    item = read_link(secret, token, principal.id if principal else None)
    if principal is None:
        return RedirectResponse(f"/sign-in?next={quote(f'/review/{token}', safe='')}", 303)
    return RedirectResponse(f"/queue/{item}", 303)


def _signature(secret: str, payload: str) -> str:
    return _encoded(hmac.digest(secret.encode(), _PURPOSE + payload.encode(), sha256))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
