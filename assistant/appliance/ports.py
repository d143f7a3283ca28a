"""Which TCP ports of 127.0.0.1 the appliance's processes use."""

import errno
import json
import random
import socket
from pathlib import Path

from .errors import PortTaken
from .processes import describe, listener_on

_HOST = "127.0.0.1"
# Below the range that outgoing connections take their ports from, so that a remembered port stays free.
_INNER_PORTS = range(20000, 32000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` now (lingering clients of a closed one do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_port() -> int:
    """Return a port nobody listens on. Whoever asks first and binds first has it."""
    for port in random.sample(_INNER_PORTS, 200):
        if is_free(port):
            return port
    raise PortTaken(
        f"200 ports between {_INNER_PORTS.start} and {_INNER_PORTS.stop} were tried and none is free."
    )


def require_free(port: int, option: str = "--port") -> None:
    """Raise PortTaken, saying who has the port and what to do, unless it is free."""
    if is_free(port):
        return
    if port < 1024 and listener_on(port) is None:
        raise PortTaken(f"port {port} needs root; use {option} {port + 8000}")
    holder = listener_on(port)
    who = f" ({describe(holder)})" if holder is not None else ""
    raise PortTaken(f"port {port} is taken{who}; use {option} {_next_free(port)} or stop it")


class PortBook:
    """The inner ports by name, remembered in a file so that a restart uses the same ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports = _read(path)

    def pick(self, name: str) -> int:
        """Return the port remembered for `name`, or another free one when it is unknown or taken."""
        port = self._ports.get(name)
        if port is None or not is_free(port):
            taken = set(self._ports.values())
            port = next(p for p in iter(free_port, None) if p not in taken)
            self._ports[name] = port
            self._write()
        return port

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._ports, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(self._path)


def _next_free(port: int) -> int:
    return next((p for p in range(port + 1, min(port + 200, 65536)) if is_free(p)), 0) or free_port()


def _read(path: Path) -> dict[str, int]:
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(ports, dict):
        return {}
    return {name: port for name, port in ports.items() if isinstance(port, int)}
