"""Programs that search for people: a service's token, and each time the login of the person it asks for.

A service's own token opens no record. With the role `delegate` beside `service` it may pass on a person; it
then has that person's rights for this one request and no others, and the record holds both names.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from assistant.session import SignedIn
from gateway import (
    NotAllowed,
    NotFound,
    Principal,
    Role,
    TooManyRequests,
    UnitOfWork,
    principal_of_account,
)

ON_BEHALF_OF: Final = "X-On-Behalf-Of"
_READING: Final = frozenset({Role.REP, Role.LEAD, Role.OFFICER})
_NOT_FOR_THEM: Final = "Nobody with this login may be asked for: there is no such account that reads records."


class CallRate:
    """So many calls a minute for each caller, in this process: a bucket that fills evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, whose: str) -> None:
        """Count one call. Raises `TooManyRequests` with the seconds until the next."""
        now = self._clock()
        left, at = self._left.get(whose, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        if left < 1:
            seconds = math.ceil((1 - left) * 60 / self._per_minute)
            raise TooManyRequests(
                f"This program may call {self._per_minute} times a minute; the next call in {seconds} s.",
                seconds=seconds,
            )
        self._left[whose] = (left - 1, now)


async def _asked_for(
    request: Request,
    principal: SignedIn,
    session: UnitOfWork,
    on_behalf_of: Annotated[
        str | None,
        Header(
            alias=ON_BEHALF_OF,
            description="The login of the person whom a program asks for. Needs the roles `service` and "
            "`delegate`; the answer holds what this person may see, and the record holds both.",
        ),
    ] = None,
) -> Principal:
    if on_behalf_of is None:
        return principal
    if not (principal.has(Role.SERVICE) and principal.has(Role.DELEGATE)):
        raise NotAllowed("Only a program with the roles service and delegate may ask for somebody else.")
    rate: CallRate = request.state.programs
    rate.take(principal.id)
    if not on_behalf_of.strip():
        raise NotAllowed(_NOT_FOR_THEM)
    try:
        person = await principal_of_account(session, login=on_behalf_of)
    except NotFound as error:
        raise NotAllowed(_NOT_FOR_THEM) from error
    roles = person.roles & _READING
    if not roles:
        raise NotAllowed(_NOT_FOR_THEM)
    return replace(person, roles=roles, by=f"service:{principal.login}")


AskedFor = Annotated[Principal, Depends(_asked_for, scope="function")]
"""The caller, or the person whom a program asks for."""
