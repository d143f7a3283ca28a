"""Who may come to the door, and how far in."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from gateway.accounts import principal_of_api_token
from gateway.errors import NotAllowed, NotSignedIn
from gateway.principal import Principal, Role, bearer, require

from .state import Door

TOKEN_PREFIX: Final = "clt_"  # noqa: S105 - how an API token begins
_WORKING: Final = (Role.REP, Role.LEAD, Role.OFFICER, Role.SERVICE)
_READING: Final = (*_WORKING, Role.AUDITOR)


@dataclass(frozen=True)
class Caller:
    """A principal, and whether one of our processes speaks for it."""

    principal: Principal
    process: bool


async def _caller(request: Request) -> Caller:
    token = bearer(request)
    door: Door = request.state.door
    if not token.startswith(TOKEN_PREFIX):
        return Caller(door.tokens.principal(token, audience=request.state.audience), process=True)
    async with door.database.transaction() as session:
        principal = await principal_of_api_token(session, token)
    if principal is None:
        raise NotSignedIn("The API token does not hold: it is unknown, expired or revoked.")
    return Caller(principal, process=False)


async def _worker(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    require(caller.principal, *_WORKING)
    return caller


async def _process(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    require(caller.principal, *_READING)
    if not caller.process:
        raise NotAllowed("Conversations are opened by the appliance itself, not with an API token.")
    return caller


async def _writing_process(caller: Annotated[Caller, Depends(_process)]) -> Caller:
    require(caller.principal, *_WORKING)
    return caller


AnyCaller = Annotated[Caller, Depends(_caller)]
"""Whoever is signed in."""
Worker = Annotated[Caller, Depends(_worker)]
"""Somebody who may ask a model: an administrator or an auditor alone may not."""
ReadingProcess = Annotated[Caller, Depends(_process)]
"""A process of ours, speaking for somebody who may read."""
WritingProcess = Annotated[Caller, Depends(_writing_process)]
"""A process of ours, speaking for somebody who may ask."""
