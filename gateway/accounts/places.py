"""Where a sign-in comes from, and how often that place has guessed."""

import hashlib
import hmac
import ipaddress
import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

_FAILURES_UNTIL_CLOSED: Final = 5
_FIRST_S: Final = 60.0
_LONGEST_S: Final = 86_400.0
_KEPT: Final = 50_000


@dataclass(frozen=True)
class Origin:
    """The network address that a sign-in comes from, and what its browser keeps of an earlier one."""

    address: str = ""
    device: str = field(default="", repr=False)


@dataclass(frozen=True)
class Place:
    """Whose guesses are counted together; `seen` when its browser has signed in to this account before."""

    name: str
    seen: bool = False


def place_of(origin: Origin, account: uuid.UUID | None, hashed: str | None) -> Place:
    """A browser that has signed in to the account is a place of its own; all others go by their network."""
    nonce, _, shown = origin.device.partition(".")
    if account and hashed:
        mark = _mark(nonce, account, hashed).encode()
        if hmac.compare_digest(mark, shown.encode("utf-8", "surrogatepass")):
            return Place(f"device {nonce}", seen=True)
    return Place(f"network {_network(origin.address)}")


def device_of(origin: Origin, place: Place, account: uuid.UUID, hashed: str) -> str:
    """What a browser keeps to be known again. It opens nothing, and ends with the password."""
    if place.seen:
        return origin.device
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_mark(nonce, account, hashed)}"


class Guesses:
    """Wrong passwords of each place for each login, whether or not there is such a login.

    After five a place is closed for a minute, after each further one twice as long, at most for a day. What
    is tried meanwhile is not counted. Kept in this process's memory; when that is full, the oldest goes,
    which takes longer to bring about than to wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, at_most: int = _KEPT) -> None:
        self._clock = clock
        self._at_most = at_most
        self._failures: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def is_closed(self, key: bytes) -> bool:
        """Whether what comes from there is refused, right or wrong."""
        return self._failures.get(key, (0, 0.0))[1] > self._clock()

    def add(self, key: bytes) -> None:
        """Count a wrong password."""
        count, until = self._failures.pop(key, (0, 0.0))
        now = self._clock()
        if count > _FAILURES_UNTIL_CLOSED and until + _LONGEST_S < now:
            count = 0
        count += 1
        over = count - _FAILURES_UNTIL_CLOSED
        closed = min(_FIRST_S * 2.0 ** min(over, 20), _LONGEST_S) if over >= 0 else 0.0
        self._failures[key] = (count, now + closed)
        while len(self._failures) > self._at_most:
            self._failures.popitem(last=False)

    def forget(self, key: bytes) -> None:
        """The right password came from there."""
        self._failures.pop(key, None)


def guesses_key(login: str, place: Place, hashed: str | None) -> bytes:
    """Where a place's guesses at a login are counted; a new password begins anew."""
    said = "\0".join((login, place.name, hashed or ""))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


@cache
def guesses() -> Guesses:
    """Those of this process."""
    return Guesses()


def _mark(nonce: str, account: uuid.UUID, hashed: str) -> str:
    """Made with the password's salted hash, which leaves the database with nobody."""
    said = f"cloister device\0{account}\0{nonce}".encode("utf-8", "surrogatepass")
    return hmac.new(hashed.encode(), said, hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """An address as one caller has it: of IPv6 a whole /64 belongs to each."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return str(ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False))
