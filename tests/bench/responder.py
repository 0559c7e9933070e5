"""A tiny SMTP responder that answers as it is told and remembers what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field


@dataclass
class Responder:
    """verdict: reply to the end of data of the n-th mail, None hangs up instead. rcpt: reply to RCPT."""

    pipelining: bool = True
    rcpt: str = "250 2.1.5 fine"
    verdict: Callable[[int], str | None] = lambda _: "250 2.6.0 fine"
    port: int = 0
    connections: int = 0
    commands_a_read: list[int] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    envelopes: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Responder]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=4 * 1024 * 1024)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 responder\r\n")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while commands := await reader.read(65536):
                lines = commands.decode().split("\r\n")[:-1]
                self.commands_a_read.append(len(lines))
                for line in lines:
                    if not await self._answer(line, reader, writer):
                        return
        writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        verb = line.split(" ")[0]
        if verb == "EHLO":
            writer.write(
                b"250-responder\r\n" + (b"250-PIPELINING\r\n" if self.pipelining else b"") + b"250 SIZE 99999999\r\n"
            )
        elif verb == "RCPT":
            writer.write(f"{self.rcpt}\r\n".encode())
        elif verb == "DATA" and self.rcpt.startswith("2"):
            writer.write(b"354 go on\r\n")
            return await self._take(reader, writer)
        elif verb == "DATA":
            writer.write(b"503 5.5.1 no recipient\r\n")
        elif verb == "QUIT":
            writer.write(b"221 2.0.0 bye\r\n")
        else:
            if verb == "MAIL":
                self.envelopes.append(line)
            writer.write(b"250 2.0.0 fine\r\n")
        return True

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
        reply = self.verdict(len(self.mails))
        if reply is None:
            writer.close()
            return False
        writer.write(f"{reply}\r\n".encode())
        return True
