"""A mail server that keeps what it takes: RFC 5321 on a real socket, with STARTTLS given a certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """Messages in the order in which they were taken; `refuse` is the reply to a verb, given once each."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuse: dict[str, list[str]] = field(default_factory=dict)
    encrypted: list[bool] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it goes."""
        await self._say(writer, "220 mailbox")
        while line := await reader.readline():
            verb = line.decode().split(maxsplit=1)[0].upper()
            if refusals := self.refuse.get(verb):
                await self._say(writer, refusals.pop(0))
                continue
            match verb:
                case "EHLO":
                    offered = "250-mailbox\r\n250 STARTTLS" if self.tls else "250 mailbox"
                    await self._say(writer, offered)
                case "STARTTLS" if self.tls:
                    await self._say(writer, "220 go on")
                    await writer.start_tls(self.tls)
                case "RCPT":
                    self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                    await self._say(writer, "250 taken")
                case "DATA":
                    await self._say(writer, "354 go on")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    parsed = message_from_bytes(content[:-3], policy=policy.default)
                    assert isinstance(parsed, EmailMessage)
                    self.messages.append(parsed)
                    self.encrypted.append(writer.get_extra_info("ssl_object") is not None)
                    await self._say(writer, "250 taken")
                case "QUIT":
                    await self._say(writer, "221 bye")
                    break
                case "MAIL" | "RSET" | "NOOP":
                    await self._say(writer, "250 well")
                case _:
                    await self._say(writer, "502 not here")
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> None:
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def mailbox(tls: ssl.SSLContext | None = None) -> AsyncIterator[Mailbox]:
    """A mail server on this machine for a while."""
    box = Mailbox(tls=tls)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box
