"""The strangers among whom a provider is looked for: name server, web server and mail server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.providers import built_in
from gateway.core.mailboxes import Found
from gateway.core.refusals import Wrong
from gateway.mailboxes.discovery import Discovery, Pace
from gateway.mailboxes.network import Network
from tests.mailboxes.conftest import Secure
from tests.mailboxes.files import file, incoming, outgoing
from tests.mailboxes.web_server import Asked, Said, WebServer
from tests.name_server import NameServer, Zones

HERE = [("A", "127.0.0.1")]
AUTOCONFIG, WELL_KNOWN = "/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"
NAMES = (
    "*.example.com",
    "example.com",
    "*.hoster.example",
    "hoster.example",
    "*.mail.hoster.example",
    "mail.hoster.example",
    "elsewhere.example",
)
CONFIG = file(incoming("imap.example.com"), outgoing("smtp.example.com"))
HOSTED = file(incoming("imap.hoster.example"), outgoing("smtp.hoster.example"))
EXAMPLE = {"imap.example.com": HERE, "smtp.example.com": HERE}
HOSTER = {"imap.hoster.example": HERE, "smtp.hoster.example": HERE}
MX = {"example.com": [("MX", (10, "mx1.mail.hoster.example")), ("MX", (20, "other.example"))]}
NO_GUESS = b"220 sending only\r\n"
"""What a server greets with that is no IMAP server."""
Pages = Mapping[tuple[str, str], Said | None]


def service(target: str, port: int) -> list[tuple[str, str]]:
    return [("SRV", f"0 1 {port} {target}")]


@dataclass
class World:
    """Servers of strangers on loopback. greeted: how the mail server answers; None: with silence."""

    names: NameServer
    web: WebServer
    mail_port: int
    authorities: Path
    greeting: list[bytes] = field(default_factory=lambda: [b"* OK ready\r\n"])

    def discovery(self, *, private: bool = True, step: float = 1.5, whole: float = 10.0) -> Discovery:
        network = Network(
            private=private, name_servers=[self.names.address], authorities=self.authorities, look_up_seconds=step / 2
        )
        pace = Pace(step, whole, self.web.port, self.mail_port, self.mail_port)
        return Discovery(network, built_in(), pace)

    async def find(self, address: str = "anna@example.com") -> Found | Wrong:
        return await self.discovery().discover(address)


@asynccontextmanager
async def world(zones: Zones, pages: Pages, secure: Secure, authorities: Path) -> AsyncIterator[World]:
    async def answer(asked: Asked) -> Said | None:
        return pages.get((asked.host, asked.path), Said(404))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(made.greeting[0])
        await reader.read()
        writer.transport.abort()

    tls = secure(*NAMES)
    mail = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with NameServer(zones) as names, WebServer(answer, tls) as web:
        made = World(names, web, mail.sockets[0].getsockname()[1], authorities)
        yield made
        mail.close()
