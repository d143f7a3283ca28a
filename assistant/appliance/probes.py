"""Asking a child whether it is ready."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit


class Probe(Protocol):
    """`check` returns None once the child is ready, else in few words what is in the way; it never raises."""

    async def check(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when a GET answers 200. What `/readyz` says otherwise is passed on."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    timeout: float = 5

    async def check(self) -> str | None:
        try:
            async with asyncio.timeout(self.timeout):
                status, body = await self._get()
        except TimeoutError:
            return "it does not answer in time"
        except (OSError, ssl.SSLError, ValueError) as error:
            return f"it does not answer yet ({type(error).__name__})"
        return None if status == 200 else f"it answers {status}: {body[:300]}"

    async def _get(self) -> tuple[int, str]:
        """One GET on a connection of its own: a probe must see that a listener is gone."""
        url = urlsplit(self.url)
        default_port = 443 if url.scheme == "https" else 80
        reader, writer = await asyncio.open_connection(url.hostname, url.port or default_port, ssl=self.tls)
        try:
            lines = [
                f"GET {url.path or '/'}{'?' + url.query if url.query else ''} HTTP/1.0",
                f"Host: {url.netloc}",
                *(f"{name}: {value}" for name, value in self.headers.items()),
            ]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
            answer = (await reader.read(65_536)).decode("utf-8", "replace")
        finally:
            writer.close()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split(" ", 2)[1]) if " " in head else 0, body.strip()


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Ready when a port of this machine accepts a connection."""

    port: int
    host: str = "127.0.0.1"
    timeout: float = 2

    async def check(self) -> str | None:
        try:
            async with asyncio.timeout(self.timeout):
                _, writer = await asyncio.open_connection(self.host, self.port)
        except (OSError, TimeoutError):
            return f"nothing listens on port {self.port} yet"
        writer.close()
        return None
