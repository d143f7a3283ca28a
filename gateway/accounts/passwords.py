"""Passwords: hashed slowly on purpose, a few at once."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import TooManyRequests
from gateway.turns import NoRoom, Turns

from .places import Place

NOWHERE: Final = Place("nowhere")
_AT_ONCE: Final = 2
_AT_MOST: Final = 200
_OF_ONE_PLACE: Final = 10


async def check_password(hashed: str | None, password: str, place: Place = NOWHERE) -> bool:
    """Whether a password is the one that was hashed; without a hash False, and as slow.

    Places take turns, those that have signed in before first. Raises `TooManyRequests` when a place has ten
    under way, or all together two hundred: each takes 64 MiB and a processor.
    """
    agrees = await _few().run(place, lambda: matches(hashed or _decoy_hash(), password))
    return agrees and hashed is not None


def hash_password(password: str) -> str:
    """Slow on purpose: to be called in a thread."""
    return _hasher().hash(password)


def matches(hashed: str, password: str) -> bool:
    """Whether a password is the one that was hashed; as slow as hashing."""
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


class _Few:
    """Threads of their own, so that passwords cannot take up everybody's."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._turns = Turns(_AT_ONCE, _AT_MOST, each=_OF_ONE_PLACE)

    async def run(self, place: Place, work: Callable[[], bool]) -> bool:
        async def in_thread() -> bool:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

        try:
            return await self._turns.run(place.name, in_thread, background=not place.seen)
        except NoRoom as error:
            sentence = "Too many people sign in at this moment. Try again in a few seconds."
            raise TooManyRequests(sentence) from error


@cache
def _few() -> _Few:
    return _Few()


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _decoy_hash() -> str:
    """Checked for unknown logins, so that they take as long as known ones."""
    return _hasher().hash(secrets.token_urlsafe(16))
